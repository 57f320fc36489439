"""Deterministic problems, a solver, the theorems' bounds and certificates of worst cases."""

from nagcore.theory.catalogue import METHODS, make_method
from nagcore.theory.certificates import Certificate, certify
from nagcore.theory.check_gradient import check_gradient
from nagcore.theory.generated import (
    random_huber,
    random_lasso,
    random_least_squares,
    random_log_sum_exp,
    random_logistic,
)
from nagcore.theory.huber import HuberRegression
from nagcore.theory.log_sum_exp import LogSumExp
from nagcore.theory.minimize import DidNotConvergeError, Solution, minimize
from nagcore.theory.problem import Composite, Objective, Problem
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.real_data import tell_classes_apart
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.sparse_regression import ElasticNetRegression, Lasso
from nagcore.theory.worst_case import rebuild_worst_case
from nagcore.theory.worst_function import WorstFunction

__all__ = [
    "METHODS",
    "Certificate",
    "Composite",
    "DidNotConvergeError",
    "ElasticNetRegression",
    "HuberRegression",
    "Lasso",
    "LeastSquares",
    "LogSumExp",
    "LogisticRegression",
    "Objective",
    "Problem",
    "Quadratic",
    "Solution",
    "WorstFunction",
    "certify",
    "check_gradient",
    "make_method",
    "minimize",
    "random_huber",
    "random_lasso",
    "random_least_squares",
    "random_log_sum_exp",
    "random_logistic",
    "rebuild_worst_case",
    "spaced_spectrum",
    "tell_classes_apart",
]
