"""What chapter 12 takes from the fair race: its runs, and its tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments.fair_race import cost_of
from nagcore.evidence.protocol import (
    Budget,
    Profile,
    bootstrap_interval,
    describe_protocol,
    lr_sensitivity,
    performance_profile,
    times_by_method,
)
from nagcore.evidence.race_tasks import TASKS
from nagcore.evidence.record import Record
from nagcore.evidence.recording import load_or_run
from nagcore.evidence.store import load_if_recorded
from nagcore.optim.table import find_optimizer
from nagcore.root import find_root

CLIPPED_AT = 4.0
"""Multiple of a task's best loss at which its sensitivity is cut off."""
_RUN = ("lr", "seed", "loss", "steps", "status")


def best_record(experiments: Iterable[Experiment]) -> Record:
    """Return the first record on a GPU that there is, or that of the last experiment on a CPU.

    Args:
        experiments: the most valuable first; the last is one for a CPU.
    """
    *larger, small = experiments
    for experiment in larger:
        record = load_if_recorded(experiment, "cuda", find_root())
        if record is not None:
            return record
    return load_or_run(small)


def all_runs(record: Record) -> pd.DataFrame:
    """Return one line for every run of the search: task, method, lr, seed, loss, steps, status,
    and the cost by which a step size is chosen.

    Args:
        record: of a fair race.
    """
    budgets = record.declaration.constants["steps"]
    lines = []
    for row in record.rows:
        about = {"task": row["task"], "method": row["optimizer"]}
        for run in zip(*(row[f"run_{name}"] for name in _RUN), strict=True):
            of_run = dict(zip(_RUN, run, strict=True))
            cost = cost_of(of_run["steps"], of_run["loss"], budgets[row["task"]])
            lines.append({**about, **of_run, "cost": cost})
    return pd.DataFrame(lines)


def fresh_runs(record: Record) -> pd.DataFrame:
    """Return the runs on fresh seeds, at all step sizes."""
    runs = all_runs(record)
    return runs.loc[runs["seed"].isin(record.declaration.constants["seeds"])]


def raced(record: Record) -> pd.DataFrame:
    """Return the runs that count: on fresh seeds, at the step size that the tuning seeds chose."""
    chosen = {(row["task"], row["optimizer"]): row["chosen_lr"] for row in record.rows}
    return runs_at(fresh_runs(record), chosen)


def curves(record: Record) -> pd.DataFrame:
    """Return one line for each look at these runs: task, method, seed, step, loss."""
    seeds = record.declaration.constants["seeds"]
    return pd.DataFrame(
        [
            {"task": row["task"], "method": row["optimizer"], "seed": seed, "step": k, "loss": loss}
            for row in record.rows
            for seed, losses in zip(seeds, row["losses"], strict=True)
            for k, loss in zip(row["step"], losses, strict=True)
        ]
    )


def runs_at(runs: pd.DataFrame, chosen: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Return the runs at the step size that is chosen for their task and method."""
    keys = zip(runs["task"], runs["method"], strict=True)
    return runs.loc[runs["lr"].to_numpy() == np.array([chosen[key] for key in keys])]


def profile_of(runs: pd.DataFrame) -> Profile:
    """Return the performance profile of runs, from the median steps to the targets."""
    return performance_profile(times_by_method(runs, time="steps"))


def race_profile(record: Record) -> Profile:
    """Return the performance profile of the race, from the median steps to the targets."""
    return profile_of(raced(record))


def loss_sensitivity(record: Record) -> pd.DataFrame:
    """Return the last held-out loss against the step size on fresh seeds, by `lr_sensitivity`.

    Losses above `CLIPPED_AT` times the best on a task are given as that, so that a figure shows
    the valleys and not the walls; those of runs that diverged stay infinite.

    Args:
        record: of a fair race.
    """
    frame = lr_sensitivity(fresh_runs(record), score="loss", higher_is_better=False)
    best = {task: part["median"].min() for task, part in frame.groupby("task")}
    most = CLIPPED_AT * np.array([best[task] for task in frame["task"]], dtype=float)
    for name in ("median", "least", "greatest"):
        values = frame[name].to_numpy(dtype=float)
        frame[name] = np.where(np.isfinite(values), np.minimum(values, most), values)
    return frame


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose tasks are named in words, for figures and tables."""
    return frame.assign(task=frame["task"].map(lambda name: TASKS[name].label))


def describe_race(record: Record) -> str:
    """Return the sentence of a caption on the budget, search space and seeds.

    Args:
        record: of a fair race.
    """
    constants = record.declaration.constants
    budget = Budget(
        {"lr": constants["lr"]},
        constants["tuning_seeds"],
        constants["seeds"],
        judged_by="steps to the target",
    )
    return describe_protocol(budget)


def caption_of(record: Record) -> str:
    """Return what every caption of a race ends with: its name, the protocol, and where it was run.

    Args:
        record: of a fair race.
    """
    device = "CPU-sized" if record.declaration.devices == ("cpu",) else "on a GPU"
    return (
        f"Experiment {record.declaration.name}, {device}. {describe_race(record)} {record.note()}"
    )


def tabulate_race(record: Record) -> pd.DataFrame:
    """Return one line per method: for each task the steps to the target, and the step size.

    Steps are the median over the fresh seeds with the bootstrap's 95 % interval, “∞” where the
    target was missed; the step size has an arrow where it lies at an end of the search space.

    Args:
        record: of a fair race.
    """
    runs, lines = raced(record), dict[str, dict[tuple[str, str], str]]()
    for row in record.rows:
        steps = _cells(runs, row["task"], row["optimizer"])
        arrow = {"least": " ↓", "greatest": " ↑"}.get(row["at_edge"], "")
        label = TASKS[row["task"]].label
        lines.setdefault(find_optimizer(row["optimizer"]).label, {}).update(
            {
                (label, "steps"): steps_in_words(steps),
                (label, "lr"): f"{row['chosen_lr']:g}{arrow}",
            }
        )
    return _table(lines)


def tabulate_tests(record: Record) -> pd.DataFrame:
    """Return one line per method: for each task the accuracy or loss on the test images.

    Mean and standard deviation over the fresh seeds, read once, after the last step.

    Args:
        record: of a fair race.
    """
    lines = dict[str, dict[tuple[str, str], str]]()
    for row in record.rows:
        accuracies, losses = np.array(row["test_accuracy"]), np.array(row["test_loss"])
        told = not np.isnan(accuracies).all()
        task = TASKS[row["task"]]
        name = "accuracy, %" if told else task.unit
        values = 100 * accuracies if told else losses
        text = f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" if values.size > 1 else "–"
        lines.setdefault(find_optimizer(row["optimizer"]).label, {})[task.label, name] = text
    return _table(lines)


def steps_in_words(steps: np.ndarray) -> str:
    """Return median and interval of steps to a target.

    Example:
        >>> steps_in_words(np.array([20.0, 40.0, 30.0]))
        '30 (20 to 40)'
        >>> steps_in_words(np.array([20.0, np.inf, np.inf]))
        '∞ (20 to ∞)'
    """
    interval = bootstrap_interval(steps, "median")
    ends = [_count(end) for end in (interval.estimate, interval.low, interval.high)]
    return f"{ends[0]} ({ends[1]} to {ends[2]})" if len(steps) > 1 else ends[0]


def _cells(runs: pd.DataFrame, task: str, method: str) -> np.ndarray:
    own = (runs["task"] == task) & (runs["method"] == method)
    return runs.loc[own, "steps"].to_numpy(dtype=float)


def _count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "∞"


def _table(lines: dict[str, dict[tuple[str, str], str]]) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    table.index.name = "optimizer"
    return table
