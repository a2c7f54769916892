"""The attention layer, its masks, its cache and its kernels."""
