"""The table of signals through depth: what is left of them at the ends of the network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.report import scientific
from nagcore.evidence.values import thaw
from nagcore.training.initialisation import find_initialisation


def tabulate_signals(record: Record) -> pd.DataFrame:
    """Return for each activation and scheme the signals at the ends, measured and expected.

    The forward signals are those of the last layer but one, the last that is as wide as the
    others, and the backward one that of the first layer. All are geometric means over the seeds.

    Args:
        record: of "signal-through-depth".
    """
    lines = {}
    for (activation, scheme), runs in runs_by_scheme(record).items():
        end = {column: _mean(runs[column], -2) for column in ("size", "expected_size", "spread")}
        start = {column: _mean(runs[column], 0) for column in ("gradient", "expected_gradient")}
        lines[activation, scheme] = {
            "output": _number(end["size"]),
            "expected": _number(end["expected_size"]),
            "spread over images": _number(end["spread"]),
            "gradient": _number(start["gradient"]),
            "gradient expected": _number(start["expected_gradient"]),
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["activation", "scheme"])
    return table


def tabulate_initialisations(record: Record) -> pd.DataFrame:
    """Return the formula of each scheme in the record and the options taken.

    Args:
        record: of "signal-through-depth".
    """
    options = thaw(record.declaration.constants["options"])
    lines = {
        scheme: {
            "weights": find_initialisation(scheme).formula,
            "here": "; ".join(
                f"{', '.join(f'{name}={value:g}' for name, value in chosen.items())}"
                + (f" for {where.partition(', ')[2]}" if ", " in where else "")
                for where, chosen in options.items()
                if where.partition(", ")[0] == scheme
            ),
        }
        for scheme in record.declaration.axes["scheme"]
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "scheme"
    return table


def summarize_signals(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    For activation A and scheme S, `signal_factor_A_S` is by what a layer multiplies the mean
    square of the outputs, from the second layer to the last but one, and
    `gradient_factor_A_S` that of the gradient on the way back; `signal_kept_A_S` is the spread
    over images of the last layer but one as part of the size of its outputs, and
    `gradient_first_A_S` the gradient at the first layer. `signal_worst` is the largest factor, up
    or down, between a measured and an expected root mean square, over all layers and runs.

    Args:
        record: of "signal-through-depth".
    """
    numbers = {
        "signal_depth": str(record.declaration.constants["depth"]),
        "signal_width": str(record.declaration.constants["width"]),
        "signal_images": str(record.declaration.constants["images"]),
    }
    for (activation, scheme), runs in runs_by_scheme(record).items():
        name = f"{activation}_{scheme}"
        numbers[f"signal_factor_{name}"] = f"{_factor(runs['size'], -2, 1):.2g}"
        numbers[f"gradient_factor_{name}"] = f"{_factor(runs['gradient'], 1, -2):.2g}"
        kept = _mean(runs["spread"], -2) / _mean(runs["size"], -2)
        numbers[f"signal_kept_{name}"] = _number(kept)
        numbers[f"gradient_first_{name}"] = _number(_mean(runs["gradient"], 0))
    numbers["signal_worst"] = f"{_farthest(record):.2f}"
    return numbers


def runs_by_scheme(record: Record) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Return for each activation and scheme every column as an array (seeds, layers).

    Args:
        record: of "signal-through-depth".
    """
    columns = record.declaration.columns
    activations, schemes = (record.declaration.axes[axis] for axis in ("activation", "scheme"))
    return {
        (activation, scheme): {
            column: np.array(
                [
                    row[column]
                    for row in record.rows
                    if (row["activation"], row["scheme"]) == (activation, scheme)
                ],
                dtype=float,
            )
            for column in columns
        }
        for activation in activations
        for scheme in schemes
    }


def _mean(curves: np.ndarray, place: int) -> float:
    return float(np.exp(np.log(curves[:, place]).mean()))


def _factor(curves: np.ndarray, end: int, start: int) -> float:
    """Return by what a layer multiplies a mean square, between two places."""
    layers = curves.shape[1] - 3
    return (_mean(curves, end) / _mean(curves, start)) ** (2 / layers)


def _farthest(record: Record) -> float:
    logs = [
        np.log(np.array(row[name]) / np.array(row[f"expected_{name}"]))
        for row in record.rows
        for name in ("size", "gradient")
    ]
    return float(np.exp(np.abs(logs).max()))


def _number(value: float) -> str:
    return f"{value:.2g}" if 0.01 <= value < 100 else scientific(value)
