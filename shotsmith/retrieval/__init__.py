"""Encoders, the vector index, and the source that joins them for selectors."""
