"""A recipe for small images that spends its seconds well: network, schedule, augmentation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, max_pool2d
from torch.optim import Optimizer
from torch.utils.flop_counter import FlopCounterMode

from nagcore.optim.muon import Muon
from nagcore.optim.table import find_optimizer
from nagcore.training.augment import Augmented, HorizontalFlip, RandomCrop
from nagcore.training.checks import require_count, require_positive, require_seed
from nagcore.training.data import ImageData
from nagcore.training.evaluation import evaluate
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.losses import LabelSmoothing
from nagcore.training.rates import OneCycle, RateSetter
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Epochs
from nagcore.training.switches import Switches

LOGIT_SCALE = 0.125
"""Of the class scores, so that a new network is unsure of itself."""


class FastNet(nn.Module):
    """Seven convolutions 3 × 3 with batch normalisation and GELU: a first one and three stages.

    A stage is a convolution that widens, 2 × 2 max-pooling, and a convolution whose result is
    added to what it was given. The pooling comes before normalisation and activation, which so
    work on a quarter of the numbers. The largest value of each channel goes into a linear layer.

    Args:
        width: channels of the first stage; the others have 2 and 4 times as many.
        channels: of the images.
        classes: how many scores to return for an image.

    Raises:
        UsageError: a value is not a positive whole number.

    Source: after [jordan2024airbench].

    Example:
        >>> FastNet(width=2)(torch.zeros(3, 1, 28, 28)).shape
        torch.Size([3, 10])
    """

    def __init__(self, width: int = 64, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        for name, value in (("width", width), ("channels", channels), ("classes", classes)):
            require_count(value, name)
        widths = (max(1, width // 2), width, 2 * width, 4 * width)
        self.stem = _convolution(channels, widths[0])
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.widen = nn.ModuleList(_convolution(*pair) for pair in zip(widths, widths[1:]))  # noqa: B905, RUF007
        self.widen_norm = nn.ModuleList(nn.BatchNorm2d(each) for each in widths[1:])
        self.add = nn.ModuleList(_convolution(each, each) for each in widths[1:])
        self.add_norm = nn.ModuleList(nn.BatchNorm2d(each) for each in widths[1:])
        self.head = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores (n, classes) of images (n, channels, height, width)."""
        x = gelu(self.stem_norm(self.stem(images)))
        stages = zip(self.widen, self.widen_norm, self.add, self.add_norm, strict=True)
        for widen, widen_norm, add, add_norm in stages:
            x = gelu(widen_norm(max_pool2d(widen(x), 2)))
            x = x + gelu(add_norm(add(x)))
        return LOGIT_SCALE * self.head(x.amax(dim=(2, 3)))


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


@dataclass(frozen=True)
class FastRecipe:
    """All that decides a run beside data and seed.

    Args:
        optimizer: a name in `OPTIMIZERS`.
        lr: the largest step size.
        epochs: passes over the images.
        options: further arguments of the optimizer.
        batch_size: images in a mini-batch.
        width: of `FastNet`.
        weight_decay: of the weights; normalisations have none.
        label_smoothing: the part of a target that is spread over all classes.
        rising: the part of the steps in which the step size rises.
        start: the first step size, as a part of the largest.
        shift: pixels by which an image may be moved each way.
        precision: of the arithmetic, a key of `nagcore.training.switches.PRECISIONS`.
        graph: capture the step as one CUDA graph.

    Raises:
        UsageError: an unknown optimizer, or a value out of its range.
    """

    optimizer: str = "nag"
    lr: float = 1.0
    epochs: int = 12
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 1024
    width: int = 64
    weight_decay: float = 5e-4
    label_smoothing: float = 0.2
    rising: float = 0.2
    start: float = 0.1
    shift: int = 2
    precision: str = "float32"
    graph: bool = False

    def __post_init__(self) -> None:
        find_optimizer(self.optimizer)
        require_positive(self.lr, "lr")
        for name in ("epochs", "batch_size", "width", "shift"):
            require_count(getattr(self, name), name)

    def schedule(self, steps: int) -> OneCycle:
        """Return the multiplier of the step size over so many steps; it ends at 0."""
        return OneCycle(steps, rising=self.rising, start=self.start, final=0.0)


class FastRun(NamedTuple):
    """A trained network, what happened on the way, and how long all of it took."""

    model: FastNet
    optimizer: Optimizer
    history: History
    seconds: float
    """wall time from the drawing of the weights to the end of the last step"""


def train_fast(recipe: FastRecipe, data: ImageData, *, seed: int) -> FastRun:
    """Train a `FastNet` by a recipe.

    Weights, order and augmentation depend on `seed`. The time counts all that is done for this
    run, but not how the images came to the device.

    Args:
        recipe: all else.
        data: normalised images on the device that is to compute.
        seed: any whole number from 0 on.

    Raises:
        UsageError: an argument cannot be used.

    Example:
        >>> from nagcore.training.data import load_fashion_mnist
        >>> few = load_fashion_mnist()[0].subset(range(64))
        >>> recipe = FastRecipe(width=2, epochs=3, batch_size=16, lr=0.1)
        >>> run = train_fast(recipe, few, seed=0)
        >>> run.history.final.step, run.history.final.rate
        (12, 0.0)
    """
    device = data.device
    black = float(data.images.min())
    _wait(device)
    begun = time.perf_counter()
    with private_random_state(require_seed(seed)):
        model = FastNet(recipe.width, data.images.shape[1], len(data.classes))
    model = model.to(device)
    optimizer = make_fast_optimizer(recipe, model)
    transforms = [RandomCrop(recipe.shift, fill=black), HorizontalFlip()]
    steps = recipe.epochs * data.steps(recipe.batch_size)
    with _fastest_kernels():
        history = fit(
            model,
            LabelSmoothing(recipe.label_smoothing),
            Augmented(data, transforms),
            optimizer,
            batch_size=recipe.batch_size,
            until=Epochs(recipe.epochs),
            rate=RateSetter(recipe.schedule(steps)),
            seed=seed,
            switches=Switches(precision=recipe.precision, graph=recipe.graph, channels_last=True),
        )
    _wait(device)
    return FastRun(model, optimizer, history, time.perf_counter() - begun)


def make_fast_optimizer(recipe: FastRecipe, model: FastNet) -> Optimizer:
    """Return the optimizer of a recipe over the parameters of a network.

    Weights decay, normalisations do not. For Muon the last layer belongs to the fallback.

    Args:
        recipe: names optimizer, step size and options.
        model: the network.
    """
    entry = find_optimizer(recipe.optimizer)
    head = list(model.head.parameters())
    weights = [p for p in model.parameters() if p.ndim > 1 and p is not head[0]]
    scales = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": head, "weight_decay": recipe.weight_decay},
        {"params": scales, "weight_decay": 0.0},
    ]
    if entry.build is Muon:
        groups[1]["method"] = "nadamw"
    options = {**entry.defaults, **recipe.options}
    if "capturable" in entry.options():
        options.setdefault("capturable", recipe.graph)
    return entry.build(groups, lr=recipe.lr, **options)  # pyright: ignore[reportCallIssue]


def accuracy_with_flips(run: FastRun, data: ImageData) -> float:
    """Return the share of images told right by the scores of an image and of its mirror image.

    Args:
        run: what was trained.
        data: images on its device, at least one.

    Example:
        >>> data = ImageData(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64), ("a", "b"))
        >>> run = train_fast(FastRecipe(width=1, epochs=4, batch_size=2, lr=0.1), data, seed=0)
        >>> accuracy_with_flips(run, data)
        1.0
    """
    mirrored = ImageData(data.images.flip(-1), data.labels, data.classes)
    plain, flipped = (
        evaluate(run.model, nn.CrossEntropyLoss(), each, optimizer=run.optimizer).scores
        for each in (data, mirrored)
    )
    return float(((plain + flipped).argmax(dim=1) == data.labels).double().mean())


def count_flops(recipe: FastRecipe, batch: ImageData) -> int:
    """Return the floating-point operations of forward and backward on a batch.

    Counted are convolutions and matrix products; a multiplication with an addition are two.

    Args:
        recipe: names the width.
        batch: the images.

    Example:
        >>> one = ImageData(torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.int64), ("a",))
        >>> count_flops(FastRecipe(width=2), one) > count_flops(FastRecipe(width=1), one)
        True
    """
    with private_random_state(0):
        model = FastNet(recipe.width, batch.images.shape[1], len(batch.classes)).eval()
    with FlopCounterMode(display=False) as counter:
        cross_entropy(model.to(batch.device)(batch.images), batch.labels).backward()
    return counter.get_total_flops()


@contextmanager
def _fastest_kernels() -> Iterator[None]:
    """Let cuDNN try its kernels on each new shape and keep the fastest, inside the block."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
