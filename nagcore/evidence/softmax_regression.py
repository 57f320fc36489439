"""Logistic regression with ten classes on the shipped images, for torch optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nagcore.core.momentum import Momentum1983
from nagcore.errors import UsageError
from nagcore.fashion_mnist import load_arrays
from nagcore.names import closest_first
from nagcore.optim import NAG

CLASSES = 10
Closure = Callable[[], Tensor]


class SoftmaxRegression:
    """f(W) = mean cross-entropy of the scores X W + ridge/2 ‖W‖², on the 1,000 training images.

    Strongly convex with mu = ridge, and L-smooth with L = ½ λ_max(XᵀX)/n + ridge. A column of ones
    stands for the biases.

    Args:
        ridge: positive.

    Example:
        >>> f = SoftmaxRegression(ridge=0.1)
        >>> round(f.value(f.start()).item(), 4)  # ln 10
        2.3026
    """

    def __init__(self, ridge: float) -> None:
        arrays = load_arrays("shipped")
        images = torch.tensor(arrays.train_images, dtype=torch.float64).flatten(1) / 255
        self.images = torch.cat([images, torch.ones(len(images), 1, dtype=torch.float64)], dim=1)
        self.labels = torch.tensor(arrays.train_labels, dtype=torch.int64)
        self.ridge = ridge

    def __len__(self) -> int:
        return len(self.labels)

    def start(self) -> Tensor:
        """Return the origin."""
        width = self.images.shape[1]
        return torch.zeros(width, CLASSES, dtype=torch.float64).requires_grad_()

    def value(self, weights: Tensor, rows: Any = slice(None)) -> Tensor:
        """Return the objective on some of the images."""
        scores = self.images[rows] @ weights
        return cross_entropy(scores, self.labels[rows]) + self.ridge / 2 * weights.square().sum()

    @cached_property
    def L(self) -> float:
        """The Lipschitz constant of the gradient, by the bound ½ on that of cross-entropy."""
        gram = self.images.T @ self.images / len(self)
        return 0.5 * torch.linalg.eigvalsh(gram)[-1].item() + self.ridge

    @cached_property
    def f_star(self) -> float:
        """The minimum, within `certified`."""
        return self.value(self._solution).item()

    @cached_property
    def certified(self) -> float:
        """A bound on the error of `f_star`: ‖∇f‖²/(2 mu) where it was computed."""
        w = self._solution.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.value(w), w)
        return (gradient.square().sum() / (2 * self.ridge)).item()

    @cached_property
    def _solution(self) -> Tensor:
        w = self.start()
        optimizer = torch.optim.LBFGS(
            [w], max_iter=2000, max_eval=4000, tolerance_grad=1e-10, tolerance_change=0.0,
            history_size=50, line_search_fn="strong_wolfe",
        )  # fmt: skip
        optimizer.step(lambda: _backward(optimizer, lambda: self.value(w)))
        return w.detach()


class Descent(NamedTuple):
    """Passes over the data and the gap after each step, of mini-batches after each pass."""

    passes: list[float]
    gaps: list[float]
    restarts: int


def _lbfgs(w: Tensor, directions: int) -> torch.optim.Optimizer:
    # max_eval follows max_iter, and for one direction leaves no trial to the line search
    return torch.optim.LBFGS(
        [w], max_iter=directions, max_eval=max(25, directions * 5 // 4),
        line_search_fn="strong_wolfe",
    )  # fmt: skip


_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "L-BFGS, full batch": ("lbfgs", {"directions": 1}),
    "L-BFGS, mini-batches, 1 direction": ("lbfgs", {"directions": 1}),
    "L-BFGS, mini-batches, 20 directions": ("lbfgs", {"directions": 20}),
    "NAG, full batch": ("nag", {"restart": None}),
    "NAG, full batch, restart": ("nag", {"restart": "gradient"}),
    "NAG, mini-batches": ("nag", {"restart": None}),
    "NAG, mini-batches, restart": ("nag", {"restart": "gradient"}),
}
METHODS = tuple(_KINDS)


def descend(
    problem: SoftmaxRegression,
    method: str,
    *,
    step_size: float,
    batch_size: int,
    passes: float,
    seed: int,
) -> Descent:
    """Run a method from the origin until it has made the passes over the data.

    NAG on full batches has the momentum of 1983, which begins again at a restart; on mini-batches
    it has 0.9. L-BFGS keeps its memory from one mini-batch to the next. It stops by itself when
    its line search finds nothing.

    Args:
        problem: the regression.
        method: one of `METHODS`.
        step_size: of NAG, in units of 1/L.
        batch_size: images in a mini-batch.
        passes: gradients of single images to spend, in passes over the data.
        seed: of the order of the images.

    Raises:
        UsageError: an unknown name.
    """
    if method not in _KINDS:
        raise UsageError(f"method is {method!r}; known: {closest_first(method, METHODS)}")
    kind, options = _KINDS[method]
    full = "full batch" in method
    w, seen = problem.start(), 0
    if kind == "lbfgs":
        optimizer: Any = _lbfgs(w, **options)
    else:
        optimizer = NAG([w], lr=step_size / problem.L, momentum=0.9, **options)
    made, gaps = [0.0], [_gap(problem, w, optimizer)]
    for rows in _batches(len(problem), len(problem) if full else batch_size, seed):
        size = len(rows)

        def closure(rows: Tensor = rows, size: int = size) -> Tensor:
            nonlocal seen
            seen += size
            return _backward(optimizer, lambda: problem.value(w, rows))

        if full and kind == "nag":
            optimizer.param_groups[0]["momentum"] = _next_momentum(optimizer, taken=len(gaps) - 1)
        optimizer.step(closure)
        spent = seen / len(problem)
        if full or math.floor(spent) > math.floor(made[-1]) or spent >= passes:
            made.append(spent)
            gaps.append(_gap(problem, w, optimizer))
        if spent >= passes or not math.isfinite(gaps[-1]) or (full and _has_stopped(gaps)):
            break
    return Descent(made, gaps, getattr(optimizer, "restarts", 0))


def _next_momentum(optimizer: NAG, *, taken: int) -> float:
    """Return the momentum of 1983 for the query point to come, counted from the last restart."""
    since = optimizer.param_groups[0].get("steps_since_restart", taken)
    return Momentum1983()(int(since) + 1)


def _batches(count: int, size: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=generator).split(size)


def _backward(optimizer: torch.optim.Optimizer, loss: Closure) -> Tensor:
    optimizer.zero_grad()
    value = loss()
    value.backward()
    return value


def _gap(problem: SoftmaxRegression, w: Tensor, optimizer: Any) -> float:
    with torch.no_grad():
        if hasattr(optimizer, "at_iterate"):
            with optimizer.at_iterate():
                return problem.value(w).item() - problem.f_star
        return problem.value(w).item() - problem.f_star


def _has_stopped(gaps: list[float]) -> bool:
    return gaps[-1] == gaps[-2]
