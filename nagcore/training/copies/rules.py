"""Rules for copies: hyperparameters, which are tensors, to a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from nagcore.core import (
    Adam,
    Adan,
    AdanState,
    GradientDescent,
    HeavyBall,
    Method,
    NAdam,
    Nesterov,
    ScheduleFree,
    ScheduleFreeAdamW,
)
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.copies.matrices import ByShape

Hyperparameters = Mapping[str, Tensor]
"""Of one copy, by name, each a tensor without dimensions."""
Rule = Callable[[Hyperparameters], Method]
"""Of the hyperparameters of one copy, the method that moves its parameters, one flat vector."""


# The rules of `core` refuse constants that are out of range. What a graph computes with is not
# looked at while it is captured, so these take what they are given; `train_copies` has looked.
class _Adam(Adam):
    def __post_init__(self) -> None:
        pass


class _NAdam(NAdam):
    def __post_init__(self) -> None:
        pass


class _ScheduleFreeAdamW(ScheduleFreeAdamW):
    def __post_init__(self) -> None:
        pass


class _Adan(Adan):
    """Adan whose state is the same before the first step and after it."""

    def __post_init__(self) -> None:
        pass

    def init(self, x0: Any) -> AdanState:
        return super().init(x0)._replace(last_grad=x0 - x0)

    def step(self, state: AdanState, grad: Any, step_size: Any) -> AdanState:
        last = torch.where(torch.as_tensor(state.k) == 0, grad, state.last_grad)
        return super().step(state._replace(last_grad=last), grad, step_size)


@dataclass(frozen=True)
class Decayed:
    """A method before whose step the iterate shrinks by 1 − α λ, as in AdamW.

    Args:
        method: one that asks for the gradient at its iterate.
        weight_decay: λ.

    Source: [loshchilov2019].

    Example:
        >>> method = Decayed(GradientDescent(), 0.5)
        >>> method.step(method.init(4.0), grad=1.0, step_size=0.5).x  # 4 · ¾ − ½
        2.5
    """

    method: Method
    weight_decay: Any

    def init(self, x0: Any) -> Any:
        """Return the state at the starting point `x0`."""
        return self.method.init(x0)

    def query(self, state: Any) -> Any:
        """Return the point at which the next gradient is wanted."""
        return self.method.query(state)

    def step(self, state: Any, grad: Any, step_size: Any) -> Any:
        """Return the state after one step."""
        shrunk = (1 - step_size * self.weight_decay) * state.x
        return self.method.step(state._replace(x=shrunk), grad, step_size)


def _sgd(h: Hyperparameters) -> Method:  # noqa: ARG001
    return GradientDescent()


def _heavy_ball(h: Hyperparameters) -> Method:
    return HeavyBall(lambda _: h["momentum"])  # pyright: ignore[reportArgumentType]


def _nag(h: Hyperparameters) -> Method:
    return Nesterov(lambda _: h["momentum"])  # pyright: ignore[reportArgumentType]


def _adam(h: Hyperparameters) -> Method:
    return _Adam(**_given(h, "beta1", "beta2", "eps"))


def _adamw(h: Hyperparameters) -> Method:
    return Decayed(_adam(h), h.get("weight_decay", 0.01))


def _nadam(h: Hyperparameters) -> Method:
    return _NAdam(**_given(h, "beta1", "beta2", "eps", "decay"))


def _nadamw(h: Hyperparameters) -> Method:
    return Decayed(_nadam(h), h.get("weight_decay", 0.01))


def _adan(h: Hyperparameters) -> Method:
    return _Adan(**_given(h, "beta1", "beta2", "beta3", "eps", "weight_decay"))


def _schedule_free(h: Hyperparameters) -> Method:
    return ScheduleFree(lambda _: h["momentum"])  # pyright: ignore[reportArgumentType]


def _schedule_free_adamw(h: Hyperparameters) -> Method:
    return _ScheduleFreeAdamW(_schedule_free(h), **_given(h, "beta2", "eps", "weight_decay"))  # pyright: ignore


def _given(h: Hyperparameters, *names: str) -> dict[str, Any]:
    return {name: h[name] for name in names if name in h}


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "sgd": _sgd,
        "heavy-ball": _heavy_ball,
        "nag": _nag,
        "adam": _adam,
        "adamw": _adamw,
        "nadam": _nadam,
        "nadamw": _nadamw,
        "adan": _adan,
        "muon": ByShape(_nadamw),
        "schedule-free": _schedule_free,
        "schedule-free-adamw": _schedule_free_adamw,
    }
)
"""Rules by name. All read "step_size"; "heavy-ball", "nag" and the schedule-free ones read
"momentum"; "beta1", "beta2", "beta3", "eps", "decay" and "weight_decay" have the defaults of the
rule in `nagcore.core` where they are not given ("weight_decay" of "adamw" and "nadamw": 0.01).
"muon" reads "momentum" for matrices, and for all other parameters what "nadamw" reads."""


def find_rule(name: str) -> Rule:
    """Return the rule of this name in `RULES`.

    Raises:
        UsageError: there is none.

    Example:
        >>> type(find_rule("nag")({"momentum": torch.tensor(0.5)})).__name__
        'Nesterov'
    """
    if name not in RULES:
        raise UsageError(
            f"there is no rule {name!r} for copies; the rules: {closest_first(name, RULES)}"
        )
    return RULES[name]
