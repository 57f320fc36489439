"""The table of optimizers by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from nagcore.core.checks import require_momentum, require_not_negative
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim.nag import NAG


@dataclass(frozen=True)
class OptimizerEntry:
    """A name's class, its defaults and what a user should know.

    Attributes:
        build: the optimizer class.
        defaults: keyword arguments that make the class the named method.
        label: the method's name in tables and legends.
        full_batch: whether the method is meant to see all examples at each step.
    """

    build: type[torch.optim.Optimizer]
    label: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    full_batch: bool = False

    def options(self) -> list[str]:
        """Return the names of the keyword arguments that the class takes."""
        names = inspect.signature(self.build.__init__).parameters
        return [name for name in names if name not in ("self", "params", "lr")]


OPTIMIZERS: dict[str, OptimizerEntry] = {
    "gd": OptimizerEntry(torch.optim.SGD, "gradient descent", full_batch=True),
    "sgd": OptimizerEntry(torch.optim.SGD, "SGD"),
    "heavy-ball": OptimizerEntry(torch.optim.SGD, "heavy ball", {"momentum": 0.9}),
    "nag": OptimizerEntry(NAG, "Nesterov (NAG)", {"momentum": 0.9}),
    "adam": OptimizerEntry(torch.optim.Adam, "Adam"),
}


def find_optimizer(name: str) -> OptimizerEntry:
    """Return the entry of that name in `OPTIMIZERS`.

    Raises:
        UsageError: there is none; the message lists those there are, the closest first.
    """
    if name not in OPTIMIZERS:
        raise UsageError(
            f"optimizer {name!r} is not known; known: {closest_first(name, OPTIMIZERS)}"
        )
    return OPTIMIZERS[name]


def make_optimizer(
    name: str, params: Iterable[Any], *, lr: float, **options: Any
) -> torch.optim.Optimizer:
    """Return the optimizer that `name` stands for in `OPTIMIZERS`.

    Args:
        name: a key of `OPTIMIZERS`.
        params: parameters or parameter groups.
        lr: step size, 0 or larger.
        options: further keyword arguments of the class; they override the table's defaults.

    Raises:
        UsageError: unknown name or option, or a value that the class refuses.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> type(make_optimizer("nag", [weight], lr=0.1)).__name__
        'NAG'
        >>> make_optimizer("nga", [weight], lr=0.1)
        Traceback (most recent call last):
        nagcore.errors.UsageError: optimizer 'nga' is not known; known: nag, ...
    """
    entry = find_optimizer(name)
    unknown = [key for key in options if key not in entry.options()]
    if unknown:
        raise UsageError(
            f"{name} takes no option {unknown[0]!r}; "
            f"it takes: {closest_first(unknown[0], entry.options())}"
        )
    chosen = {**entry.defaults, **options}
    require_not_negative(lr, "lr")
    if "momentum" in chosen:
        require_momentum(chosen["momentum"])
    try:
        return entry.build(params, lr=lr, **chosen)  # pyright: ignore[reportCallIssue]
    except UsageError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name} cannot be made with {options}: {error}") from error
