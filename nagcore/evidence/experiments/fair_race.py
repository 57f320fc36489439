"""Ten optimizers on four tasks, tuned alike: steps to a target that was set beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.protocol.targets import time_to_target
from nagcore.evidence.protocol.tuning import Best, best_settings
from nagcore.evidence.race_tasks import Task, find_task, load_race_data
from nagcore.evidence.sweep import Sweep, Together
from nagcore.training.copies import CopiesHistory, Examples, find_rule, train_copies

OPTIMIZERS = (
    "sgd",
    "heavy-ball",
    "nag",
    "adam",
    "adamw",
    "nadam",
    "nadamw",
    "adan",
    "muon",
    "schedule-free-adamw",
)
_LRS = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
_COMMON = {
    "images": "full",
    "held_out": 1_000,  # training images; all decisions are made on them
    "split_seed": 50,
    "lr": _LRS,  # the search space, the same for every method
    "tuning_seeds": (100, 101),  # the step size is chosen by these
    "seeds": (0, 1, 2, 3, 4),  # and judged by these; they see all step sizes, for the sensitivity
    # all other hyperparameters are the methods' defaults, and nothing is scheduled
    "momentum": {"heavy-ball": 0.9, "nag": 0.9, "muon": 0.95, "schedule-free-adamw": 0.9},
    "batch_size": {"softmax": 64, "cnn": 64, "resnet": 32, "autoencoder": 64},
    "every": 20,  # steps between two looks at the held-out images
    "steps": {"softmax": 600, "cnn": 600, "resnet": 600, "autoencoder": 600},
    "sizes": {"softmax": (), "cnn": (8, 16), "resnet": (8, 1), "autoencoder": (256, 64, 16)},
    # mean loss on the held-out images: cross-entropy in nats, or squared error of an image; set
    # after runs with other seeds, where a tuned method was about half way through its budget
    "target": {"softmax": 0.50, "cnn": 0.42, "resnet": 0.60, "autoencoder": 22.0},
}
_COLUMNS = {
    "chosen_lr": "the step size with the lowest mean cost over the tuning seeds",
    "at_edge": "'least' or 'greatest' where that is an end of the search space, else empty",
    "run_lr": "step size of every run, the tuning seeds first",
    "run_seed": "its seed",
    "run_loss": "its last loss on held-out images; nan where it diverged",
    "run_steps": "steps to the target at the first look that saw it reached, inf if none did",
    "run_status": "'budget', or 'diverged' where its loss was not finite",
    "step": "steps at each look",
    "losses": "loss on held-out images at each look at the chosen step size, a list a seed",
    "test_loss": "loss on the test images after the last step, one a seed",
    "test_accuracy": "share of the test images told right then, one a seed; nan where none is told",
    "seconds": "seconds of all these runs, trained as copies at once: not those of one run",
}


_OF_RUN = ("lr", "seed", "loss", "steps", "status")


def declare(name: str, optimizers: Sequence[str] = OPTIMIZERS, **changes: Any) -> Declaration:
    """Return the declaration of a race; `changes` replace constants."""
    constants = {**_COMMON, **changes}
    return Declaration(
        name=name,
        question="Which optimizer takes the fewest steps to a target, if all are tuned alike?",
        axes={"task": tuple(constants["steps"]), "optimizer": tuple(optimizers)},
        constants=constants,
        columns=_COLUMNS,
        devices=("cpu",) if name.endswith("-small") else ("cuda",),
    )


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Search, choose, and judge one optimizer on one task."""
    return measure_kept(setting, device, None)


def measure_together(
    settings: Sequence[Mapping[str, Any]], device: str, keep: Path | None
) -> list[dict[str, Any]]:
    """Measure settings in turn; the runs of each are copies trained at once."""
    return [measure_kept(setting, device, keep) for setting in settings]


def measure_kept(setting: Mapping[str, Any], device: str, keep: Path | None) -> dict[str, Any]:
    """Train all runs of a setting at once, choose by the tuning seeds, read the test set once."""
    task = find_task(setting["task"])
    data = load_race_data(
        task,
        setting["images"],
        held_out=setting["held_out"],
        seed=setting["split_seed"],
        device=device,
    )
    seeds = (*setting["tuning_seeds"], *setting["seeds"])
    runs = [(lr, seed) for seed in seeds for lr in setting["lr"]]
    history = _train(setting, task, data.train, data.validation, runs, device, keep, "search")
    rows = rows_of(setting, history, runs)
    best = choose_lr([row for row in rows if row["seed"] in setting["tuning_seeds"]])
    judged = [(best.setting["lr"], seed) for seed in setting["seeds"]]
    # The same runs once more, with the test images in the place of the held-out ones.
    final = _train(setting, task, data.train, data.test, judged, device, keep, "test")
    unknown = np.full_like(final.eval_loss, np.nan)
    return {
        "chosen_lr": best.setting["lr"],
        "at_edge": best.at_edge.get("lr", ""),
        **{f"run_{name}": [row[name] for row in rows] for name in _OF_RUN},
        "step": history.steps.tolist(),
        "losses": [_short(history.eval_loss[runs.index(run)]) for run in judged],
        "test_loss": _short(final.eval_loss[:, -1]),
        "test_accuracy": _short(final.metrics.get("accuracy", unknown)[:, -1]),
        "seconds": float(history.seconds[-1]),
    }


def rows_of(
    setting: Mapping[str, Any], history: CopiesHistory, runs: Sequence[tuple[float, int]]
) -> list[dict[str, Any]]:
    """Return a row for each run, with the cost by which step sizes are compared."""
    budget, target = (setting[name][setting["task"]] for name in ("steps", "target"))
    rows = []
    for copy, (lr, seed) in enumerate(runs):
        curve = history.eval_loss[copy]
        steps = time_to_target(history.steps, curve, target, higher_is_better=False)
        (loss,) = _short(curve[-1:])
        values = (lr, seed, loss, steps, history.status[copy], cost_of(steps, loss, budget))
        rows.append(dict(zip((*_OF_RUN, "cost"), values, strict=True)))
    return rows


def _short(values: np.ndarray) -> list[float]:
    """Return numbers with as many digits as float32 has, so that a record is not full of noise."""
    return [float(f"{value:.7g}") for value in values.tolist()]


def cost_of(steps: float, loss: float, budget: int) -> float:
    """Return the cost of a run by which step sizes are compared: its steps to the target.

    One that missed it costs twice the budget and up to one step more, the more the higher its
    last loss is: among misses the lower loss wins.

    Args:
        steps: to the target, ∞ for a miss.
        loss: the last one, 0 or larger; not finite where the run diverged.
        budget: steps of a run.

    Example:
        >>> cost_of(40.0, 0.3, 100), cost_of(math.inf, 1.0, 100), cost_of(math.inf, math.nan, 100)
        (40.0, 200.5, 201.0)
    """
    if math.isfinite(steps):
        return steps
    return 2 * budget + (loss / (1 + loss) if math.isfinite(loss) else 1.0)


def choose_lr(rows: Sequence[Mapping[str, Any]]) -> Best:
    """Return the step size with the lowest mean cost; the smallest of equal ones."""
    return best_settings(rows, search=["lr"], score="cost", higher_is_better=False, by=())[()]


def _train(
    setting: Mapping[str, Any],
    task: Task,
    data: Examples,
    judged_on: Examples,
    runs: Sequence[tuple[float, int]],
    device: str,
    keep: Path | None,
    part: str,
) -> CopiesHistory:
    name, optimizer = setting["task"], setting["optimizer"]
    hyper = {"step_size": [lr for lr, _ in runs]}
    if optimizer in setting["momentum"]:
        hyper["momentum"] = [setting["momentum"][optimizer]] * len(runs)
    steps = setting["steps"][name]
    return train_copies(
        task.make_model(setting["sizes"][name]),
        task.loss,
        data,
        find_rule(optimizer),
        hyper,
        seeds=[seed for _, seed in runs],
        steps=steps,
        batch_size=setting["batch_size"][name],
        every=steps if part == "test" else setting["every"],
        evaluate=judged_on,
        metrics=task.metrics,
        device=device,
        keep=None if keep is None else keep / part,
    )


def sweep(declaration: Declaration, tier: int = 1) -> Sweep:
    """Return the experiment of a declaration; each setting is one batch, and keeps its state."""
    return Sweep(declaration, measure, together=Together(measure_together, most=1), tier=tier)


EXPERIMENT = sweep(declare("fair-race"))
SMALL = sweep(
    declare(
        "fair-race-small",
        images="shipped",
        held_out=200,
        tuning_seeds=(110, 111),
        seeds=(10, 11, 12),
        batch_size={"softmax": 32, "mlp": 32, "autoencoder": 16},
        every=10,
        steps={"softmax": 150, "mlp": 150, "autoencoder": 150},
        sizes={"softmax": (), "mlp": (16,), "autoencoder": (32, 8)},
        target={"softmax": 0.58, "mlp": 0.62, "autoencoder": 32.0},
    )
)
FULL = sweep(
    declare(
        "fair-race-full",
        lr=tuple(round(10 ** (k / 4 - 4), 9) for k in range(19)),
        tuning_seeds=(100, 101, 102),
        seeds=tuple(range(10)),
        batch_size={"softmax": 128, "cnn": 128, "resnet": 128, "autoencoder": 128},
        every=50,
        steps={"softmax": 4_000, "cnn": 4_000, "resnet": 4_000, "autoencoder": 4_000},
        sizes={"softmax": (), "cnn": (16, 32), "resnet": (16, 1), "autoencoder": (512, 128, 32)},
        target={"softmax": 0.45, "cnn": 0.27, "resnet": 0.27, "autoencoder": 10.0},
    ),
    tier=2,
)
