"""Torch's schedulers as a source of rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from nagcore.errors import UsageError
from nagcore.training.checks import require_one_of
from nagcore.training.history import Row
from nagcore.training.rates.groups import read_rates, require_groups, write_rates


class TorchSchedule:
    """Any scheduler of `torch.optim.lr_scheduler`, as it would act in a plain loop.

    It is moved on between two steps, or after each epoch; what else it sets, such as the cycled
    momentum, is left as it sets it. Many schedulers compute the next rate from the one that stands
    in the group: they find there what they wrote themselves, whatever the rate setter made of it.

    Where an lr is a tensor on an accelerator, the scheduler's rates are read back after each of
    its steps, which waits for the device.

    Args:
        scheduler: made with the optimizer that is to be trained.
        per: "step" or "epoch", how often it is to be moved on.
        metric: for `ReduceLROnPlateau`, and for it alone: name of the metric that it is given
            after each epoch.

    Raises:
        UsageError: not a scheduler, or values that do not go together.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
        >>> plan = TorchSchedule(torch.optim.lr_scheduler.StepLR(optimizer, 30), per="epoch")
        >>> plan.per
        'epoch'
    """

    def __init__(
        self, scheduler: LRScheduler, per: str = "step", metric: str | None = None
    ) -> None:
        if not isinstance(scheduler, LRScheduler):
            raise UsageError(
                f"{scheduler!r} is not a scheduler of torch.optim.lr_scheduler; for a schedule of "
                "nagcore.training.rates write RateSetter(schedule)"
            )
        require_one_of(per, "per", ("step", "epoch"))
        judges = isinstance(scheduler, ReduceLROnPlateau)
        if judges and (metric is None or per != "epoch"):
            raise UsageError(
                f"ReduceLROnPlateau with per={per!r} and metric={metric!r} cannot be used; it "
                "judges a metric after each epoch: per='epoch', metric='eval_loss'"
            )
        if metric is not None and not judges:
            raise UsageError(
                f"metric={metric!r} is not for {type(scheduler).__name__}, which looks at none; "
                "leave it out"
            )
        self.scheduler, self.per, self.metric = scheduler, per, metric
        self._own: list[float] = []
        self._shares: list[float] = []
        self._moved_to = 0

    def attach(self, optimizer: Optimizer) -> None:
        self._require_its(optimizer)
        self._own = read_rates(optimizer.param_groups)
        first = [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups]
        self._shares = [lr / first[0] if first[0] else 1.0 for lr in first]

    def attach_again(self, optimizer: Optimizer) -> None:
        self._require_its(optimizer)
        require_groups(len(self._own), optimizer)

    def _require_its(self, optimizer: Optimizer) -> None:
        if self.scheduler.optimizer is not optimizer:
            raise UsageError(
                f"the {type(self.scheduler).__name__} was made for another optimizer than the one "
                "that is trained; make it with this one"
            )

    def rates(self, optimizer: Optimizer, step: int) -> list[float]:
        while self.per == "step" and self._moved_to < step:
            self._move(optimizer)
            self._moved_to += 1
        return list(self._own)

    def shares(self) -> list[float]:
        return self._shares

    def first_at(self, step: int) -> float | None:
        known = self._own and (self.per == "epoch" or step <= self._moved_to)
        return self._own[0] if known else None

    def metrics(self) -> frozenset[str]:
        return frozenset() if self.metric is None else frozenset({self.metric})

    def after_epoch(self, optimizer: Optimizer, row: Row) -> None:
        if self.per == "epoch":
            used = read_rates(optimizer.param_groups)
            self._move(optimizer, *(() if self.metric is None else (row.value(self.metric),)))
            write_rates(optimizer.param_groups, used)

    def _move(self, optimizer: Optimizer, *metrics: float) -> None:
        write_rates(optimizer.param_groups, self._own)
        # Torch warns where no step came before; here one did, even if it was left out because
        # a gradient overflowed.
        optimizer._opt_called = True  # pyright: ignore[reportAttributeAccessIssue]
        self.scheduler.step(*metrics)  # pyright: ignore[reportArgumentType]
        self._own = read_rates(optimizer.param_groups)

    def state_dict(self) -> dict[str, Any]:
        return {
            "schedule": str(self),
            "own": list(self._own),
            "shares": list(self._shares),
            "moved_to": self._moved_to,
            "scheduler": _plain(self.scheduler.state_dict()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._own, self._shares = list(state["own"]), list(state["shares"])
        self._moved_to = state["moved_to"]
        own = self.scheduler.state_dict()
        self.scheduler.load_state_dict(_alike(deepcopy(state["scheduler"]), own))

    def __str__(self) -> str:
        words = [f"per={self.per!r}"]
        words += [] if self.metric is None else [f"metric={self.metric!r}"]
        return f"torch.{type(self.scheduler).__name__}({', '.join(words)})"


def _plain(value: Any) -> Any:
    """Return a copy without Counters, which checkpoints do not hold and `MultiStepLR` does."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return deepcopy(value)


def _alike(value: Any, model: Any) -> Any:
    """Return what `_plain` was given, with Counters where a model of it has them."""
    if isinstance(model, Counter):
        return Counter(value)
    if isinstance(model, dict):
        return {key: _alike(item, model.get(key)) for key, item in value.items()}
    if isinstance(model, list | tuple) and len(model) == len(value):
        pairs = zip(value, model, strict=True)
        return type(model)(_alike(item, part) for item, part in pairs)
    return value
