"""What training loops are timed on: images, twin networks, one optimizer, and a clock."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from nagcore.errors import MissingExtraError
from nagcore.evidence.loop_nets import make_twins
from nagcore.fashion_mnist import load_arrays
from nagcore.fashion_mnist.contents import FILES, FULL
from nagcore.fashion_mnist.idx import encode_idx
from nagcore.optim.nag import NAG
from nagcore.training.data import ImageData, load_fashion_mnist

Form = Literal["usual", "ours"]
"""Of a network, see `nagcore.evidence.loop_nets.Twins`."""


class Turn(NamedTuple):
    """What a contestant needed when it was its turn."""

    seconds: float
    """of the last epoch, between its first batch and the end of its last step"""
    beside: float
    """seconds of the call beside its epochs: what is set up and what is judged"""


class Loop(NamedTuple):
    """A contestant ready to run."""

    turn: Callable[[], Turn]
    model: nn.Module | None = None
    """what it trains, if it does"""


class Trainee(NamedTuple):
    """A network and the optimizer that moves it."""

    model: nn.Module
    optimizer: Optimizer


@dataclass(frozen=True)
class Workload:
    """What every contestant of a race gets the same.

    Attributes:
        network: a key of `nagcore.evidence.loop_nets.NETWORKS`.
        images: number of images of an epoch; the 1,000 shipped ones come again and again.
        batch_size: images of a step.
        epochs: of a turn; the last one is timed.
        optimizer: arguments of `torch.optim.SGD`.
        device: "cpu" or "cuda".
    """

    network: str
    images: int
    batch_size: int
    epochs: int
    optimizer: Mapping[str, Any]
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """The number of steps of an epoch; the last may have fewer images."""
        return -(-self.images // self.batch_size)

    def trainee(self, form: Form) -> Trainee:
        """Return a new copy of the network, on the device, with an optimizer of its own."""
        model = getattr(make_twins(self.network, seed=0), form).to(self.device)
        return Trainee(model, torch.optim.SGD(model.parameters(), **self.optimizer))

    def capturable_trainee(self) -> Trainee:
        """Return our network with this package's Nesterov method, for a graph of the whole step."""
        model = make_twins(self.network, seed=0).ours.to(self.device)
        lr, momentum = self.optimizer["lr"], self.optimizer["momentum"]
        return Trainee(model, NAG(model.parameters(), lr, momentum, capturable=True))

    def data(self) -> ImageData:
        """Return the normalised images in the memory of the CPU."""
        return load_fashion_mnist()[0].subset(_repeated(self.images).tolist())

    def clock(self) -> float:
        """Return the time in seconds, when the device has done all that it was told."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def time_epochs(self, epoch: Callable[[], object]) -> Turn:
        """Run the epochs of a turn by hand and time the last one."""
        started = self.clock()
        for _ in range(self.epochs):
            started = self.clock()
            epoch()
        return Turn(self.clock() - started, 0.0)


def torchvision_images(count: int) -> Dataset[tuple[Tensor, int]]:
    """Return the same images as torchvision's data set, normalised one by one.

    It reads the files of Fashion-MNIST from a folder into memory when it is made; here they hold
    the shipped images again and again.

    Args:
        count: number of images.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    try:
        from torchvision.datasets import FashionMNIST
        from torchvision.transforms import Compose, Normalize, ToTensor
    except ImportError as error:
        raise MissingExtraError("torchvision", "benchmarks", "a comparison") from error
    arrays = load_arrays()
    mean, deviation = arrays.train_images.mean() / 255, arrays.train_images.std() / 255
    transform = Compose([ToTensor(), Normalize((mean,), (deviation,))])
    with TemporaryDirectory() as root:
        raw = Path(root) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for file, array in zip(FILES[FULL], arrays, strict=True):
            (raw / file.name).write_bytes(encode_idx(array[_repeated(count)]))
        return FashionMNIST(root, train=True, transform=transform)


def _repeated(count: int) -> np.ndarray:
    """Return `count` indices into the shipped images."""
    return np.arange(count) % len(load_arrays().train_labels)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what peers and compilers log and warn of to themselves."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
