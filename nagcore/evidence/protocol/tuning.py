"""The best hyperparameters of every method, chosen on validation data by one rule for all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nagcore.errors import UsageError
from nagcore.evidence.protocol.rows import Row, Rows, as_rows, require_columns, score_of
from nagcore.training.checks import require_one_of

_MIDDLES = {"mean": np.mean, "median": np.median}


class Best(NamedTuple):
    """The best setting of one method on one task.

    Attributes:
        setting: its hyperparameters by name.
        score: the mean or median of `values`; infinite where every setting was lost.
        values: its score on every tuning seed, the worst (±∞) where the run was lost.
        tried: how many settings there were to choose from.
        at_edge: for each hyperparameter whose best value is the least or the greatest that was
            tried, which of the two: the search space was too small there, or the best value is a
            natural bound.
    """

    setting: dict[str, Any]
    score: float
    values: tuple[float, ...]
    tried: int
    at_edge: dict[str, str]

    @property
    def lost(self) -> int:
        """How many runs of the setting diverged or failed."""
        return sum(not math.isfinite(value) for value in self.values)


def best_settings(
    rows: Rows,
    *,
    search: Sequence[str],
    score: str,
    higher_is_better: bool,
    by: Sequence[str] = ("task", "method"),
    over: Sequence[str] = ("seed",),
    middle: str = "mean",
) -> dict[tuple, Best]:
    """Choose the best setting of every method on every task.

    Every setting is judged by the mean or median of its score over the tuning seeds. A run that
    diverged or failed counts as the worst, so that one makes a mean the worst, too. Of settings
    that are equally good the first in the order of the rows is taken.

    Args:
        rows: one line per run, scored on validation data, never on the test set.
        search: the columns of the hyperparameters that are chosen.
        score: the column that judges; a `status` of "failed" or "diverged" overrules it.
        higher_is_better: whether it is an accuracy or the like, not a loss or a time.
        by: the columns of which each combination gets a best setting.
        over: the columns that tell apart the repetitions of a setting.
        middle: "mean" or "median".

    Returns:
        The best setting for each combination of values of `by`, in the order of the rows.

    Raises:
        UsageError: a column is missing, `middle` is not known, or the settings of one method have
            not all been run on the same seeds.

    Example:
        >>> rows = [{"task": "cnn", "method": "nag", "lr": lr, "seed": seed, "loss": lr + seed}
        ...         for lr in (0.1, 0.2, 0.4) for seed in (0, 1)]
        >>> best = best_settings(rows, search=["lr"], score="loss", higher_is_better=False)
        >>> best["cnn", "nag"].setting, best["cnn", "nag"].at_edge
        ({'lr': 0.1}, {'lr': 'least'})
    """
    require_one_of(middle, "middle", tuple(_MIDDLES))
    lines = as_rows(rows)
    require_columns(lines, (*by, *search, *over, score))
    found = {}
    for key, group in _grouped(lines, by).items():
        settings = _grouped(group, search)
        _check_seeds(key, settings, over)
        values = {
            setting: [score_of(row, score, higher_is_better=higher_is_better) for row in runs]
            for setting, runs in settings.items()
        }
        scores = {setting: float(_MIDDLES[middle](seen)) for setting, seen in values.items()}
        choose = max if higher_is_better else min
        best = choose(scores, key=scores.__getitem__)
        found[key] = Best(
            dict(zip(search, best, strict=True)),
            scores[best],
            tuple(values[best]),
            len(settings),
            _edges(best, settings, search),
        )
    return found


def tuning_table(
    best: Mapping[tuple, Best], by: Sequence[str] = ("task", "method")
) -> pd.DataFrame:
    """Return the best settings as a table, one line each, for a chapter to show.

    Args:
        best: as `best_settings` returns it.
        by: the names of what its keys hold.

    Returns:
        The columns of `by`, the hyperparameters, then score, lost, n, tried, and at_edge in words.

    Example:
        >>> best = {("cnn", "nag"): Best({"lr": 0.1}, 0.5, (0.4, 0.6), 7, {"lr": "least"})}
        >>> tuning_table(best).to_dict("records")[0]["at_edge"]
        'lr least'
    """
    return pd.DataFrame(
        [
            {
                **dict(zip(by, key, strict=True)),
                **one.setting,
                "score": one.score,
                "n": len(one.values),
                "lost": one.lost,
                "tried": one.tried,
                "at_edge": ", ".join(f"{name} {end}" for name, end in one.at_edge.items()),
            }
            for key, one in best.items()
        ]
    )


def lr_sensitivity(
    rows: Rows,
    *,
    score: str,
    higher_is_better: bool,
    lr: str = "lr",
    search: Sequence[str] = (),
    by: Sequence[str] = ("task", "method"),
    over: Sequence[str] = ("seed",),
) -> pd.DataFrame:
    """Return the score at every learning rate with its spread over the seeds.

    Args:
        rows: one line per run.
        score: the column that judges.
        higher_is_better: whether it is an accuracy or the like, not a loss or a time.
        lr: the column of the learning rate.
        search: the other hyperparameters; at each learning rate their best setting is taken, by
            the median over the seeds.
        by: the columns that tell the curves apart.
        over: the columns that tell apart the repetitions of a setting.

    Returns:
        The columns of `by`, `lr`, and of the score the median, the least and the greatest value
        over the seeds (infinite where runs were lost), with n and lost, the number of runs and of
        those that were lost; in the order of the learning rates.

    Raises:
        UsageError: as `best_settings`.

    Source: [schneider2019].

    Example:
        >>> rows = [{"task": "cnn", "method": "nag", "lr": lr, "seed": seed, "loss": lr + seed}
        ...         for lr in (0.1, 0.2) for seed in (0, 1, 2)]
        >>> lr_sensitivity(rows, score="loss", higher_is_better=False)["median"].tolist()
        [1.1, 1.2]
    """
    best = best_settings(
        rows, search=search, score=score, higher_is_better=higher_is_better,
        by=(*by, lr), over=over, middle="median",
    )  # fmt: skip
    frame = pd.DataFrame(
        [
            {
                **dict(zip((*by, lr), key, strict=True)),
                **one.setting,
                "median": one.score,
                "least": min(one.values),
                "greatest": max(one.values),
                "n": len(one.values),
                "lost": one.lost,
            }
            for key, one in best.items()
        ]
    )
    return frame.sort_values(lr, kind="stable").reset_index(drop=True)


def _grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[tuple, list[Row]]:
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return groups


def _check_seeds(key: tuple, settings: Mapping[tuple, Sequence[Row]], over: Sequence[str]) -> None:
    """Refuse a comparison in which some settings had more, other or repeated seeds."""
    seeds = {
        setting: sorted(str([row[name] for name in over]) for row in runs)
        for setting, runs in settings.items()
    }
    first = next(iter(seeds.values()))
    for setting, seen in seeds.items():
        if seen != first or len(set(seen)) < len(seen):
            raise UsageError(
                f"of {key} the setting {setting} was run at {', '.join(over)} = {seen}, expected "
                f"each of {sorted(set(first))} once, as of the first setting; name in search, by "
                "and over every column that tells runs apart"
            )


def _edges(best: tuple, settings: Mapping[tuple, Any], search: Sequence[str]) -> dict[str, str]:
    found = {}
    for place, name in enumerate(search):
        tried = {setting[place] for setting in settings}
        if len(tried) > 1 and all(isinstance(value, Real) for value in tried):
            ends = {min(tried): "least", max(tried): "greatest"}
            if best[place] in ends:
                found[name] = ends[best[place]]
    return found
