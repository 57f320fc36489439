"""Torch optimizers held equal to the rules of `nagcore.core`."""

from nagcore.optim.nag import NAG
from nagcore.optim.table import OPTIMIZERS, OptimizerEntry, find_optimizer, make_optimizer

__all__ = ["NAG", "OPTIMIZERS", "OptimizerEntry", "find_optimizer", "make_optimizer"]
