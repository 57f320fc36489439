"""What a training loop cannot go below: forward, backward and the arithmetic in them."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from nagcore.evidence.device_timing import capture, time_steps
from nagcore.evidence.loop_work import Form, Loop, Trainee, Workload
from nagcore.training.switches import PRECISIONS, Switches

_GEMM = {"cpu": 1024, "cuda": 8192}  # rows and columns of the matrices


def floor_loop(work: Workload, form: Form, precision: str = "float32") -> Loop:
    """Return a loop that computes the gradient on one batch, again and again, and no more.

    Args:
        work: what the other loops train.
        form: of the network.
        precision: a key of `nagcore.training.switches.PRECISIONS`.
    """
    trainee = work.trainee(form)
    images, labels = one_batch(work)
    switches = Switches(precision=precision)

    def epoch() -> None:
        for _ in range(work.steps):
            trainee.optimizer.zero_grad()
            with switches.autocast(images.device):
                loss = cross_entropy(trainee.model(images), labels)
            loss.backward()

    return Loop(lambda: work.time_epochs(epoch))


def captured_floor(work: Workload, precision: str = "float32") -> Loop:
    """Return a loop that replays one whole step, optimizer included, as a CUDA graph.

    Args:
        work: on a GPU.
        precision: a key of `nagcore.training.switches.PRECISIONS`.
    """
    trainee = work.trainee("ours")
    images, labels = one_batch(work)
    switches = Switches(precision=precision)

    def step() -> None:
        with switches.autocast(images.device):
            loss = cross_entropy(trainee.model(images), labels)
        loss.backward()
        trainee.optimizer.step()
        trainee.optimizer.zero_grad(set_to_none=False)

    replay = capture(step)

    def epoch() -> None:
        for _ in range(work.steps):
            replay()

    return Loop(lambda: work.time_epochs(epoch))


def one_batch(work: Workload) -> tuple[Tensor, Tensor]:
    """Return the first batch of images and labels, on the device."""
    data = work.data().subset(list(range(min(work.batch_size, work.images)))).to(work.device)
    return data.images, data.labels


def count_flops(trainee: Trainee, images: Tensor, labels: Tensor) -> int:
    """Return the floating-point operations of forward and backward, as torch counts them.

    Counted are convolutions and matrix products; a multiplication with an addition are two.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 5))
        >>> trainee = Trainee(model, torch.optim.SGD(model.parameters()))
        >>> images, labels = torch.zeros(4, 1, 2, 3), torch.zeros(4, dtype=torch.int64)
        >>> count_flops(trainee, images, labels)  # scores and weights: 2 × (2 · 4 · 6 · 5)
        480
    """
    with FlopCounterMode(display=False) as counter:
        cross_entropy(trainee.model(images), labels).backward()
    trainee.optimizer.zero_grad()
    return counter.get_total_flops()


def gemm_peaks(device: str, *, rounds: int, size: int | None = None) -> dict[str, float]:
    """Return what products of large square matrices reach, in GFLOP/s, for each precision.

    Args:
        device: "cpu" or "cuda".
        rounds: over which the median is taken.
        size: rows and columns; enough to fill the device if left out.
    """
    size = _GEMM[device] if size is None else size

    def product(dtype: torch.dtype) -> Callable[[], Tensor]:
        a, b = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
        out = torch.empty_like(a)
        return lambda: torch.mm(a, b, out=out)

    names = ("float32", "bfloat16")
    products = {name: product(PRECISIONS[name]) for name in names}
    seconds, _ = time_steps(products, device, rounds=rounds, least=0.02)
    return {name: 2e-9 * size**3 / statistics.median(seconds[name]) for name in names}
