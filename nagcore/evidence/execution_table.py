"""The table of optimizers in every way to run a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from nagcore.evidence.record import Record

KEPT = "yes"
"""What a record of "execution-modes" says of a contract that is kept."""


def tabulate_execution_modes(record: Record) -> pd.DataFrame:
    """Return one line for each optimizer: in each mode, how far it ends from plain execution.

    Distances are in units in the last place of a tensor's largest element, 0 for the same bits.
    Where a contract is broken the cell says which; a dash stands for what was not run.

    Args:
        record: of "execution-modes".
    """
    lines: dict[str, dict[str, str]] = {}
    for row in record.rows:
        lines.setdefault(row["optimizer"], {})[row["mode"]] = _in_words(row)
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def summarize_execution_modes(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `steps` is the number of steps, `run` of how many optimizers in a mode there was a run,
    `exact` how many of them end in the bits of plain execution, `furthest` the largest distance,
    `broken` those that break a contract, "none" where none does.

    Args:
        record: of "execution-modes".
    """
    run = [row for row in record.rows if not math.isnan(row["distance"])]
    broken = [f"{row['optimizer']}, {row['mode']}" for row in run if _breaches(row)]
    return {
        "steps": str(record.declaration.constants["steps"]),
        "run": str(len(run)),
        "exact": str(sum(row["distance"] == 0 for row in run)),
        "furthest": f"{max((row['distance'] for row in run), default=math.nan):.3g}",
        "broken": "; ".join(broken) or "none",
    }


def _in_words(row: Mapping[str, Any]) -> str:
    breaches = _breaches(row)
    if breaches:
        return "; ".join(breaches)
    return "–" if math.isnan(row["distance"]) else f"{row['distance']:.3g}"


def _breaches(row: Mapping[str, Any]) -> list[str]:
    """Return what of the contracts is broken, an error on the way included."""
    found = [] if math.isnan(row["distance"]) or not row["error"] else [row["error"]]
    names = {"overflow": "moved by an overflow", "resumes": "does not resume"}
    return found + [text for name, text in names.items() if row[name] == "no"]
