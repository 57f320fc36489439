"""How far a switch of the training loop moves what is learned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.evidence.loop_nets import make_twins
from nagcore.names import closest_first
from nagcore.optim.nag import NAG
from nagcore.training.callbacks import Callback
from nagcore.training.data import load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.run import Run
from nagcore.training.stopping import Steps
from nagcore.training.switches import Switches

SWITCHES: Mapping[str, Switches] = MappingProxyType(
    {
        "again": Switches(),
        "weights rounded": Switches(),  # see `Training`
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

    first: list[Tensor]
    """parameters after the first step"""
    last: list[Tensor]
    """parameters after the last step"""
    losses: Tensor
    """at each step, (steps,)"""


class Difference(NamedTuple):
    """Largest relative differences between two runs."""

    first: float
    last: float
    loss: float


def run_with(switch: str, training: Training) -> Trained:
    """Train with a switch.

    "again" trains without any. So does "weights rounded", but each weight starts next to where it
    did, at most one unit in its last place away: what rounding alone grows into.

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
    first = _FirstStep()
    history = fit(
        model, cross_entropy, load_fashion_mnist()[0].to(training.device), optimizer,
        batch_size=training.batch_size, until=Steps(training.steps), callbacks=[first],
        report_every=1, switches=SWITCHES[switch],
    )  # fmt: skip
    losses = torch.tensor([row.train_loss for row in history.rows[1:]], dtype=torch.float64)
    return Trained(first.parameters, [p.detach().cpu() for p in model.parameters()], losses)


def difference(one: Trained, other: Trained) -> Difference:
    """Return how far two runs are apart.

    Parameters are compared tensor by tensor, relative to the largest element of the tensor in
    `other`; losses step by step.

    Example:
        >>> run = Trained([torch.ones(2)], [torch.ones(2)], torch.ones(3))
        >>> difference(run._replace(last=[torch.tensor([1.0, 1.5])]), run)
        Difference(first=0.0, last=0.5, loss=0.0)
    """
    losses = (one.losses - other.losses).abs() / other.losses.abs()
    return Difference(
        _farthest(one.first, other.first), _farthest(one.last, other.last), float(losses.max())
    )


def _farthest(one: list[Tensor], other: list[Tensor]) -> float:
    return max(
        float((a.double() - b.double()).abs().max() / b.double().abs().max())
        for a, b in zip(one, other, strict=True)
    )


class _FirstStep(Callback):
    """Keeps the parameters after the first step."""

    def __init__(self) -> None:
        self.parameters: list[Tensor] = []

    def on_step(self, run: Run) -> None:
        if run.step == 1:
            self.parameters = [p.detach().cpu().clone() for p in run.model.parameters()]
