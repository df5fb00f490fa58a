"""Augmentation: examples that a model makes up from real ones."""
