"""The runs of the fair race, read less carefully than they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import pandas as pd

from nagcore.evidence.fair_race_table import all_runs, fresh_runs, profile_of, raced, runs_at
from nagcore.evidence.protocol import Profile, best_settings
from nagcore.evidence.race_tasks import find_task, load_race_data
from nagcore.evidence.record import Record
from nagcore.optim.table import find_optimizer
from nagcore.training.copies import find_rule, train_copies

READINGS: Mapping[str, str] = {
    "fair": "as declared",
    "low": "one small step size for all",
    "high": "one large step size for all",
    "narrow": "a search space without its upper half",
    "single": "one seed",
    "luckiest": "the luckiest seed of each",
    "hindsight": "step sizes chosen on the runs that are judged",
}
"""Ways to read the runs of a race; all but the first are unfair."""


def read_race(record: Record, reading: str) -> Profile:
    """Return the profile of a race as somebody might read it who is less careful.

    Args:
        record: of a fair race.
        reading: a key of `READINGS`.
    """
    return profile_of(_READ[reading](record))


def tabulate_readings(record: Record) -> pd.DataFrame:
    """Return one line per reading: who is first, and where Nesterov's method comes.

    Args:
        record: of a fair race with "nag" in it.
    """
    lines = {}
    for reading, words in READINGS.items():
        scores = read_race(record, reading).scores()
        lines[words] = {
            "first": ", ".join(label_of(name) for name in leaders(scores)),
            "area": f"{scores.iloc[0]:.2f}",
            "place of NAG": place(scores, "nag"),
            "area of NAG": f"{scores['nag']:.2f}",
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "reading"
    return table


def leaders(scores: pd.Series) -> list[str]:
    """Return the methods with the highest score; none where all missed all targets."""
    best = float(scores.max())
    return [str(name) for name, score in scores.items() if score == best] if best > 0 else ["none"]


def label_of(name: str) -> str:
    """Return the label of a method, or the word of `leaders` where there is none."""
    return name if name == "none" else find_optimizer(name).label


def place(scores: pd.Series, method: str) -> int:
    """Return the place of a method, 1 for the highest score; equal scores share the better one."""
    return 1 + int((scores > scores[method]).sum())


def _one_lr(record: Record, share: float) -> pd.DataFrame:
    """Return the runs on fresh seeds at one place of the search space, from 0 to 1."""
    grid = record.declaration.constants["lr"]
    runs = fresh_runs(record)
    return runs.loc[runs["lr"] == grid[round(share * (len(grid) - 1))]]


def chosen_by(
    record: Record, grid: Iterable[float], seeds: Iterable[int]
) -> dict[tuple[str, str], float]:
    """Return the step size that given seeds choose from a part of the search space.

    Args:
        record: of a fair race.
        grid: step sizes to choose from.
        seeds: to choose by.

    Returns:
        The step size by task and method.
    """
    runs = all_runs(record)
    seen = runs.loc[runs["lr"].isin(list(grid)) & runs["seed"].isin(list(seeds))]
    best = best_settings(seen, search=["lr"], score="cost", higher_is_better=False)
    return {(str(key[0]), str(key[1])): one.setting["lr"] for key, one in best.items()}


def _luckiest(record: Record) -> pd.DataFrame:
    runs = raced(record).sort_values("steps", kind="stable")
    return runs.drop_duplicates(["task", "method"])


def _single(record: Record) -> pd.DataFrame:
    runs = raced(record)
    return runs.loc[runs["seed"] == record.declaration.constants["seeds"][0]]


def _narrow(record: Record) -> pd.DataFrame:
    constants = record.declaration.constants
    grid = constants["lr"][: len(constants["lr"]) // 2]
    return runs_at(fresh_runs(record), chosen_by(record, grid, constants["tuning_seeds"]))


def _hindsight(record: Record) -> pd.DataFrame:
    constants = record.declaration.constants
    return runs_at(fresh_runs(record), chosen_by(record, constants["lr"], constants["seeds"]))


_READ: Mapping[str, Callable[[Record], pd.DataFrame]] = {
    "fair": raced,
    "low": partial(_one_lr, share=1 / 3),
    "high": partial(_one_lr, share=2 / 3),
    "narrow": _narrow,
    "single": _single,
    "luckiest": _luckiest,
    "hindsight": _hindsight,
}


def compare_at(
    lrs: Sequence[float], methods: Sequence[str], *, steps: int, seed: int
) -> pd.DataFrame:
    """Train logistic regression on the shipped images, once for each method and step size.

    Args:
        lrs: step sizes.
        methods: names in `nagcore.training.copies.RULES`.
        steps: of each run.
        seed: of weights and order, the same for all.

    Returns:
        The mean cross-entropy on held-out images after the last step, nats: one line for each step
        size, one column for each method.

    Example:
        >>> compare_at([0.01, 0.02], ["sgd"], steps=2, seed=0).shape
        (2, 1)
    """
    task = find_task("softmax")
    data = load_race_data(task, "shipped", held_out=200, seed=50)
    columns = {}
    for method in methods:
        history = train_copies(
            task.make_model(()),
            task.loss,
            data.train,
            find_rule(method),
            {"step_size": list(lrs), "momentum": [0.9] * len(lrs)},
            seeds=[seed] * len(lrs),
            steps=steps,
            batch_size=32,
            every=steps,
            evaluate=data.validation,
        )
        columns[find_optimizer(method).label] = history.eval_loss[:, -1]
    index = pd.Index([f"{lr:g}" for lr in lrs], name="step size")
    return pd.DataFrame(columns, index=index).round(3)


def say_reversal(table: pd.DataFrame) -> str:
    """Say who is ahead at each step size, and what each reaches at its own.

    Args:
        table: of `compare_at`.
    """
    ahead = {str(lr): str(line.idxmin()) for lr, line in table.iterrows()}
    groups: dict[str, list[str]] = {}
    for lr, name in ahead.items():
        groups.setdefault(name, []).append(lr)
    parts = [f"{name} is ahead at {' and '.join(lrs)}" for name, lrs in groups.items()]
    own = [f"{name} {table[name].min():.3f}" for name in table.columns]
    return f"{'; '.join(parts)}. Each at its own best step size: {', '.join(own)}."
