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
from nagcore.optim.adan import Adan
from nagcore.optim.muon import Muon
from nagcore.optim.nadam import NAdam, NAdamW
from nagcore.optim.nag import NAG
from nagcore.optim.schedule_free import ScheduleFree, ScheduleFreeAdamW


@dataclass(frozen=True)
class OptimizerEntry:
    """A name's class, its defaults and what a user should know.

    Attributes:
        build: the optimizer class.
        label: the method's name in tables and legends.
        lr: a step size to begin with, the library's or the authors' own.
        defaults: keyword arguments that make the class the named method.
        full_batch: whether the method is meant to see all examples at each step.
        needs: what else the method asks for, for people.
    """

    build: type[torch.optim.Optimizer]
    label: str
    lr: float
    defaults: Mapping[str, Any] = field(default_factory=dict)
    full_batch: bool = False
    needs: str = ""

    def options(self) -> list[str]:
        """Return the names of the keyword arguments that the class takes."""
        names: dict[str, None] = {}
        for kind in self.build.__mro__:
            parameters = inspect.signature(kind.__init__).parameters.values()
            names |= {p.name: None for p in parameters if p.kind is not p.VAR_KEYWORD}
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
        return [name for name in names if name not in ("self", "params", "lr")]


_SGD, _AVERAGE = torch.optim.SGD, "evaluate inside at_iterate()"
OPTIMIZERS: dict[str, OptimizerEntry] = {
    "gd": OptimizerEntry(_SGD, "gradient descent", 0.1, full_batch=True),
    "sgd": OptimizerEntry(_SGD, "SGD", 0.1),
    "heavy-ball": OptimizerEntry(_SGD, "heavy ball", 0.01, {"momentum": 0.9}),
    "nag": OptimizerEntry(NAG, "Nesterov (NAG)", 0.01, {"momentum": 0.9}, needs=_AVERAGE),
    "adam": OptimizerEntry(torch.optim.Adam, "Adam", 1e-3),
    "adamw": OptimizerEntry(torch.optim.AdamW, "AdamW", 1e-3),
    "nadam": OptimizerEntry(NAdam, "NAdam", 2e-3),
    "nadamw": OptimizerEntry(NAdamW, "NAdamW", 2e-3),
    "adan": OptimizerEntry(Adan, "Adan", 1e-3),
    "muon": OptimizerEntry(
        Muon, "Muon", 0.02, needs="last layer and embeddings in a group with method 'nadamw'"
    ),
    "schedule-free": OptimizerEntry(
        ScheduleFree, "schedule-free", 1.0, {"momentum": 0.9}, needs=_AVERAGE
    ),
    "schedule-free-adamw": OptimizerEntry(
        ScheduleFreeAdamW, "schedule-free AdamW", 2.5e-3, needs=_AVERAGE
    ),
    "lbfgs": OptimizerEntry(
        torch.optim.LBFGS,
        "L-BFGS",
        1.0,
        {"line_search_fn": "strong_wolfe"},
        full_batch=True,
        needs="a closure, and one parameter group",
    ),
}
"""Every optimizer by the name that commands and experiments use, torch's own among them."""


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
    name: str, params: Iterable[Any], *, lr: float | None = None, **options: Any
) -> torch.optim.Optimizer:
    """Return the optimizer that `name` stands for in `OPTIMIZERS`.

    Args:
        name: a key of `OPTIMIZERS`.
        params: parameters or parameter groups.
        lr: step size, 0 or larger; the table's if left out.
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
    chosen = {"lr": entry.lr if lr is None else lr, **entry.defaults, **options}
    require_not_negative(chosen["lr"], "lr")
    if "momentum" in chosen:
        require_momentum(chosen["momentum"])
    try:
        return entry.build(params, **chosen)
    except UsageError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name} cannot be made with {options}: {error}") from error
