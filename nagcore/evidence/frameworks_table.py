"""The table of libraries on one path: how far apart each is from our rule, and why."""

from __future__ import annotations

import pandas as pd

from nagcore.evidence.own_path import DIFFERENCES
from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific

SAME = 1e-10
"""Paths nearer than this, as a share of their extent, count as the same one."""


def tabulate_same_path(record: Record) -> pd.DataFrame:
    """Return one line for each method and library: how far it strays, and what it does otherwise.

    The columns say what changes on the way. Distances are shares of the extent of the path;
    "same" stands for one below `SAME`.

    Args:
        record: of "same-path".
    """
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in record.rows:
        line = lines.setdefault((row["method"], row["framework"]), {})
        line[row["changed"]] = "same" if row["distance"] < SAME else scientific(row["distance"])
    for (method, framework), line in lines.items():
        difference = DIFFERENCES.get((framework, method))
        line["what it does otherwise"] = "nothing" if difference is None else difference.words
    return pd.DataFrame(
        list(lines.values()),
        index=pd.MultiIndex.from_tuples(list(lines), names=["method", "library"]),
    )


def summarize_same_path(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `same_path_steps` is the number of steps, `same_path_explained` the largest distance that is
    left when the known differences are put in, and `nadam_F` the distance of library F's NAdam
    while nothing changes.

    Args:
        record: of "same-path".
    """
    nadam = {
        row["framework"]: row["distance"]
        for row in record.rows
        if (row["method"], row["changed"]) == ("NAdam", "nothing")
    }
    return {
        "same_path_steps": str(record.declaration.constants["steps"]),
        "same_path_explained": scientific(max(row["explained"] for row in record.rows)),
        **{f"nadam_{name}": scientific(distance) for name, distance in nadam.items()},
    }
