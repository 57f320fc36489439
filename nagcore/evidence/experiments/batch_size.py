"""Steps to a fixed validation loss against the batch size, five optimizers tuned alike."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy

from nagcore.evidence.batch_size_trials import momentum_of, trials
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.sweep import Sweep, Together
from nagcore.files import write_whole
from nagcore.training.copies import CopiesHistory, Examples, Target, find_rule, train_copies
from nagcore.training.data import load_fashion_mnist, split
from nagcore.training.models import make_cnn
from nagcore.training.seeds import private_random_state

_COLUMNS = {
    "tuning_steps": "steps to the target by trial and tuning seed, inf where it was not reached",
    "trial": "number of the chosen trial, from 0: the least mean over the tuning seeds",
    "step_size": "the chosen step size",
    "momentum": "the chosen momentum or β₁, 0 for SGD",
    "edge": "the chosen step size is the smallest or the largest of those tried: 1, else 0",
    "steps": "steps to the target with the chosen settings, by fresh seed, inf where not reached",
    "every": "steps between two looks at the validation loss",
    "budget": "steps after which a run ended that had not reached the target",
    "parameters": "numbers that are trained",
    "seconds": "seconds for the trials and the fresh seeds",
}
_OPTIMIZERS = ("sgd", "heavy-ball", "nag", "adam", "nadam")
# Where the step size of a method is looked for. Those of SGD and of the two momentum methods are
# of α/(1 − β), the length of the steps where the gradient does not change; those of Adam and NAdam
# are of α itself, the length of a step.
_SPACE = {
    "sgd": (0.02, 2.0),
    "heavy-ball": (0.02, 5.0),
    "nag": (0.02, 5.0),
    "adam": (3e-4, 0.05),
    "nadam": (3e-4, 0.05),
}


def _declare(
    name: str,
    batch_sizes: tuple[int, ...],
    devices: tuple[str, ...] = ("cuda",),
    **changed: Any,
) -> Declaration:
    constants = {
        "data": "full",
        "held_out": 5_000,
        "model": "mlp",
        "width": 64,
        "pool": 2,  # side of the squares of pixels that are averaged into one
        "target": 0.46,  # validation loss, nats
        "trials": 16,  # per optimizer and batch size, each with the same number of steps
        "space": _SPACE,
        "momenta": (0.9, 0.97),  # of all but SGD, which has more step sizes instead
        "tuning_seeds": (100, 101, 102),
        "fresh_seeds": (0, 1, 2, 3, 4),
        "budget_examples": 80_000,
        "budget_steps": 400,  # at least, whatever the batch size
        "looks": 400,  # at the validation loss, in a run of full length
        "at_once": 2**20,  # examples that all copies trained together see in a step, at most
    }
    return Declaration(
        name=name,
        question="How many steps does each optimizer save with larger batches, and up to which?",
        axes={"optimizer": _OPTIMIZERS, "batch_size": batch_sizes},
        constants={**constants, **changed},
        columns=_COLUMNS,
        devices=devices,
    )


DECLARATION = _declare(
    "batch-size", tuple(2**power for power in range(3, 15)), tuning_seeds=(100, 101)
)
SMALL = _declare(
    "batch-size-small",
    tuple(2**power for power in range(3, 10)),
    devices=("cpu",),
    data="shipped",
    held_out=300,
    width=16,
    target=0.7,
    budget_examples=8_000,
    budget_steps=120,
    looks=120,
)
FULL = _declare(
    "batch-size-full",
    tuple(2**power for power in range(3, 15)),
    model="cnn",
    width=8,
    pool=1,
    target=0.35,
    budget_examples=300_000,
    budget_steps=1_000,
    at_once=2**16,
    fresh_seeds=tuple(range(10)),
)


def measure(setting: Mapping[str, Any], device: str, keep: Path | None = None) -> dict[str, Any]:
    """Search the settings with the tuning seeds, then run the best of them on fresh seeds.

    Args:
        setting: of the declaration.
        device: "cpu" or "cuda".
        keep: a folder for the state, so that a killed call goes on where it was.
    """
    started = time.perf_counter()
    tried, seeds, fresh = trials(setting), setting["tuning_seeds"], setting["fresh_seeds"]
    tuning = steps_to_target(
        setting, [t for t in tried for _ in seeds], seeds * len(tried), device, _in(keep, "search")
    )
    tuning = tuning.reshape(len(tried), len(seeds))
    best = int(tuning.mean(axis=1).argmin())
    momentum = momentum_of(tried[best])
    rivals = [t["step_size"] for t in tried if momentum_of(t) == momentum]
    steps = steps_to_target(setting, [tried[best]] * len(fresh), fresh, device, _in(keep, "fresh"))
    budget, every = budget_of(setting)
    return {
        "tuning_steps": tuning.tolist(),
        "trial": best,
        "step_size": tried[best]["step_size"],
        "momentum": momentum,
        "edge": int(tried[best]["step_size"] in (min(rivals), max(rivals))),
        "steps": steps.tolist(),
        "every": every,
        "budget": budget,
        "parameters": sum(p.numel() for p in make_model(setting)(0).parameters()),
        "seconds": time.perf_counter() - started,
    }


def budget_of(setting: Mapping[str, Any]) -> tuple[int, int]:
    """Return the steps of a run of full length, and how often the validation loss is looked at.

    Example:
        >>> budget_of({"batch_size": 8, "budget_examples": 8000, "budget_steps": 50, "looks": 100})
        (1000, 10)
    """
    budget = max(
        math.ceil(setting["budget_examples"] / setting["batch_size"]), setting["budget_steps"]
    )
    return budget, max(1, budget // setting["looks"])


def _measure_together(
    settings: Sequence[Mapping[str, Any]], device: str, keep: Path | None
) -> list[dict[str, Any]]:
    """Measure settings that agree in all axes, which is one: its trials are what runs at once."""
    return [measure(setting, device, keep) for setting in settings]


def _in(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name


def steps_to_target(
    setting: Mapping[str, Any],
    hyper: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    device: str,
    keep: Path | None,
) -> np.ndarray:
    """Return the steps to the target of each copy, inf where it was not reached."""
    most = max(1, setting["at_once"] // setting["batch_size"])
    steps: list[float] = []
    for start in range(0, len(seeds), most):
        part, done = slice(start, start + most), _in(keep, f"from-{start}.json")
        if done is None or not done.exists():
            history = _train(setting, hyper[part], seeds[part], device, _in(keep, f"from-{start}"))
            reached = [math.inf if step is None else step for step in history.reached]
            if done is not None:
                write_whole(done, json.dumps(reached).encode())
        else:
            reached = json.loads(done.read_text(encoding="utf-8"))
        steps += reached
    return np.array(steps, dtype=float)


def _train(
    setting: Mapping[str, Any],
    hyper: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    device: str,
    keep: Path | None,
) -> CopiesHistory:
    train, validation = _examples(setting["data"], setting["held_out"], setting["pool"], device)
    budget, every = budget_of(setting)
    return train_copies(
        make_model(setting),
        cross_entropy,
        train,
        find_rule(setting["optimizer"]),
        {name: [trial[name] for trial in hyper] for name in hyper[0]},
        seeds=seeds,
        steps=budget,
        batch_size=setting["batch_size"],
        every=every,
        evaluate=validation,
        target=Target("eval_loss", at_most=setting["target"]),
        device=device,
        keep=keep,
    )


@cache
def _examples(which: str, held_out: int, pool: int, device: str) -> tuple[Examples, Examples]:
    """Return training and validation examples on the device; the test images stay unread."""
    parts = split(load_fashion_mnist(which)[0], held_out, seed=0)
    return tuple(  # pyright: ignore[reportReturnType]
        Examples(avg_pool2d(part.images, pool).to(device), part.labels.to(device)) for part in parts
    )


def make_model(setting: Mapping[str, Any]) -> Callable[[int], nn.Module]:
    """Return the function from a seed to the network of the setting."""
    width, inputs = setting["width"], (28 // setting["pool"]) ** 2

    def make_mlp(seed: int) -> nn.Module:
        with private_random_state(seed):
            return nn.Sequential(
                nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, 10)
            )

    return make_mlp if setting["model"] == "mlp" else lambda seed: make_cnn(seed, width=width)


_TOGETHER = Together(_measure_together, alike=("optimizer", "batch_size"), most=1)
EXPERIMENT = Sweep(DECLARATION, measure, together=_TOGETHER)
EXPERIMENT_SMALL = Experiment(SMALL, measure)
EXPERIMENT_FULL = Sweep(FULL, measure, together=_TOGETHER, tier=2)
