"""Training: not part of this version yet."""
