"""The optimizers under contract, and the rules of nagcore.core that they must follow.

A new optimizer of nagcore.optim is one more row of `ROWS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from nagcore.core import NADAM_CONVENTIONS, Nesterov, ScheduleFree, ScheduleFreeAdamW
from nagcore.core import Adan as AdanRule
from nagcore.core import Muon as MuonRule
from nagcore.optim import NAG, Adan, Muon, NAdam, NAdamW
from nagcore.optim import ScheduleFree as ScheduleFreeOptimizer
from nagcore.optim import ScheduleFreeAdamW as ScheduleFreeAdamWOptimizer

Settings = Callable[[int], Mapping[str, Any]]
"""The values of a parameter's group at the call of step number k = 0, 1, …"""


@dataclass(frozen=True)
class Row:
    """One optimizer under contract.

    Attributes:
        build: the class.
        rule: takes the settings of a parameter's group and the parameter, and returns the rule of
            nagcore.core that moves it.
        remembers: takes a state of the rule and returns what the optimizer must hold, by name.
        good: arguments that are taken; the first ones are the plain method.
        bad: arguments that are refused, with words of the message.
        beyond: further arguments that are taken, which do more than the rule.
        decay: how weight decay enters with these settings: "coupled", "decoupled" or, where the
            rule itself has it, "own".
        scheduled: names of the settings that may change at every step.
        shift: moves all points of a rule's state.
        complex: whether all parameters may be complex.
        elementwise: whether a step does the same with each element, however memory is laid out.
        has_roots: whether a step takes square roots.
        differentiable: whether gradients may flow through the step.
    """

    build: type[Any]
    rule: Callable[[Settings, Tensor], Any]
    remembers: Callable[[Any], Mapping[str, Any]]
    good: tuple[dict[str, Any], ...]
    bad: tuple[tuple[dict[str, Any], str], ...]
    decay: Callable[[Mapping[str, Any]], str]
    beyond: tuple[dict[str, Any], ...] = ()
    scheduled: tuple[str, ...] = ("lr", "momentum")
    shift: Callable[[Any, Any], Any] = lambda state, by: state._replace(x=state.x + by)
    complex: bool = True
    elementwise: bool = True
    has_roots: bool = False
    differentiable: bool = True

    @property
    def has_iterate(self) -> bool:
        """Whether the parameters are a query point, and the iterate another one."""
        return hasattr(self.build, "at_iterate")

    @property
    def plain(self) -> dict[str, Any]:
        """The arguments of the plain method."""
        return self.good[0]

    @property
    def with_decay(self) -> dict[str, dict[str, Any]]:
        """By each way in which weight decay can enter, good arguments with that decay."""
        found = {}
        for arguments in self.good:
            if arguments.get("weight_decay"):
                optimizer = self.build([Parameter(torch.zeros(1))], **arguments)
                found[self.decay(optimizer.param_groups[0])] = arguments
        return found


class MadeAnew:
    """A rule that is made anew at each step from the settings of that step."""

    def __init__(self, make: Callable[[Mapping[str, Any]], Any], at: Settings) -> None:
        self.make, self.at = make, at

    def init(self, x0: Any) -> Any:
        return self.make(self.at(0)).init(x0)

    def query(self, state: Any) -> Any:
        return self.make(self.at(state.k - 1)).query(state)

    def step(self, state: Any, grad: Any, step_size: float) -> Any:
        return self.make(self.at(state.k)).step(state, grad, step_size)


def before(at: Settings, name: str, index: int | None = None) -> Callable[[int], float]:
    """Return the sequence k ↦ β_k: the query point k was formed by step number k − 1."""

    def momentum(k: int) -> float:
        value = at(max(k - 1, 0))[name]
        return float(value if index is None else value[index])

    return momentum


def follow_nadam(at: Settings, parameter: Tensor) -> Any:
    def make(now: Mapping[str, Any]) -> Any:
        rule = NADAM_CONVENTIONS[now["convention"]]
        own = {"eps": now["eps"], "decay": now["momentum_decay"]}
        given = {name: value for name, value in own.items() if value is not None}
        return replace(rule, beta1=now["betas"][0], beta2=now["betas"][1], **given)

    return MadeAnew(make, at)


def follow_adan(at: Settings, parameter: Tensor) -> Any:
    def make(now: Mapping[str, Any]) -> Any:
        return AdanRule(*now["betas"], eps=now["eps"], weight_decay=now["weight_decay"])

    return MadeAnew(make, at)


def follow_schedule_free(at: Settings, parameter: Tensor) -> Any:
    now = at(0)
    return ScheduleFree(before(at, "momentum"), now["weight_lr_power"], now["r"])


def follow_schedule_free_adamw(at: Settings, parameter: Tensor) -> Any:
    def make(now: Mapping[str, Any]) -> Any:
        inside = ScheduleFree(before(at, "betas", 0), now["weight_lr_power"], now["r"])
        return ScheduleFreeAdamW(inside, now["betas"][1], now["eps"], now["weight_decay"])

    return MadeAnew(make, at)


def follow_muon(at: Settings, parameter: Tensor) -> Any:
    def as_nadam(k: int) -> Mapping[str, Any]:
        now = at(k)
        betas = (now["momentum"], now["beta2"])
        return {**now, "betas": betas, "momentum_decay": None, "convention": "torch"}

    if parameter.ndim < 2:
        return follow_nadam(as_nadam, parameter)
    return MadeAnew(
        lambda now: OnMatrix(
            MuonRule(now["momentum"], now["convention"], now["adjust_lr_fn"], now["ns_steps"])
        ),
        at,
    )


@dataclass(frozen=True)
class OnMatrix:
    """A rule for matrices on a tensor of more dimensions, each of whose parts is a row."""

    rule: Any

    def init(self, x0: Tensor) -> Any:
        return self.rule.init(x0.flatten(1))._replace(x=x0)

    def query(self, state: Any) -> Tensor:
        return state.x

    def step(self, state: Any, grad: Tensor, step_size: float) -> Any:
        flat = state._replace(x=state.x.flatten(1))
        after = self.rule.step(flat, grad.flatten(1), step_size)
        return after._replace(x=after.x.reshape(state.x.shape))


def coupled_or_not(settings: Mapping[str, Any]) -> str:
    return "decoupled" if settings["decoupled_weight_decay"] else "coupled"


def own(settings: Mapping[str, Any]) -> str:
    return "own"


def nadam_state(state: Any) -> dict[str, Any]:
    return {
        "mean": state.mean,
        "square": state.square,
        "product": state.product,
        "step": state.k,
    }


def muon_state(state: Any) -> dict[str, Any]:
    if hasattr(state, "mean"):
        return nadam_state(state)
    return {"buffer": state.buffer.reshape(state.x.shape)}


def schedule_free_state(state: Any) -> dict[str, Any]:
    return {
        "offset": state.z - state.x,
        "total": state.total,
        "largest": state.largest,
        "step": state.k,
    }


COMMON = (
    ({"lr": -0.1}, "lr is -0.1"),
    ({"lr": float("nan")}, "lr is nan"),
    ({"lr": float("inf")}, "lr is inf"),
    ({"lr": "fast"}, "lr is 'fast'"),
    ({"weight_decay": -1e-4}, "weight_decay is -0.0001"),
    ({"weight_decay": float("nan")}, "weight_decay is nan"),
    ({"execution": "quick"}, "execution is 'quick'"),
)
MOMENTUM = (({"momentum": 1.0}, "momentum is 1.0"), ({"momentum": -0.5}, "momentum is -0.5"))


def betas(*values: float) -> tuple[tuple[dict[str, Any], str], ...]:
    """Return `betas` with each of them out of its range, and with one too few."""
    wrong = [({"betas": values[:-1]}, "betas is ")]
    for index in range(len(values)):
        for beta in (1.0, -0.1):
            changed = (*values[:index], beta, *values[index + 1 :])
            wrong.append(({"betas": changed}, rf"betas\[{index}\] is {beta}"))
    return tuple(wrong)


EPS = (({"eps": -1e-8}, "eps is -1e-08"),)
POWERS = (({"weight_lr_power": -1.0}, "weight_lr_power is -1.0"), ({"r": -1.0}, "r is -1.0"))
NADAM_BAD = (
    *COMMON,
    *EPS,
    *betas(0.9, 0.999),
    ({"momentum_decay": -1.0}, "momentum_decay is -1.0"),
    ({"convention": "tensorflow"}, "convention is 'tensorflow'"),
)

ROWS = {
    "NAG": Row(
        NAG,
        rule=lambda at, parameter: Nesterov(before(at, "momentum")),
        remembers=lambda state: {"displacement": state.displacement},
        good=(
            {"lr": 0.05, "momentum": 0.9},
            {"lr": 0.05, "momentum": 0.0},
            {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1},
            {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1, "decoupled_weight_decay": True},
            {"lr": 0.05, "momentum": 0.5, "maximize": True},
        ),
        bad=(*COMMON, *MOMENTUM, ({"restart": "slope"}, "restart is 'slope'")),
        beyond=(
            {"lr": 0.05, "momentum": 0.9, "restart": "gradient", "restart_scope": "group"},
            {"lr": 0.05, "momentum": 0.9, "restart": "speed"},
        ),
        decay=coupled_or_not,
    ),
    "NAdam": Row(
        NAdam,
        rule=follow_nadam,
        has_roots=True,
        remembers=nadam_state,
        good=(
            {"lr": 0.05},
            {"lr": 0.05, "convention": "keras", "weight_decay": 0.1},
            {"lr": 0.05, "convention": "constant", "maximize": True},
            {"lr": 0.05, "convention": "tf1", "eps": 1e-3},
            {"lr": 0.05, "convention": "dozat", "momentum_decay": 0.1},
        ),
        bad=NADAM_BAD,
        decay=coupled_or_not,
        scheduled=("lr", "betas"),
    ),
    "NAdamW": Row(
        NAdamW,
        rule=follow_nadam,
        has_roots=True,
        remembers=nadam_state,
        good=({"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.05, "decoupled_weight_decay": False}),
        bad=NADAM_BAD,
        decay=coupled_or_not,
        scheduled=("lr", "betas"),
    ),
    "Adan": Row(
        Adan,
        rule=follow_adan,
        has_roots=True,
        remembers=lambda state: {
            "mean": state.mean,
            "difference": state.difference,
            "square": state.square,
            "last_grad": state.last_grad,
            "step": state.k,
        },
        good=(
            {"lr": 0.05},
            {"lr": 0.05, "weight_decay": 0.1, "betas": (0.9, 0.8, 0.95)},
            {"lr": 0.05, "maximize": True},
        ),
        bad=(*COMMON, *EPS, *betas(0.98, 0.92, 0.99)),
        decay=own,
        scheduled=("lr", "betas"),
    ),
    "Muon": Row(
        Muon,
        rule=follow_muon,
        has_roots=True,
        remembers=muon_state,
        good=(
            {"lr": 0.05, "fallback_lr": 0.02},
            {"lr": 0.05, "convention": "sum", "adjust_lr_fn": "match_rms_adamw"},
            {"lr": 0.05, "weight_decay": 0.1, "maximize": True},
        ),
        bad=(
            *COMMON,
            *EPS,
            *MOMENTUM,
            ({"convention": "torch"}, "convention is 'torch'"),
            ({"adjust_lr_fn": "rms"}, "adjust_lr_fn is 'rms'"),
            ({"ns_steps": -1}, "ns_steps is -1"),
            ({"ns_steps": 2.5}, "ns_steps is 2.5"),
        ),
        decay=lambda settings: "decoupled",
        complex=False,
        elementwise=False,
        differentiable=False,
    ),
    "ScheduleFree": Row(
        ScheduleFreeOptimizer,
        rule=follow_schedule_free,
        remembers=schedule_free_state,
        good=(
            {"lr": 0.05, "momentum": 0.9},
            {"lr": 0.05, "momentum": 0.0, "r": 1.0, "weight_lr_power": 0.0},
            {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1},
            {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.1, "decoupled_weight_decay": True},
            {"lr": 0.05, "momentum": 0.5, "maximize": True},
        ),
        bad=(*COMMON, *MOMENTUM, *POWERS),
        decay=coupled_or_not,
        shift=lambda state, by: state._replace(z=state.z + by, x=state.x + by),
    ),
    "ScheduleFreeAdamW": Row(
        ScheduleFreeAdamWOptimizer,
        rule=follow_schedule_free_adamw,
        has_roots=True,
        remembers=lambda state: {**schedule_free_state(state.inside), "square": state.square},
        good=(
            {"lr": 0.05},
            {"lr": 0.05, "weight_decay": 0.1, "betas": (0.5, 0.99), "r": 1.0},
            {"lr": 0.05, "maximize": True},
        ),
        bad=(*COMMON, *EPS, *POWERS, *betas(0.9, 0.999)),
        decay=own,
        scheduled=("lr", "betas"),
    ),
}
