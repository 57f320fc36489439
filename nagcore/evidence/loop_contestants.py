"""Training loops, other people's and ours, each behind one call that trains for a turn."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from nagcore.evidence.loop_floor import captured_floor, floor_loop
from nagcore.evidence.loop_lightning import lightning_loop
from nagcore.evidence.loop_work import Form, Loop, Trainee, Turn, Workload, torchvision_images
from nagcore.training.fit import fit
from nagcore.training.stopping import Epochs
from nagcore.training.switches import Switches

Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]


class Contestant(NamedTuple):
    """A loop in a race."""

    build: Callable[[Workload], Loop]
    floor: str
    """the contestant that computes the same and does no more; itself if it is that"""
    package: str = "torch"
    devices: tuple[str, ...] = ("cpu", "cuda")


def contestants(device: str) -> dict[str, Contestant]:
    """Return the loops that can be timed on a device, by name.

    Example:
        >>> "fit, captured" in contestants("cuda"), "fit, captured" in contestants("cpu")
        (True, False)
    """
    return {name: c for name, c in CONTESTANTS.items() if device in c.devices}


def _loop_by_hand(work: Workload, form: Form, batches: Batches) -> Loop:
    """Return the loop that every tutorial writes."""
    model, optimizer = work.trainee(form)

    def epoch() -> None:
        for images, labels in batches():
            images, labels = (x.to(work.device, non_blocking=True) for x in (images, labels))
            optimizer.zero_grad()
            cross_entropy(model(images), labels).backward()
            optimizer.step()

    return Loop(lambda: work.time_epochs(epoch), model)


def _loader(work: Workload, dataset: Any) -> DataLoader:
    pinned = work.device == "cuda"
    return DataLoader(dataset, batch_size=work.batch_size, shuffle=True, pin_memory=pinned)


def _over_torchvision(work: Workload) -> Loop:
    loader = _loader(work, torchvision_images(work.images))
    return _loop_by_hand(work, "usual", lambda: loader)


def _over_tensors(form: Form) -> Callable[[Workload], Loop]:
    def build(work: Workload) -> Loop:
        loader = _loader(work, _tensors(work))
        return _loop_by_hand(work, form, lambda: loader)

    return build


def _tensors(work: Workload) -> TensorDataset:
    data = work.data()
    return TensorDataset(data.images, data.labels)


def _lightning(work: Workload) -> Loop:
    return lightning_loop(work, work.trainee("usual"), _loader(work, _tensors(work)))


def _sliced(work: Workload) -> Loop:
    data = work.data().to(work.device)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for own in torch.randperm(len(data), device=data.device).split(work.batch_size):
            yield data.images[own], data.labels[own]

    return _loop_by_hand(work, "ours", batches)


def _fit(form: Form, switches: Switches) -> Callable[[Workload], Loop]:
    return lambda work: _loop_of_fit(work, work.trainee(form), switches)


def _fit_captured(switches: Switches) -> Callable[[Workload], Loop]:
    return lambda work: _loop_of_fit(work, work.capturable_trainee(), switches)


def _loop_of_fit(work: Workload, trainee: Trainee, switches: Switches) -> Loop:
    model, optimizer = trainee
    data, seeds = work.data().to(work.device), itertools.count()

    def turn() -> Turn:
        called = time.perf_counter()
        history = fit(
            model, cross_entropy, data, optimizer, batch_size=work.batch_size,
            until=Epochs(work.epochs), seed=next(seeds), switches=switches,
        )  # fmt: skip
        whole, rows = work.clock() - called, history.rows
        return Turn(rows[-1].seconds - rows[-2].seconds, whole - rows[-1].seconds)

    return Loop(turn, model)


def _floor(form: Form, precision: str = "float32") -> Callable[[Workload], Loop]:
    return lambda work: floor_loop(work, form, precision)


_CPU, _CUDA = ("cpu",), ("cuda",)
_USUAL, _OURS = "gradient alone, usual network", "gradient alone"
_OURS_16 = "gradient alone, bfloat16"
_STEP, _STEP_16 = "step alone, captured", "step alone, bfloat16, captured"
_16 = Switches(precision="bfloat16", channels_last=True)
CONTESTANTS: dict[str, Contestant] = {
    "torchvision dataset": Contestant(_over_torchvision, _USUAL, "torchvision", _CPU),
    "DataLoader over tensors": Contestant(_over_tensors("usual"), _USUAL),
    "Lightning": Contestant(_lightning, _USUAL, "lightning"),
    "fit, usual network": Contestant(_fit("usual", Switches()), _USUAL, "nagcore"),
    "DataLoader over tensors, our network": Contestant(_over_tensors("ours"), _OURS),
    "slices by hand, our network": Contestant(_sliced, _OURS),
    "fit": Contestant(_fit("ours", Switches()), _OURS, "nagcore"),
    "fit, compiled": Contestant(_fit("ours", Switches(compile=True)), _OURS, "nagcore", _CPU),
    "fit, bfloat16": Contestant(_fit("ours", _16), _OURS_16, "nagcore"),
    "fit, captured": Contestant(_fit_captured(Switches(graph=True)), _STEP, "nagcore", _CUDA),
    "fit, bfloat16, captured": Contestant(
        _fit_captured(replace(_16, graph=True)), _STEP_16, "nagcore", _CUDA
    ),
    _USUAL: Contestant(_floor("usual"), _USUAL),
    _OURS: Contestant(_floor("ours"), _OURS),
    _OURS_16: Contestant(_floor("ours", "bfloat16"), _OURS_16),
    _STEP: Contestant(captured_floor, _STEP, "torch", _CUDA),
    _STEP_16: Contestant(lambda w: captured_floor(w, "bfloat16"), _STEP_16, "torch", _CUDA),
}
"""By name: first those that train, then the floors."""
