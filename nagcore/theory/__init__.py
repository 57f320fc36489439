"""Deterministic problems, a solver, the theorems' bounds and certificates of worst cases.

The bounds are in `nagcore.theory.bounds`, `bounds_optimal` and `restart_bounds`.
"""

from nagcore.theory.catalogue import METHODS, Guarantee, Recipe, make_method, recipe, with_prox
from nagcore.theory.certificates import Certificate, CertificationError, certify
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
from nagcore.theory.minimize import StepView, minimize
from nagcore.theory.problem import Composite, CompositeProblem, Objective, Problem
from nagcore.theory.quadratic import Quadratic, spaced_spectrum
from nagcore.theory.real_data import (
    breast_cancer_logistic,
    diabetes_huber,
    diabetes_lasso,
    diabetes_least_squares,
    digits_logistic,
    tell_classes_apart,
)
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.restart_bounds import best_interval
from nagcore.theory.solution import DidNotConvergeError, Solution, Status, Trace
from nagcore.theory.sparse_regression import ElasticNetRegression, Lasso
from nagcore.theory.worst_case import WorstCaseFunction, rebuild_worst_case
from nagcore.theory.worst_function import WorstFunction

__all__ = [
    "METHODS",
    "Certificate",
    "CertificationError",
    "Composite",
    "CompositeProblem",
    "DidNotConvergeError",
    "ElasticNetRegression",
    "Guarantee",
    "HuberRegression",
    "Lasso",
    "LeastSquares",
    "LogSumExp",
    "LogisticRegression",
    "Objective",
    "Problem",
    "Quadratic",
    "Recipe",
    "Solution",
    "Status",
    "StepView",
    "Trace",
    "WorstCaseFunction",
    "WorstFunction",
    "best_interval",
    "breast_cancer_logistic",
    "certify",
    "check_gradient",
    "diabetes_huber",
    "diabetes_lasso",
    "diabetes_least_squares",
    "digits_logistic",
    "make_method",
    "minimize",
    "random_huber",
    "random_lasso",
    "random_least_squares",
    "random_log_sum_exp",
    "random_logistic",
    "rebuild_worst_case",
    "recipe",
    "spaced_spectrum",
    "tell_classes_apart",
    "with_prox",
]
