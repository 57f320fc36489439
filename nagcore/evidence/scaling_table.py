"""The model of scaling fitted to its record, and what it says of other networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.training.scaling import Compute, Network, Scaling, fit_line

ELSEWHERE = {
    "10 Gb/s Ethernet, 50 µs": Network(latency=50e-6, bandwidth=1.25e9),
    "200 Gb/s InfiniBand, 5 µs": Network(latency=5e-6, bandwidth=25e9),
}
"""Networks that were not measured: nominal bandwidths, and latencies of the usual size."""


class Fitted(NamedTuple):
    """One network of the record, with the model's constants."""

    parameters: int
    scaling: Scaling
    batch_sizes: tuple[int, ...]
    single: np.ndarray
    """median seconds of a step in one process, by batch size"""
    double: np.ndarray
    """the same in two processes"""

    @property
    def speedups(self) -> np.ndarray:
        """How many times as fast two processes are, measured, by batch size."""
        return self.single / self.double

    @property
    def predicted(self) -> np.ndarray:
        """The same by the model, which has seen steps of one process and messages only."""
        return np.array([2 * self.scaling.efficiency(size, 2) for size in self.batch_sizes])


def fit_scaling(record: Record) -> list[Fitted]:
    """Return the fitted model of each network in the record.

    Args:
        record: of "scaling".
    """
    return [_fitted(row, record.declaration.constants) for row in record.rows]


def _fitted(row: Mapping[str, Any], constants: Mapping[str, Any]) -> Fitted:
    sizes, messages = constants["batch_sizes"], constants["message_bytes"]
    single, double, travel = (
        np.array([np.median(rounds) for rounds in row[name]])
        for name in ("single", "double", "all_reduce")
    )
    compute = Compute(*fit_line(sizes, single.tolist()))
    # between two processes 2·latency + size/bandwidth
    start, each = fit_line(messages, travel.tolist())
    network = Network(latency=start / 2, bandwidth=1 / each)
    scaling = Scaling(compute, network, size=4.0 * row["parameters"])
    return Fitted(row["parameters"], scaling, tuple(sizes), single, double)


def tabulate_extrapolation(record: Record, batch_size: int, efficiency: float) -> pd.DataFrame:
    """Return how many processes the model finds useful, for each network between them.

    Args:
        record: of "scaling".
        batch_size: examples of a step, all processes together.
        efficiency: share of the ideal rate that counts as useful.
    """
    lines = {}
    for fitted in fit_scaling(record):
        for name, network in {"this machine": fitted.scaling.network, **ELSEWHERE}.items():
            scaling = Scaling(fitted.scaling.compute, network, fitted.scaling.size)
            most = scaling.most_processes(batch_size, efficiency)
            travel = network.all_reduce_seconds(scaling.size, most)
            lines[f"{fitted.parameters:,} parameters, {name}"] = {
                "processes": most,
                "seconds of a step, one process": f"{scaling.seconds(batch_size, 1):.3g}",
                "seconds of a step, all processes": f"{scaling.seconds(batch_size, most):.3g}",
                "of which gradients travel": f"{travel:.2g}",
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "network"
    return table


def summarize_scaling(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from "scaling", by name.

    "scaling_slower" counts the steps, of "scaling_steps", that two processes take slower than one;
    "scaling_slower_longest" is the longest of them, in milliseconds of one process.
    """
    small, large = fit_scaling(record)
    network = large.scaling.network
    off = np.concatenate([fit.predicted / fit.speedups - 1 for fit in (small, large)])
    single = np.concatenate([fit.single for fit in (small, large)])
    slower = single[np.concatenate([fit.speedups for fit in (small, large)]) < 1]
    numbers = {
        "scaling_steps": str(len(single)),
        "scaling_slower": str(len(slower)),
        "scaling_slower_longest": f"{1e3 * slower.max():.1f}" if len(slower) else "–",
        "scaling_latency": f"{1e6 * network.latency:.0f}",
        "scaling_bandwidth": f"{network.bandwidth / 1e9:.1f}",
        "scaling_off": f"{100 * np.abs(off).max():.0f} %",
        "scaling_off_median": f"{100 * np.median(np.abs(off)):.0f} %",
    }
    for name, fit in (("small", small), ("large", large)):
        numbers[f"scaling_{name}_parameters"] = f"{fit.parameters:,}"
        numbers[f"scaling_{name}_first"] = f"{fit.speedups[0]:.2f}"
        numbers[f"scaling_{name}_promised"] = f"{fit.predicted[0]:.2f}"
        numbers[f"scaling_{name}_last"] = f"{fit.speedups[-1]:.2f}"
        numbers[f"scaling_{name}_megabytes"] = f"{fit.scaling.size / 1e6:.1f}"
    numbers["scaling_first_batch"] = str(small.batch_sizes[0])
    numbers["scaling_last_batch"] = str(small.batch_sizes[-1])
    return numbers
