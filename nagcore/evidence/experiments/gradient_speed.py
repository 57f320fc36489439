"""Gradients of data problems that read the data once, against the usual two products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.timing import limit_threads, median_ratio, time_in_turns
from nagcore.theory.regression import LeastSquares, LogisticRegression

DECLARATION = Declaration(
    name="gradient-speed",
    question="How much faster is a gradient that reads the data matrix once?",
    axes={
        "problem": ("least squares", "logistic"),
        "rows": (1_000, 10_000, 100_000, 1_000_000),
        "threads": (1, 2),
    },
    constants={"unknowns": 50, "rounds": 9},
    columns={
        "two_products": "median time of A x and Aᵀ r, milliseconds",
        "blocks": "median time of the package's gradient, milliseconds",
        "ratio": "median over the rounds of two_products / blocks",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Time both on the same data, with the same number of threads allowed."""
    generator = np.random.default_rng(0)
    A = generator.standard_normal((setting["rows"], setting["unknowns"]))
    x = generator.standard_normal(setting["unknowns"])
    b = np.sign(generator.standard_normal(setting["rows"]))
    repeats = max(1, 400_000 // setting["rows"])
    ours, usual = _gradients(setting["problem"], A, b)

    def repeated(gradient: Callable[[np.ndarray], np.ndarray]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(repeats):
                gradient(x)

        return run

    with limit_threads(setting["threads"]):
        seconds = time_in_turns(
            {"two_products": repeated(usual), "blocks": repeated(ours)}, rounds=setting["rounds"]
        )
    scale = 1e3 / repeats
    return {
        "two_products": float(np.median(seconds["two_products"])) * scale,
        "blocks": float(np.median(seconds["blocks"])) * scale,
        "ratio": median_ratio(seconds["two_products"], seconds["blocks"]),
    }


def _gradients(
    name: str, A: np.ndarray, b: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """Return the package's gradient and the one that people write."""
    m = len(b)
    if name == "least squares":
        return LeastSquares(A, b).grad, lambda x: A.T @ (A @ x - b) / m
    ridge = 1e-4

    def usual(x: np.ndarray) -> np.ndarray:
        return A.T @ (-b / (1 + np.exp(b * (A @ x)))) / m + ridge * x

    return LogisticRegression(A, b, ridge=ridge).grad, usual


EXPERIMENT = Experiment(DECLARATION, measure)
