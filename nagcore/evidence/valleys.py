"""Two valleys in two variables, and the paths of torch optimizers through them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim import find_optimizer, make_optimizer


class Valley(Protocol):
    """A function of two variables with minimum 0, whose gradients may be noisy."""

    @property
    def start(self) -> tuple[float, float]:
        """Where paths begin."""
        ...

    @property
    def minimizer(self) -> tuple[float, float]:
        """Where the function is 0."""
        ...

    @property
    def noise(self) -> float:
        """Standard deviation of each coordinate of a gradient."""
        ...

    def value(self, x: Any) -> Any:
        """Return f(x); x may be an array or a tensor of shape (…, 2)."""
        ...

    def grad(self, x: Any) -> tuple[Any, Any]:
        """Return the two coordinates of ∇f(x)."""
        ...


@dataclass(frozen=True)
class Rosenbrock:
    """f(x) = (1 − x₁)² + 100 (x₂ − x₁²)²: a bent valley, flat along its floor.

    Example:
        >>> Rosenbrock().value(np.array([1.0, 1.0]))
        np.float64(0.0)
    """

    start: tuple[float, float] = (-1.2, 1.0)
    minimizer: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0

    def value(self, x: Any) -> Any:
        """Return f(x)."""
        return (1 - x[..., 0]) ** 2 + 100 * (x[..., 1] - x[..., 0] ** 2) ** 2

    def grad(self, x: Any) -> tuple[Any, Any]:
        """Return the two coordinates of ∇f(x)."""
        off = x[..., 1] - x[..., 0] ** 2
        return -2 * (1 - x[..., 0]) - 400 * x[..., 0] * off, 200 * off


@dataclass(frozen=True)
class NoisyValley:
    """f(x) = (x₁² + κ x₂²)/2: a straight valley; gradients come with normal noise.

    Example:
        >>> NoisyValley(condition_number=4.0).value(np.array([1.0, 1.0]))
        np.float64(2.5)
    """

    condition_number: float = 50.0
    noise: float = 3.0
    start: tuple[float, float] = (10.0, 1.5)
    minimizer: tuple[float, float] = (0.0, 0.0)

    def value(self, x: Any) -> Any:
        """Return f(x)."""
        return (x[..., 0] ** 2 + self.condition_number * x[..., 1] ** 2) / 2

    def grad(self, x: Any) -> tuple[Any, Any]:
        """Return the two coordinates of ∇f(x)."""
        return x[..., 0], self.condition_number * x[..., 1]


VALLEYS: Mapping[str, Valley] = {"Rosenbrock": Rosenbrock(), "noisy valley": NoisyValley()}


def find_valley(name: str) -> Valley:
    """Return the valley of that name in `VALLEYS`.

    Raises:
        UsageError: there is none.
    """
    if name not in VALLEYS:
        raise UsageError(f"valley is {name!r}; known: {closest_first(name, VALLEYS)}")
    return VALLEYS[name]


class Walk(NamedTuple):
    """The iterates of a run, shape (steps + 1, 2), the function there, and gradients taken."""

    points: np.ndarray
    gaps: np.ndarray
    gradients: int


def walk(
    valley: Valley, optimizer: str, *, lr: float, steps: int, seed: int = 0, **options: Any
) -> Walk:
    """Return the path of an optimizer of `nagcore.optim.OPTIMIZERS` through a valley.

    The noise of a step is a linear term of the loss, as another mini-batch would be: a closure
    that is called several times within a step meets the same one. The point is a matrix with one
    row, which Muon needs. Points are iterates: where the parameters are query points, they are
    read inside `at_iterate()`.

    Args:
        valley: where to walk.
        optimizer: a name of the table.
        lr: step size.
        steps: how many.
        seed: of the noise.
        options: further arguments of the optimizer.

    Raises:
        UsageError: an unknown name or a bad value.

    Example:
        >>> path = walk(NoisyValley(noise=0.0), "gd", lr=0.01, steps=2)
        >>> path.points[1].round(3).tolist()  # 10 − 0.01·10, 1.5 − 0.01·75
        [9.9, 0.75]
    """
    if "execution" in find_optimizer(optimizer).options():
        options = {"execution": "plain", **options}  # no kernel is built for two numbers
    x = torch.tensor([valley.start], dtype=torch.float64).requires_grad_()
    torch_optimizer: Any = make_optimizer(optimizer, [x], lr=lr, **options)
    drawn = np.random.default_rng(seed).standard_normal((steps, 2))
    noises = torch.from_numpy(valley.noise * drawn)
    points, gradients = [valley.start], 0

    for noise in noises:

        def closure(noise: torch.Tensor = noise) -> torch.Tensor:
            nonlocal gradients
            gradients += 1
            with torch.no_grad():
                x.grad = torch.stack(valley.grad(x), dim=-1) + noise
                return (valley.value(x) + x @ noise).sum()

        torch_optimizer.step(closure)
        at_iterate = getattr(torch_optimizer, "at_iterate", nullcontext)
        with at_iterate():
            points.append(tuple(x[0].tolist()))
    path = np.array(points)
    with np.errstate(over="ignore", invalid="ignore"):
        return Walk(path, np.asarray(valley.value(path)), gradients)
