"""What an overflow on the first step of mixed precision leaves behind, on real optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim import NAG
from nagcore.training.data import load_fashion_mnist
from nagcore.training.models import make_cnn

_SGD = {"momentum": 0.9, "nesterov": True}
OPTIMIZERS: dict[str, Callable[[Iterable[Tensor], float], Any]] = {
    "torch.optim.SGD, default": lambda p, lr: torch.optim.SGD(p, lr, **_SGD),
    "torch.optim.SGD, foreach": lambda p, lr: torch.optim.SGD(p, lr, foreach=True, **_SGD),
    "torch.optim.SGD, fused": lambda p, lr: torch.optim.SGD(p, lr, fused=True, **_SGD),
    "torch.optim.Adam, fused": lambda p, lr: torch.optim.Adam(p, lr / 100, fused=True),
    "nagcore.optim.NAG": lambda p, lr: NAG(p, lr, momentum=0.9),
}
# The first is so large that any gradient overflows, the next is torch's default.
_FIRST_SCALE, _BACKOFF = 2.0**127, 2.0**-111


class Aftermath(NamedTuple):
    """Largest entry of the state and largest move of a parameter after the skipped step, the
    losses, and the largest distance at the end from a run that did not meet the overflow."""

    state: float
    moved: float
    losses: list[float]
    distance: float


class FilledVector(NamedTuple):
    """The share of the entries of the state that are the number that freed memory was filled with,
    and the median parameter after each step."""

    share: float
    parameters: list[float]


def train_with_overflow(
    name: str, *, seed: int, steps: int, width: int, lr: float, device: str = "cpu"
) -> Aftermath:
    """Train a small CNN for a few steps, the gradients of the first of which overflow.

    Args:
        name: one of `OPTIMIZERS`.
        seed: of the initial weights and of the order of the images.
        steps: how many, with the one that is skipped.
        width: channels of the first convolution.
        lr: step size of the SGDs; Adam takes a hundredth of it.
        device: "cpu" or "cuda".

    Raises:
        UsageError: an unknown name.
    """
    met, start, state, losses = _run(name, seed, steps, width, lr, device, overflow=True)
    spared, *_ = _run(name, seed, steps, width, lr, device, overflow=False)
    moved = _largest(a - b for a, b in zip(start[1], start[0], strict=True))
    distance = _largest(a - b for a, b in zip(met, spared, strict=True))
    return Aftermath(_largest(state), moved, losses, distance)


def _run(
    name: str, seed: int, steps: int, width: int, lr: float, device: str, *, overflow: bool
) -> tuple[list[Tensor], list[list[Tensor]], list[Tensor], list[float]]:
    model = make_cnn(seed, width).to(device)
    parameters = list(model.parameters())
    optimizer = find(name)(parameters, lr)
    scaler = make_scaler(device)
    if not overflow:
        scaler = torch.amp.GradScaler(device, init_scale=_FIRST_SCALE * _BACKOFF)
    start, state, losses = [_copies(parameters)], [], []
    for number, (images, labels) in enumerate(_batches(seed, steps, device)):
        if number == 0 and not overflow:
            continue
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        # a hundredfold loss overflows whatever the gradient is; its step is skipped
        scaler.scale(100 * loss if number == 0 else loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
        if number == 0:
            start.append(_copies(parameters))
            state = _copies(_state_of(optimizer))
    return _copies(parameters), start, state, losses


def fill_and_overflow(
    name: str, *, number: float, size: int, steps: int, device: str = "cpu"
) -> FilledVector:
    """Descend ½‖p‖², one tensor, after memory was filled with a number and given back.

    Args:
        name: one of `OPTIMIZERS`.
        number: what the freed memory holds.
        size: entries of the tensor.
        steps: how many, with the one that is skipped.
        device: "cpu" or "cuda".

    Raises:
        UsageError: an unknown name.

    Example:
        >>> fill_and_overflow("nagcore.optim.NAG", number=7.0, size=2, steps=2).share
        0.0
    """
    p = torch.full((size,), 0.125, device=device).requires_grad_()
    optimizer, scaler = find(name)([p], 0.1), make_scaler(device)
    _overflow_once(p, optimizer, scaler, number)
    held = [(s == number).float().mean().item() for s in _state_of(optimizer)]
    medians = [p.detach().median().item()]
    for _ in range(steps - 1):
        _descend(p, optimizer, scaler)
        medians.append(p.detach().median().item())
    return FilledVector(max(held, default=0.0), medians)


def _overflow_once(p: Tensor, optimizer: Any, scaler: torch.amp.GradScaler, number: float) -> None:
    optimizer.zero_grad()
    scaler.scale(100 * p.square().sum() / 2).backward()  # the gradients are infinite
    freed = [torch.full_like(p, number) for _ in range(16)]
    del freed
    scaler.step(optimizer)  # is to skip the step
    scaler.update()


def _descend(p: Tensor, optimizer: Any, scaler: torch.amp.GradScaler) -> None:
    optimizer.zero_grad()
    scaler.scale(p.square().sum() / 2).backward()
    scaler.step(optimizer)
    scaler.update()


def find(name: str) -> Callable[[Iterable[Tensor], float], Any]:
    """Return what makes the optimizer of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"optimizer is {name!r}; known: {closest_first(name, OPTIMIZERS)}")
    return OPTIMIZERS[name]


def make_scaler(device: str) -> torch.amp.GradScaler:
    """Return torch's own scaler, whose first scale lets every gradient overflow.

    After the first step, which it skips, its scale is torch's default.
    """
    return torch.amp.GradScaler(device, init_scale=_FIRST_SCALE, backoff_factor=_BACKOFF)


def _batches(seed: int, steps: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    train = load_fashion_mnist()[0]
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    for k in range(steps):
        chosen = order[torch.arange(50 * k, 50 * (k + 1)) % len(train)]
        yield train.images[chosen].to(device), train.labels[chosen].to(device)


def _state_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and value.ndim
    ]


def _copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [t.detach().cpu().clone() for t in tensors]


def _largest(tensors: Iterable[Tensor]) -> float:
    """Return the largest absolute entry, nan if there is one, 0 of nothing."""
    return max((t.abs().max().item() for t in tensors), default=0.0, key=_nan_last)


def _nan_last(value: float) -> float:
    return float("inf") if value != value else value
