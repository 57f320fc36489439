"""What the record "noisy-quadratic" says: a table, numbers for prose, and verdicts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from nagcore.evidence.batch_scaling import FACTOR, bend, label_of
from nagcore.evidence.record import Record
from nagcore.theory.noisy_quadratic import harmonic_quadratic

SHOWN = (16, 256, 4_096, 16_384, 131_072, 1_048_576)
"""The batch sizes of the table, where the record has them."""
LOW, MIDDLE, HIGH = 16, 256, 4_096
"""The batch sizes that the chapter looks at: where noise rules, between, and where it does not."""


def steps_of(record: Record, method: str) -> np.ndarray:
    """Return the steps of a method, one for each batch size of the record."""
    return np.array([row["steps"] for row in record.rows if row["method"] == method])


def tabulate_noisy_quadratic(record: Record) -> pd.DataFrame:
    """Return steps and best momentum of each method at some batch sizes.

    Args:
        record: of "noisy-quadratic".
    """
    sizes = [size for size in record.declaration.axes["batch_size"] if size in SHOWN]
    rows = {(row["method"], row["batch_size"]): row for row in record.rows}
    lines = {}
    for size in sizes:
        line: dict[str, str] = {}
        for method in record.declaration.axes["method"]:
            row, label = rows[method, size], label_of(method)
            line[label] = f"{math.ceil(row['steps']):,}"
            if method != "sgd":
                line[f"1 − β, {label}"] = _plain(1 - row["momentum"])
        lines[f"{size:,}"] = line
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "batch size"
    return table


def _plain(number: float) -> str:
    """Two digits without an exponent: in a column `3e-05` would stand out beside 0.0005."""
    return np.format_float_positional(float(f"{number:.2g}"), trim="-")


def summarize_noisy_quadratic(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from "noisy-quadratic", by name."""
    sizes, constants = record.declaration.axes["batch_size"], record.declaration.constants
    first_loss = harmonic_quadratic(constants["dimensions"]).first_loss
    numbers = {
        "nqm_sizes": str(len(sizes)),
        "nqm_first": f"{sizes[0]:,}",
        "nqm_last": f"{sizes[-1]:,}",
        "nqm_target": f"{constants['target']:g}",
        "nqm_first_loss": f"{first_loss:.2f}",
        "nqm_guess": f"{first_loss / constants['target']:,.0f}",
        "nqm_bend_factor": f"{FACTOR:g}",
        "nqm_low": f"{LOW:,}",
        "nqm_middle": f"{MIDDLE:,}",
        "nqm_held_most": f"{constants['held_momenta'][-1]:g}",
        "nqm_held_gain": _held_gain(record),
    }
    for method in record.declaration.axes["method"]:
        counts = steps_of(record, method)
        where = bend(sizes, counts)
        numbers[f"nqm_bend_{method}"] = "none" if where is None else f"{where:,}"
        numbers[f"nqm_fewest_{method}"] = f"{math.ceil(counts[-1]):,}"
        for row in record.rows:
            if row["method"] == method and row["batch_size"] in SHOWN:
                rest, end = 1 - row["momentum"], f"{method}_{row['batch_size']}"
                numbers[f"nqm_length_{end}"] = f"{row['step_size'] / rest:.3g}"
                numbers[f"nqm_memory_{end}"] = f"{float(f'{1 / rest:.2g}'):,.0f}"
                numbers[f"nqm_steps_{end}"] = f"{row['steps']:,.0f}"
    return numbers


def _held_gain(record: Record) -> str:
    rows = {row["method"]: row for row in record.rows if row["batch_size"] == LOW}
    if not rows:
        return "–"
    return f"{100 * (1 - rows['nag']['held_steps'][-1] / rows['sgd']['steps']):.1f} %"


def say_gain(record: Record, batch_size: int) -> str:
    """Say what momentum saves at a batch size, freely chosen and held.

    Args:
        record: of "noisy-quadratic".
        batch_size: one of the record's.
    """
    rows = {row["method"]: row for row in record.rows if row["batch_size"] == batch_size}
    plain = rows["sgd"]["steps"]
    parts = []
    for method in ("heavy-ball", "nag"):
        held = ", ".join(
            f"{_change(steps, plain)} with momentum {momentum:g}"
            for momentum, steps in zip(
                record.declaration.constants["held_momenta"],
                rows[method]["held_steps"],
                strict=True,
            )
            if momentum in (0.9, 0.99)
        )
        free = f"{_change(rows[method]['steps'], plain)} with the best momentum"
        parts.append(f"{label_of(method)} takes {held} and {free}")
    return (
        f"At batch size {batch_size:,}, against SGD, each with the step size best for it: "
        f"{'; '.join(parts)}."
    )


def _change(steps: float, plain: float) -> str:
    ratio = plain / steps
    if not math.isfinite(steps):
        return "forever"
    if ratio >= 1.5:
        return f"{ratio:.3g} times fewer steps"
    if ratio <= 1 / 1.5:
        return f"{1 / ratio:.3g} times as many steps"
    change = 100 * (1 - steps / plain)
    return f"{abs(change):.1f} % {'fewer' if change >= 0 else 'more'} steps"


def say_order(record: Record) -> str:
    """Say between which batch sizes which of the two kinds of momentum is ahead, and how far.

    Args:
        record: of "noisy-quadratic".
    """
    sizes = np.array(record.declaration.axes["batch_size"])
    ratio = steps_of(record, "heavy-ball") / steps_of(record, "nag")
    most = int(ratio.argmax())
    if ratio.max() <= 1:
        return "Nesterov's method is ahead of heavy ball at none of the batch sizes."
    text = (
        f"Nesterov's method is furthest ahead of heavy ball at batch size {sizes[most]:,}, by a "
        f"factor of {ratio[most]:.2f}"
    )
    behind = ratio < 1
    if not behind.any():
        return f"{text}, and behind it at none."
    last = len(sizes) - int((~behind)[::-1].argmax()) if not behind.all() else 0
    if behind[-1] and behind[last:].all() and not behind[:last].any():
        return (
            f"{text}. From batch size {sizes[last]:,} on heavy ball is ahead, at the largest "
            f"by a factor of {1 / ratio[-1]:.2f}."
        )
    places = ", ".join(f"{size:,}" for size in sizes[behind])
    return f"{text}. Heavy ball is ahead at the batch sizes {places}."
