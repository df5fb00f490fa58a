"""Shotsmith chooses, orders and renders the demonstrations that a vision-language model is shown."""

__version__ = "0.1.0"
