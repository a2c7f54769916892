"""Side-by-side benchmark of paddle_xformers and its peers. Start with `python bench/run.py --help`."""
