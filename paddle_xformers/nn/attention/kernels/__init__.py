"""Ways to compute the same attention; `eager` is the oracle the others are tested against."""
