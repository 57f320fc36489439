"""The table of the overflow on the first step, and of two further habits of torch's SGD."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import torch

from nagcore.evidence.overflow import OPTIMIZERS
from nagcore.evidence.record import Record


def tabulate_overflow(record: Record) -> pd.DataFrame:
    """Return one line for each optimizer: what it held and did after the skipped step.

    Args:
        record: of "overflow-on-first-step".
    """
    lines = {}
    for name in record.declaration.axes["optimizer"]:
        rows = [row for row in record.rows if row["optimizer"] == name]
        lines[name] = {
            "state after the skipped step": _held([row["state"] for row in rows]),
            "equal to the run without overflow": _share(row["distance"] == 0 for row in rows),
            "loss no longer finite": _share(not _is_finite(row["losses"]) for row in rows),
            "state holds the number": _share(row["share"] > 0.5 for row in rows),
            "one tensor, after two more steps": _median(rows),
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def summarize_overflow(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `overflow_runs` is the number of runs of each optimizer; for torch's fused SGD
    `overflow_ruined` counts those whose loss is not finite at the end and `overflow_held` those
    whose state was the number, of which `overflow_median` is the median of the tensor in the end;
    `overflow_clean` is that of NAG. `overflow_equal` counts the optimizers all of whose runs equal
    those without overflow.

    Args:
        record: of "overflow-on-first-step".
    """
    fused = [row for row in record.rows if row["optimizer"] == "torch.optim.SGD, fused"]
    ours = [row for row in record.rows if row["optimizer"] == "nagcore.optim.NAG"]
    held = [row for row in fused if row["share"] > 0.5]
    names = record.declaration.axes["optimizer"]
    equal = [
        name
        for name in names
        if all(row["distance"] == 0 for row in record.rows if row["optimizer"] == name)
    ]
    return {
        "overflow_runs": str(len(record.rows) // len(names)),
        "overflow_ruined": str(sum(not _is_finite(row["losses"]) for row in fused)),
        "overflow_held": str(len(held)),
        "overflow_median": f"{abs(held[0]['medians'][-1]):.0f}" if held else "–",
        "overflow_clean": f"{ours[0]['medians'][-1]:.3f}" if ours else "–",
        "overflow_equal": str(len(equal)),
        "overflow_number": f"{record.declaration.constants['number']:g}",
        "overflow_steps": str(record.declaration.constants["steps"]),
    }


def tabulate_habits() -> pd.DataFrame:
    """Return what `.grad` = 2 is after a step, and what a first gradient that comes late does.

    The optimizers are run when this is called.

    Example:
        >>> tabulate_habits().loc["nagcore.optim.NAG"].tolist()
        ['2', 'taken']
    """
    lines = {
        name: {
            ".grad after a step": _gradient_after(name),
            "a first gradient that comes late": late,
        }
        for name in OPTIMIZERS
        if "Adam" not in name
        for late in [_late_gradient(name)]
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def _gradient_after(name: str) -> str:
    p = torch.zeros(2).requires_grad_()
    p.grad = torch.full((2,), 2.0)
    OPTIMIZERS[name]([p], 0.1).step()
    return f"{p.grad[0].item():g}"


def _late_gradient(name: str) -> str:
    early, late = (torch.zeros(2).requires_grad_() for _ in range(2))
    optimizer = OPTIMIZERS[name]([early, late], 0.1)
    early.grad = torch.ones(2)
    optimizer.step()
    late.grad = torch.ones(2)
    try:
        optimizer.step()
    except TypeError as error:
        return f"TypeError: {error}"
    return "taken"


def _held(values: list[float]) -> str:
    if not any(values):
        return "none, or 0"
    if any(math.isnan(value) for value in values):
        return "arbitrary, not a number among it"
    return f"arbitrary, up to {max(values):.0e}"


def _median(rows: list[Mapping[str, Any]]) -> str:
    # NaN has no place in an order: left among the numbers, it makes their ends a matter of chance
    found = {round(row["medians"][-1], 3) for row in rows}
    numbers = sorted(value for value in found if not math.isnan(value))
    ends = numbers if len(numbers) < 3 else [numbers[0], numbers[-1]]
    words = [" to ".join(f"{end:.4g}" for end in ends)] if ends else []
    if len(numbers) < len(found):
        words.append("NaN")
    return " or ".join(words).replace("-", "−")


def _share(flags: Iterable[bool]) -> str:
    found = list(flags)
    return f"{sum(found)} of {len(found)}"


def _is_finite(losses: list[float]) -> bool:
    return all(math.isfinite(loss) for loss in losses)
