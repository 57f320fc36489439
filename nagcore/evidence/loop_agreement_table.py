"""The table of how far the switches of the training loop move the result."""

from __future__ import annotations

import math

import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific
from nagcore.evidence.restart_table import slug

_MEASURED = ("first", "last", "loss")


def tabulate_switches(record: Record) -> pd.DataFrame:
    """Return one line for each switch: for each network, how far it moves the result.

    Args:
        record: of "switches-agree".

    Returns:
        Columns "first step", "last step" and "loss" as in the record, and "agrees"; dashes for a
        switch that was not run.
    """
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in record.rows:
        line, network = lines.setdefault(row["switch"], {}), row["network"]
        for name in _MEASURED:
            word = name if name == "loss" else f"{name} step"
            line[network, word] = _shown(row[name])
        line[network, "agrees"] = row["agrees"]
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "switch"
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def summarize_switches(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `N_S_first`, `N_S_last`, `N_S_loss` and `N_S_agrees` for network N and switch S, in small
    letters with hyphens.

    Args:
        record: of "switches-agree".
    """
    numbers = {}
    for row in record.rows:
        key = f"{slug(row['network'])}_{slug(row['switch'])}"
        numbers |= {f"{key}_{name}": _shown(row[name]) for name in _MEASURED}
        numbers[f"{key}_agrees"] = row["agrees"]
    return numbers


def _shown(value: float) -> str:
    if math.isnan(value):
        return "–"
    return scientific(value) if value else "0"
