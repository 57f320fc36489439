"""The table of the ablation: what each single repair is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.report import percent, points
from nagcore.evidence.restart_table import slug
from nagcore.evidence.statistics import summarize

REPAIRED = "nothing"
COLUMNS = ("accuracy", "accuracy_at_lr")


def accuracies(record: Record, column: str = "accuracy") -> dict[str, np.ndarray]:
    """Return the test accuracies by what is undone, (seeds,) each, the best mean first.

    Args:
        record: of "ablation".
        column: "accuracy", or "accuracy_at_lr"; the order is always that of "accuracy".
    """
    found = {
        name: {
            c: np.array([row[c] for row in record.rows if row["undone"] == name]) for c in COLUMNS
        }
        for name in record.declaration.axes["undone"]
    }
    order = sorted(found, key=lambda name: -found[name]["accuracy"].mean())
    return {name: found[name][column] for name in order}


def tabulate_ablation(record: Record) -> pd.DataFrame:
    """Return one line for each repair undone: accuracies, what it changes, and the best lr.

    The change is negative where the repair was worth something.

    Args:
        record: of "ablation".
    """
    lr = record.declaration.constants["lr"]
    best, same = (accuracies(record, column) for column in COLUMNS)
    lines = {
        name: {
            "accuracy, best lr": percent(summarize(best[name])),
            f"accuracy, lr = {lr:g}": percent(summarize(same[name])),
            "accuracy minus that with all repairs": _cost(best, name),
            "best lr": _steps(record, name),
        }
        for name in best
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "undone"
    return table


def summarize_ablation(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    For each thing undone, as `slug` writes it, `ablation_N` is the accuracy with the best step
    size, `ablation_same_N` with that of the repaired network, and `ablation_cost_N` the first minus
    the repaired network's, in pairs. `ablation_lr_N` are the step sizes chosen.

    Args:
        record: of "ablation".
    """
    constants = record.declaration.constants
    best, same = (accuracies(record, column) for column in COLUMNS)
    numbers = {
        f"ablation_{name}": f"{constants[name]:g}"
        for name in ("epochs", "batch_size", "width", "held_out")
    }
    for name in best:
        key = slug(name)
        numbers[f"ablation_{key}"] = percent(summarize(best[name]))
        numbers[f"ablation_same_{key}"] = percent(summarize(same[name]))
        numbers[f"ablation_cost_{key}"] = _cost(best, name)
        numbers[f"ablation_lr_{key}"] = _steps(record, name)
    return numbers


def _cost(best: dict[str, np.ndarray], name: str) -> str:
    if name == REPAIRED or REPAIRED not in best:
        return "–"
    return points(summarize(best[name] - best[REPAIRED]))


def _steps(record: Record, name: str) -> str:
    chosen = {row["best_lr"] for row in record.rows if row["undone"] == name}
    return ", ".join(f"{lr:g}".replace("-", "−") for lr in sorted(chosen))
