"""Deterministic problems, a solver and the theorems' bounds."""

from nagcore.theory.minimize import DidNotConvergeError, Solution, minimize
from nagcore.theory.problem import Problem
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.real_data import tell_classes_apart
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.worst_function import WorstFunction

__all__ = [
    "DidNotConvergeError",
    "LeastSquares",
    "LogisticRegression",
    "Problem",
    "Quadratic",
    "Solution",
    "WorstFunction",
    "minimize",
    "spaced_spectrum",
    "tell_classes_apart",
]
