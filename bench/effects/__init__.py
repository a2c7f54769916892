"""What each feature does to quality and speed, measured in one small training run each."""
