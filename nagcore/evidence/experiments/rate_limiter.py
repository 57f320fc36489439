"""The article's threshold K on the repaired CNN: what it does to rates that change, and to results.

The rate is bounded while every gradient entry lies in [−K, K], see
`nagcore.training.rates.GradientRangeLimiter`. K = 0 bounds nothing but exact zeros, so it is the
run without a limiter; K = ∞ bounds every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch.nn.functional import cross_entropy
from torch.nn.utils import get_total_norm

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.optim.table import make_optimizer
from nagcore.training.callbacks import Callback
from nagcore.training.data import load_fashion_mnist, split
from nagcore.training.evaluation import evaluate
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn
from nagcore.training.rates import Cosine, GradientRangeLimiter, RateSetter, StepDecay
from nagcore.training.run import Run
from nagcore.training.stopping import Epochs

DECLARATION = Declaration(
    name="rate-limiter",
    question="Does it help to bound how fast the rate changes while gradients are small?",
    axes={
        "instruction": ("constant", "step decay", "warm-up, cosine", "plateau", "jump"),
        "optimizer": ("sgd", "nag"),
        "lr": ("tuned", "too large"),
        "K": (0.0, 0.1, 0.2, 0.4, 0.8, math.inf),
        "seed": (0, 1, 2),
    },
    constants={
        "most": 0.01,
        "epochs": 10,
        "batch_size": 50,
        "width": 4,
        "held_out": 200,  # of the 1,000 training images; what the plateau rule looks at
        "split_seed": 0,
        # of the recorded search "cnn-tuning" the best, and the smallest with which every run
        # diverged; a test holds them together
        "step_sizes": {
            "tuned": {"sgd": 0.3, "nag": 0.03},
            "too large": {"sgd": 1.0, "nag": 0.3},
        },
        "decay": {"every": 48, "factor": 0.3},
        "warm_up": 32,
        "plateau": {"factor": 0.3, "patience": 1},
        "jump": {"step": 80, "factor": 5.0},
        "quantiles": (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
    },
    columns={
        "train_loss": "mean cross-entropy on the training images after the last step, nats",
        "test_loss": "mean cross-entropy on the 1,000 test images after the last step, nats",
        "test_accuracy": "share of the 1,000 test images told right after the last step",
        "bounded": "share of the steps whose rate was not the one demanded",
        "last_rate": "rate of the last step over the lr of the optimizer",
        "changes": "instructions that took effect",
        "largest": "largest gradient entry of a step, at the quantiles declared",
        "steps": "steps taken",
        "status": "why the run stopped",
    },
    devices=("cpu",),
)


class Watch(Callback):
    """Notes the largest gradient entry of every step, and gives the order to jump.

    Args:
        jump_at: number of the step after which to multiply the rate, None for never.
        factor: of the jump.
    """

    def __init__(self, jump_at: int | None, factor: float) -> None:
        self.jump_at, self.factor = jump_at, factor
        self.largest: list[float] = []

    def on_step(self, run: Run) -> None:
        gradients = [p.grad for p in run.model.parameters() if p.grad is not None]
        self.largest.append(get_total_norm(gradients, norm_type=math.inf).item())
        if run.step == self.jump_at and run.rate is not None and run.rate.rate is not None:
            run.rate.set(run.rate.rate * self.factor, why="set by hand")


def make_setter(setting: Mapping[str, Any], steps: int) -> RateSetter:
    """Return the rate setter of a setting.

    Args:
        setting: of this experiment.
        steps: of the whole run.
    """
    limiter = GradientRangeLimiter(setting["K"], setting["most"])
    match setting["instruction"]:
        case "step decay":
            return RateSetter(StepDecay(**setting["decay"]), limiter=limiter)
        case "warm-up, cosine":
            setter = RateSetter(Cosine(steps), limiter=limiter)
            setter.add_warm_up(setting["warm_up"])
            return setter
        case "plateau":
            setter = RateSetter(limiter=limiter)
            setter.lower_on_plateau("eval_loss", **setting["plateau"])
            return setter
        case _:
            return RateSetter(limiter=limiter)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train on 800 of the shipped training images, judge on the 1,000 test images at the end."""
    everything, test = load_fashion_mnist()
    train, held_out = (
        part.to(device)
        for part in split(everything, setting["held_out"], seed=setting["split_seed"])
    )
    model = make_cnn(setting["seed"], setting["width"]).to(device)
    lr = setting["step_sizes"][setting["lr"]][setting["optimizer"]]
    optimizer = make_optimizer(setting["optimizer"], model.parameters(), lr=lr)
    setter = make_setter(setting, setting["epochs"] * train.steps(setting["batch_size"]))
    jumps = setting["instruction"] == "jump"
    watch = Watch(setting["jump"]["step"] if jumps else None, setting["jump"]["factor"])
    history = fit(
        model,
        cross_entropy,
        train,
        optimizer,
        batch_size=setting["batch_size"],
        until=Epochs(setting["epochs"]),
        rate=setter,
        callbacks=[watch],
        evaluate_on=held_out,
        seed=setting["seed"],
    )
    after, judged = (
        evaluate(model, cross_entropy, data.to(device), optimizer=optimizer)
        for data in (train, test)
    )
    # Entries that were observed, not values between them: one may be infinite.
    quantiles = np.nanquantile(watch.largest, setting["quantiles"], method="inverted_cdf")
    return {
        "train_loss": after.loss,
        "test_loss": judged.loss,
        "test_accuracy": judged.accuracy,
        "bounded": share_bounded(setter),
        "last_rate": (setter.rate or 0.0) / lr,
        "changes": len(setter.changes),
        "largest": quantiles.tolist(),
        "steps": history.final.step,
        "status": history.status,
    }


def share_bounded(setter: RateSetter) -> float:
    """Return the share of the steps so far whose rate is not the one that was demanded.

    Args:
        setter: of a run with one step or more.
    """
    frame = setter.history_frame()
    # A line stands for the steps up to the next one; the last line is the last step.
    steps = frame["step"].to_numpy()
    lengths = np.diff(steps, append=steps[-1] + 1)
    apart = frame["rate"].to_numpy() != frame["demanded"].to_numpy()
    return float(lengths[apart].sum() / (steps[-1] + 1))


EXPERIMENT = Experiment(DECLARATION, measure)
