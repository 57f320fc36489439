"""What an optimizer has to keep to, however its step is run."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from nagcore.evidence.device_timing import capture
from nagcore.optim.adan import Adan
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.muon import Muon
from nagcore.optim.nadam import NAdam, NAdamW
from nagcore.optim.nag import NAG
from nagcore.optim.schedule_free import ScheduleFree, ScheduleFreeAdamW

OPTIMIZERS: dict[str, type[RuleOptimizer]] = {
    kind.__name__: kind
    for kind in (NAG, NAdam, NAdamW, Adan, Muon, ScheduleFree, ScheduleFreeAdamW)
}
MODES = ("plain", "foreach", "flat", "compiled", "kernel", "capturable", "captured")
"""The executions of `nagcore.optim`; the numbers of a step on the device; a CUDA graph."""
_SHAPES = ((), (1,), (7,), (33, 17), (4, 3, 3, 3), (129, 65))


class Walk:
    """An optimizer on its way along given gradients, with a step size that always changes.

    Args:
        optimizer: a key of `OPTIMIZERS`.
        mode: one of `MODES`.
        device: "cpu" or "cuda".

    Example:
        >>> walk = Walk("NAG", "plain", "cpu")
        >>> walk.go(3)
        >>> walk.k, len(walk.tensors())
        (3, 12)
    """

    def __init__(self, optimizer: str, mode: str, device: str) -> None:
        self.mode, self.k = mode, 0
        self.parameters = [Parameter(t.to(device)) for t in _random(seed=0)]
        on_device = mode in ("capturable", "captured")
        options: dict[str, Any] = {"capturable": True} if on_device else {"execution": mode}
        self.optimizer = OPTIMIZERS[optimizer](self.parameters, **options)  # pyright: ignore[reportCallIssue]
        self._lr = torch.zeros((), dtype=torch.float64, device=device) if on_device else None

    def go(self, steps: int) -> None:
        """Take so many steps; in a graph the first three are real ones, the others replays."""
        until, step = self.k + steps, self.optimizer.step
        if self.mode == "captured":
            step = capture(step, self._prepare)
        while self.k < until:
            self._prepare()
            step()

    def go_scaled(self, scaler: torch.amp.GradScaler, *, overflow: bool = False) -> None:
        """Take a step through a gradient scaler, from a loss with the gradient of that step.

        Args:
            scaler: of the device.
            overflow: whether one of the gradients is infinite; then it is no step of the walk.
        """
        self._prepare()
        slopes: list[Any] = [p.grad for p in self.parameters]
        if overflow:
            self.k -= 1
            slopes[0] = torch.full_like(slopes[0], math.inf)
        for p in self.parameters:
            p.grad = None
        products = [(p * slope).sum() for p, slope in zip(self.parameters, slopes, strict=True)]
        scaler.scale(torch.stack(products).sum()).backward()
        scaler.step(self.optimizer)
        scaler.update()

    def tensors(self) -> list[Tensor]:
        """Return the parameters and the tensors of their states."""
        found: list[Tensor] = []
        for group in self.optimizer.param_groups:
            names, _ = self.optimizer.kind(group).names()
            for p in group["params"]:
                state = self.optimizer.state.get(p, {})
                found += [p.detach(), *(state[name] for name in names if name in state)]
        return found

    def moved_over_the_cpu(self, onto: Walk) -> Walk:
        """Give another walk what this one has, by a file that was read on the CPU."""
        file = io.BytesIO()
        torch.save([self.optimizer.state_dict(), self.parameters], file)
        file.seek(0)
        state, parameters = torch.load(file, map_location="cpu", weights_only=True)
        with torch.no_grad():
            for p, saved in zip(onto.parameters, parameters, strict=True):
                p.copy_(saved)
        onto.optimizer.load_state_dict(state)
        onto.k = self.k
        return onto

    def _prepare(self) -> None:
        """Set out gradients and step size of the next step."""
        for p, value in zip(self.parameters, _random(seed=self.k + 1), strict=True):
            if p.grad is None:
                p.grad = torch.empty_like(p)
            p.grad.copy_(value)
        lr = 0.02 * (1 + 0.5 * math.cos(self.k))
        if self._lr is not None:
            self._lr.fill_(lr)
        for group in self.optimizer.param_groups:
            group["lr"] = lr if self._lr is None else self._lr
        self.k += 1


def distance_from_plain(optimizer: str, mode: str, device: str, steps: int) -> float:
    """Return how far a walk ends from one that is run plainly, at most over all tensors.

    Returns:
        Units in the last place of the largest element of a tensor; tensors of the state count.
    """
    walk, plain = Walk(optimizer, mode, device), Walk(optimizer, "plain", device)
    walk.go(steps)
    plain.go(steps)
    return units_apart(walk.tensors(), plain.tensors())


def bears_overflow(optimizer: str, mode: str, device: str, steps: int) -> bool:
    """Return whether an overflow on the first step leaves no trace.

    Parameters are to stay as they are and states empty, and the steps that follow are to be those
    of a walk without scaler and overflow, to the bit.
    """
    walk, clean = Walk(optimizer, mode, device), Walk(optimizer, mode, device)
    scaler = torch.amp.GradScaler(device)
    before = [t.clone() for t in walk.tensors()]
    walk.go_scaled(scaler, overflow=True)
    untouched = _same(walk.tensors(), before)
    for _ in range(steps):
        walk.go_scaled(scaler)
    clean.go(steps)
    return untouched and _same(walk.tensors(), clean.tensors())


def resumes(optimizer: str, mode: str, device: str, steps: int) -> bool:
    """Return whether a walk that was saved, read on the CPU and taken up again stays the same."""
    walk = Walk(optimizer, mode, device)
    walk.go(steps)
    other = walk.moved_over_the_cpu(Walk(optimizer, mode, device))
    walk.go(steps)
    other.go(steps)
    return _same(walk.tensors(), other.tensors())


def units_apart(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Return the largest difference in units in the last place of the largest element.

    Example:
        >>> units_apart([torch.tensor([1.0, 1e-9])], [torch.tensor([1.0 + 2**-22, 0.0])])
        2.0
    """
    found = 0.0
    for one, other in zip(some, others, strict=True):
        a, b = one.cpu().numpy(), other.cpu().numpy()
        found = max(found, float(np.abs(a - b).max() / np.spacing(np.abs(b).max())))
    return found


def _random(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(shape, generator=generator) for shape in _SHAPES]
    return [t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for t in tensors]


def _same(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(some) == len(others) and all(map(torch.equal, some, others))
