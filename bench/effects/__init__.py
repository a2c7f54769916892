"""What each feature does to quality and speed, measured in one small training run each.

It stands beside the benchmark, not in model_zoo/: its product is figures for docs/features/, not a model to use.
"""
