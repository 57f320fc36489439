"""The table of restarts: problem × scheme, steps, gradients, restarts and the estimate of mu."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record


def tabulate_restarts(record: Record) -> pd.DataFrame:
    """Return one line for each scheme: for each problem the mean steps, with least and greatest.

    Args:
        record: of "adaptive-restart".
    """
    problems, schemes = (record.declaration.axes[axis] for axis in ("problem", "scheme"))
    most = record.declaration.constants["max_steps"]
    return pd.DataFrame(
        {
            problem: [_steps(_rows(record, problem, scheme), most) for scheme in schemes]
            for problem in problems
        },
        index=pd.Index(schemes, name="scheme"),
    )


def tabulate_restart_costs(record: Record) -> pd.DataFrame:
    """Return for each scheme that restarts and each problem the mean gradients and restarts.

    Schemes that reach the accuracy on no problem are left out.

    Args:
        record: of "adaptive-restart".
    """
    problems, schemes = (record.declaration.axes[axis] for axis in ("problem", "scheme"))
    lines = {}
    for scheme in schemes:
        line = {}
        for problem in problems:
            rows = _rows(record, problem, scheme)
            gradients, restarts = _mean(rows, "gradients"), _mean(rows, "restarts")
            finite = math.isfinite(gradients)
            line[problem, "gradients"] = f"{gradients:,.0f}" if finite else "–"
            line[problem, "restarts"] = f"{restarts:.1f}" if finite else "–"
        if set(line.values()) != {"–"}:
            lines[scheme] = line
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "scheme"
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def summarize_restarts(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `steps_P_S` is the mean of the steps and `gradients_P_S` that of the gradients, where P and S
    are the names of problem and scheme as `slug` writes them; `saved_P` is how many times more
    steps Nesterov's method takes without restart than with the gradient criterion, and
    `against_known_P` how many times more that criterion takes than known mu. `estimate_P` is how
    many times too large the estimate of mu is, least to greatest, where κ is in the name of the
    problem, and L is 1.

    Args:
        record: of "adaptive-restart".
    """
    problems, schemes = (record.declaration.axes[axis] for axis in ("problem", "scheme"))
    numbers = {}
    for problem in problems:
        p = slug(problem)
        rows = {scheme: _rows(record, problem, scheme) for scheme in schemes}
        steps = {scheme: _mean(chosen, "steps") for scheme, chosen in rows.items()}
        for scheme in schemes:
            numbers[f"steps_{p}_{slug(scheme)}"] = f"{steps[scheme]:,.0f}"
            gradients = _mean(rows[scheme], "gradients")
            numbers[f"gradients_{p}_{slug(scheme)}"] = f"{gradients:,.0f}"
        numbers[f"saved_{p}"] = f"{steps['no restart'] / steps['gradient']:.1f}"
        numbers[f"against_known_{p}"] = f"{steps['gradient'] / steps['known mu']:.2f}"
        if "κ = " in problem:
            kappa = float(problem.rpartition(" ")[2])
            found = kappa * np.asarray(rows["estimated mu"]["mu"], dtype=float)
            numbers[f"estimate_{p}"] = f"{found.min():.2g} to {found.max():.2g}"
    return numbers


def slug(name: str) -> str:
    """Return a name in small Latin letters, digits and hyphens.

    Example:
        >>> slug("quadratic, κ = 1e4")
        'quadratic-1e4'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _rows(record: Record, problem: str, scheme: str) -> pd.DataFrame:
    frame = record.frame()
    return frame.loc[(frame["problem"] == problem) & (frame["scheme"] == scheme)]


def _mean(rows: pd.DataFrame, column: str) -> float:
    # nan where one seed did not arrive: a mean over the others would be no mean of steps
    return float(np.asarray(rows[column], dtype=float).mean())


def _steps(frame: pd.DataFrame, most: int) -> str:
    steps = np.asarray(frame["steps"], dtype=float)
    if np.isfinite(steps).all():
        return f"{steps.mean():,.0f} ({steps.min():,.0f} to {steps.max():,.0f})"
    return f"> {most:,}" if "budget" in set(frame["status"]) else "–"
