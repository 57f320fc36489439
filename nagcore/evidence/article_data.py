"""What the number of examples costs gradient descent and Nesterov's method, whole or in parts."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nagcore.core import GradientDescent, Nesterov
from nagcore.core.method import Method
from nagcore.errors import UsageError
from nagcore.theory import LeastSquares, minimize, spaced_spectrum

WAYS = ("gd", "nag", "sgd", "nag-batches")
"""Gradient descent and Nesterov's method with all examples, then both with mini-batches."""


@dataclass(frozen=True)
class Population:
    """Examples (a, b) with b = aᵀw + noise, as many as are asked for.

    The features are normal, independent, with variances from 1/κ to 1. The best weights w have
    the same share in the error from every direction, 1 in all.

    Args:
        features: number n of variables.
        condition_number: κ of the expected loss.
        noise: standard deviation of the targets round aᵀw.

    Example:
        >>> A, b = Population().draw(5, seed=0)
        >>> A.shape, b.shape
        ((5, 20), (5,))
    """

    features: int = 20
    condition_number: float = 100.0
    noise: float = 0.5

    @cached_property
    def variances(self) -> np.ndarray:
        """Return the variances of the features, shape (n,)."""
        return np.array(spaced_spectrum(self.features, self.condition_number))

    @cached_property
    def weights(self) -> np.ndarray:
        """Return w, shape (n,)."""
        return 1 / np.sqrt(self.features * self.variances)

    def excess(self, x: np.ndarray) -> float:
        """Return E(aᵀx − b)² less what w leaves; at the origin it is 1."""
        return float(self.variances @ (x - self.weights) ** 2)

    def draw(self, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return features (rows, n) and targets (rows,)."""
        generator = np.random.default_rng(seed)
        A = generator.standard_normal((rows, self.features)) * np.sqrt(self.variances)
        return A, A @ self.weights + self.noise * generator.standard_normal(rows)

    def blocks(self, rows: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield so many rows in blocks of `size`, each drawn when it is wanted."""
        for seed in range(rows // size):
            yield self.draw(size, seed)


def examples_needed(
    population: Population, way: str, rows: int, *, excess: float, batch_size: int = 20
) -> int:
    """Return how many examples are read until the excess of the iterate is small enough.

    With all examples the step size is 1/L and Nesterov's momentum the sequence of 1983. With
    mini-batches, cut from the examples in order, gradient descent has step size 0.1, and
    Nesterov's method 0.01 with momentum 0.9, which is the same pace in the long run.

    Args:
        population: where the examples come from.
        way: one of `WAYS`.
        rows: how many examples there are.
        excess: expected squared error beyond that of the best weights, less than 1.
        batch_size: examples of a mini-batch.

    Raises:
        UsageError: an unknown way, or the excess is not reached in 2,000 steps.

    Example:
        >>> examples_needed(Population(), "gd", 1000, excess=0.5) % 1000
        0
    """
    if way not in WAYS:
        raise UsageError(f"way is {way!r}, expected one of {', '.join(WAYS)}")
    A, b = population.draw(rows, seed=0)
    if way in ("gd", "nag"):
        method = GradientDescent() if way == "gd" else Nesterov()
        run = minimize(
            LeastSquares(A, b), method, np.zeros(population.features), max_steps=2000,
            callback=lambda view: population.excess(view.x) <= excess,
        )  # fmt: skip
        steps, size = run.steps if run.status == "stopped" else None, rows
    else:
        method, alpha = (GradientDescent(), 0.1) if way == "sgd" else (Nesterov(0.9), 0.01)
        steps, size = _walk(population, method, alpha, (A, b), excess, batch_size), batch_size
    if steps is None:
        raise UsageError(
            f"{way} did not bring the excess to {excess} with {rows} examples; expected a larger "
            "excess or more examples"
        )
    return steps * size


def _walk(
    population: Population,
    method: Method[Any],
    step_size: float,
    data: tuple[np.ndarray, np.ndarray],
    excess: float,
    batch_size: int,
) -> int | None:
    A, b = data
    state = method.init(np.zeros(population.features))
    for k in range(2000):
        rows = np.arange(k * batch_size, (k + 1) * batch_size) % len(b)
        residual = A[rows] @ method.query(state) - b[rows]
        state = method.step(state, A[rows].T @ residual / batch_size, step_size)
        if population.excess(state.x) <= excess:
            return k + 1
    return None


def peak_memory(
    population: Population, method: Method[Any], rows: int, *, block: int = 1000
) -> int:
    """Return the most bytes held at once in two steps with the gradient of all examples.

    The examples are drawn block by block and forgotten, as if they were read from a disk.

    Args:
        population: where they come from.
        method: the rule.
        rows: how many examples a gradient sums up.
        block: examples held at a time.

    Example:
        >>> peak_memory(Population(), GradientDescent(), 2000) < 1_000_000
        True
    """
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        state = method.init(np.zeros(population.features))
        for _ in range(2):
            state = method.step(state, _gradient(population, method.query(state), rows, block), 0.5)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not was_tracing:
            tracemalloc.stop()


def _gradient(population: Population, x: np.ndarray, rows: int, block: int) -> np.ndarray:
    total = np.zeros_like(x)
    for A, b in population.blocks(rows, block):
        total += A.T @ (A @ x - b)
    return total / rows
