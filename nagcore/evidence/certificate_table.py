"""The table of certificates: method × steps × mu, exact, bound and their ratio."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.theory.bounds import bound_gradient_descent, bound_nesterov_strongly_convex
from nagcore.theory.catalogue import METHODS

_WORDS = {
    ("gap", "distance"): "gap / ‖x₀ − x⋆‖²",
    ("gap", "potential"): "gap / potential",
    ("distance", "distance"): "‖x − x⋆‖² / ‖x₀ − x⋆‖²",
    ("gradient", "gap"): "‖∇f‖² / first gap",
}


def tabulate_certificates(record: Record) -> pd.DataFrame:
    """Return one line for each method and mu: for each number of steps exact, bound and ratio.

    A ratio of 1 means that the theorem cannot be improved. Lines without any certificate, where
    a method needs mu > 0 or its theorem is about mu = 0, are left out.

    Args:
        record: of "certificates".
    """
    L = record.declaration.constants["L"]
    lines: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
    for row in record.rows:
        if row["status"] != "certified":
            continue
        kappa = "∞" if row["mu"] == 0 else f"{L / row['mu']:.0f}"
        measured = _WORDS[row["criterion"], row["initial"]]
        line = lines.setdefault((METHODS[row["method"]].label, measured, kappa), {})
        for title, value in (
            ("exact", row["exact"]),
            ("bound", row["bound"]),
            ("ratio", row["exact"] / row["bound"]),
        ):
            line[f"n = {row['steps']}", title] = _short(value, title)
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["method", "what", "κ"])
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table.fillna("–")


def _short(value: float, title: str) -> str:
    if math.isnan(value):  # the theorem says nothing
        return "–"
    return f"{value:.3f}" if title == "ratio" else f"{value:.3g}"


def summarize_certificates(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the table, by name.

    Args:
        record: of "certificates".
    """
    frame = record.frame()
    steps = record.declaration.axes["steps"][-1]
    rows = frame.loc[frame["steps"] == steps].set_index(["method", "mu"])
    ratio = rows["exact"] / rows["bound"]
    return {
        "certificate_steps": str(steps),
        "ratio_nag_1983": f"{ratio['nag-1983', 0.0]:.2f}",
        "ratio_nag": f"{ratio['nag', 0.1]:.2g}",
        "short_ogm_any": f"{100 * (1 - ratio['ogm-any', 0.0]):.1f} %",
        "ratio_proximal": f"{_ratios(frame, 'proximal-gradient', 0.0).mean():.3g}",
        "triple_first": f"{_first(frame, 'triple-momentum', 0.01):.0f}",
        "crossing_361": str(_crossing(361.0)),
    }


def summarize_worst_cases(record: Record, *, steps: int = 12) -> dict[str, str]:
    """Return the numbers that prose takes from the worst cases of common momenta, by name.

    Args:
        record: of "worst-cases".
        steps: the number of steps at which methods are compared; one of the record's.
    """
    exact = record.frame().set_index(["method", "mu", "steps"])["exact"]
    last = record.declaration.axes["steps"][-1]
    return {
        "worst_last": str(last),
        "nag09_vs_gd": f"{exact['nag-0.9', 0.0, steps] / exact['gd-convex', 0.0, steps]:.1f}",
        "nag09_vs_gd_last": f"{exact['nag-0.9', 0.0, last] / exact['gd-convex', 0.0, last]:.1f}",
        "hb09_start": f"{exact['heavy-ball-0.9', 0.0, 1]:.2f}",
        "hb09_twelve": f"{exact['heavy-ball-0.9', 0.0, steps]:.2f}",
        "gd_twelve": f"{exact['gd-convex', 0.0, steps]:.3f}",
    }


def _first(frame: pd.DataFrame, method: str, mu: float) -> float:
    rows = frame.loc[(frame["method"] == method) & (frame["mu"] == mu)]
    return float(rows.sort_values("steps")["bound"].iloc[0])


def _ratios(frame: pd.DataFrame, method: str, mu: float) -> pd.Series:
    rows = frame.loc[(frame["method"] == method) & (frame["mu"] == mu)]
    return (rows["exact"] / rows["bound"]).dropna()


def _crossing(kappa: float) -> int:
    """Return the first k at which the bound of the constant momentum is below gradient descent's.

    The first gap is taken as large as smoothness allows, L R²/2.
    """
    k = np.arange(100_000)
    fast = bound_nesterov_strongly_convex(k, L=kappa, mu=1.0, distance=1.0, first_gap=kappa / 2)
    below = fast < bound_gradient_descent(k, L=kappa, distance=1.0)
    # both bounds begin at L R²/2, to which only this one adds something
    return int(np.flatnonzero(below)[0])
