"""Many copies of a small model trained at once, each with its own seed and hyperparameters."""

from nagcore.training.copies.examples import Examples
from nagcore.training.copies.history import CopiesHistory
from nagcore.training.copies.matrices import ByShape
from nagcore.training.copies.rules import RULES, Rule, find_rule
from nagcore.training.copies.train import train_copies
from nagcore.training.stopping import Target as Target

__all__ = [
    "RULES",
    "ByShape",
    "CopiesHistory",
    "Examples",
    "Rule",
    "find_rule",
    "train_copies",
]
