"""Nesterov's accelerated gradient as rule and torch optimizer, and the evidence for it."""

__version__ = "0.1.0"
