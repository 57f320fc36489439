"""How far a switch of the training loop moves what is learned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.evidence.loop_nets import make_twins
from nagcore.names import closest_first
from nagcore.optim.nag import NAG
from nagcore.training.callbacks import Callback
from nagcore.training.copies.precision import multiplying_in
from nagcore.training.data import load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.run import Run
from nagcore.training.stopping import Steps
from nagcore.training.switches import Switches

SWITCHES: Mapping[str, Switches] = MappingProxyType(
    {
        "again": Switches(),
        "weights rounded": Switches(),  # see `run_with`
        "tf32": Switches(),  # likewise
        "channels_last": Switches(channels_last=True),
        "accumulate": Switches(accumulate=4),
        "compile": Switches(compile=True),
        "graph": Switches(graph=True),
        "bfloat16": Switches(precision="bfloat16"),
        "float16": Switches(precision="float16"),
    }
)
"""By name, what is held against the plain loop; the first two are controls."""


class Training(NamedTuple):
    """A run that is the same but for its switches.

    Attributes:
        network: a key of `nagcore.evidence.loop_nets.NETWORKS`, in the usual form.
        steps: number of steps.
        batch_size: images of a step.
        lr: step size of Nesterov's method with momentum 0.9.
        device: "cpu" or "cuda".
    """

    network: str
    steps: int
    batch_size: int
    lr: float
    device: str = "cpu"


class Trained(NamedTuple):
    """What a run leaves behind."""

    start: Tensor
    """all parameters in a row before the first step"""
    first: Tensor
    """after the first step"""
    last: Tensor
    """after the last step"""
    losses: Tensor
    """at each step, (steps,)"""


class Difference(NamedTuple):
    """How far a run is from another one."""

    first: float
    """distance of the parameters after the first step / length of the other's way until there"""
    last: float
    """the same after the last step"""
    loss: float
    """largest relative difference of the loss at a step"""


def run_with(switch: str, training: Training) -> Trained:
    """Train with a switch.

    "again" trains without any. So does "weights rounded", but each weight starts from the float
    next to it, on the side of zero: it shows what rounding alone grows into. "tf32" lets a GPU
    round the factors of products and convolutions to TF32; all others keep it to float32, which
    torch by itself does for products only.

    Args:
        switch: a key of `SWITCHES`.
        training: all else.

    Raises:
        UsageError: there is no such switch, or it cannot be used on this device.
    """
    if switch not in SWITCHES:
        raise UsageError(
            f"there is no switch {switch!r}; the switches: {closest_first(switch, SWITCHES)}"
        )
    model = make_twins(training.network, seed=0).usual.to(training.device)
    if switch == "weights rounded":
        for p in model.parameters():
            p.data.copy_(torch.nextafter(p.data, torch.zeros_like(p.data)))
    # on a GPU all runs are capturable, so that they differ by the switch alone
    optimizer = NAG(model.parameters(), lr=training.lr, capturable=training.device == "cuda")
    watch = _FirstStep()
    with multiplying_in("tf32" if switch == "tf32" else "float32"):
        history = fit(
            model, cross_entropy, load_fashion_mnist()[0].to(training.device), optimizer,
            batch_size=training.batch_size, until=Steps(training.steps), callbacks=[watch],
            report_every=1, switches=SWITCHES[switch],
        )  # fmt: skip
    losses = torch.tensor([row.train_loss for row in history.rows[1:]], dtype=torch.float64)
    return Trained(watch.before, watch.after, _in_a_row(model), losses)


def difference(one: Trained, other: Trained) -> Difference:
    """Return how far a run is from another one, in the other's units.

    Example:
        >>> start, losses = torch.zeros(2), torch.ones(3)
        >>> run = Trained(start, torch.tensor([0.0, 2.0]), torch.tensor([0.0, 4.0]), losses)
        >>> difference(run._replace(last=torch.tensor([3.0, 4.0])), run)
        Difference(first=0.0, last=0.75, loss=0.0)
    """
    losses = (one.losses - other.losses).abs() / other.losses.abs()
    first, last = (
        float((own - its).norm() / (its - other.start).norm())
        for own, its in ((one.first, other.first), (one.last, other.last))
    )
    return Difference(first, last, float(losses.max()))


def _in_a_row(model: nn.Module) -> Tensor:
    # element by element in the same order, wherever the elements lie in memory
    return torch.cat([p.detach().double().reshape(-1).cpu() for p in model.parameters()])


class _FirstStep(Callback):
    """Keeps the parameters before and after the first step."""

    def __init__(self) -> None:
        self.before = self.after = torch.empty(0)

    def on_start(self, run: Run) -> None:
        self.before = _in_a_row(run.model)

    def on_step(self, run: Run) -> None:
        if run.step == 1:
            self.after = _in_a_row(run.model)
