"""Nesterov's accelerated gradient in every standard form, and the evidence for what it does."""

__version__ = "0.1.0"
