"""What was timed beside its floor: steps, loops, gradients, solvers and streams."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import NamedTuple

import torch

from nagcore.evidence.floors import METHODS, LayerCost, Rates, count_layers, count_step
from nagcore.evidence.loop_nets import make_twins
from nagcore.evidence.loop_speed_table import row_of, times_by_loop
from nagcore.evidence.optimizer_speed_table import fewest_threads, steps_by_optimizer
from nagcore.evidence.record import Record
from nagcore.evidence.stream_table import median_rates
from nagcore.training.models import SIDE

_DOUBLE = 8  # bytes of a number in float64
_ADAMW = "torch AdamW, fused"
_ADAMW_BYTES = 28  # it moves parameter, gradient and two tensors of state, whatever the race is
_LOOPS = (
    *("gradient alone", "gradient alone, bfloat16", "fit", "fit, bfloat16"),
    *("step alone, captured", "step alone, bfloat16, captured"),
    *("fit, captured", "fit, bfloat16, captured", "DataLoader over tensors", "Lightning"),
)
_SEQUENTIAL = "memmap, not shuffled"


class Limit(NamedTuple):
    """A time beside its floor."""

    part: str
    """of the book: "optimizer", "loop", "gradient", "solver" or "stream\""""
    who: str
    """what was timed"""
    case: str
    """on what"""
    seconds: float
    """measured, median"""
    floor: float
    """seconds"""
    bound: str
    """what the floor is made of"""
    ratio: float = math.nan
    """the median over the rounds of time / floor, where both were timed in each round"""

    @property
    def times(self) -> float:
        """How many times its floor it takes."""
        return self.seconds / self.floor if math.isnan(self.ratio) else self.ratio


def rates_of(steps: Record, loops: Record) -> Rates:
    """Return what the machine of two records does at best, with the fewest threads.

    Args:
        steps: of "optimizer-speed" or "optimizer-speed-cuda"; the plain pass over the longest
            list counts.
        loops: of "loop-speed" or "loop-speed-cuda", of the same machine.
    """
    threads = fewest_threads(steps)
    rows = [row for row in steps.rows if row.get("threads", threads) == threads]
    largest = max(row["elements"] for row in rows)
    passes = [row["pass_bandwidth"] for row in rows if row["elements"] == largest]
    peaks = [row_of(loops, network)["peak"] for network in loops.declaration.axes["network"]]
    return Rates(1e9 * statistics.median(passes), 1e9 * statistics.median(peaks))


def step_limits(record: Record) -> list[Limit]:
    """Return the steps of ours and of the reference beside the traffic that they cannot avoid.

    The floor is the method's least traffic at the speed of the plain pass that was timed beside
    it, over as many bytes.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
    """
    frame = steps_by_optimizer(record, fewest_threads(record))
    found = []
    for row in frame.to_dict("records"):
        method, who = row["method"], row["contestant"]
        ours = METHODS[method].__name__
        named = (ours, f"{ours}, foreach", f"{ours}, kernel")
        chosen = (*named, record.declaration.constants["reference"][method])
        if who in chosen and not row["error"]:
            size = _ADAMW_BYTES if who == _ADAMW else count_step(method).bytes
            floor = size * row["elements"] / (1e9 * row["pass_bandwidth"])
            seconds = 1e-6 * row["microseconds"]
            found.append(Limit("optimizer", who, row["parameters"], seconds, floor, "memory"))
    return found


def layers_of(network: str, batch_size: int) -> list[LayerCost]:
    """Return what the layers of a network need for a batch.

    Args:
        network: a key of `nagcore.evidence.loop_nets.NETWORKS`.
        batch_size: images.
    """
    return count_layers(make_twins(network, 0).ours, torch.zeros(batch_size, 1, SIDE, SIDE))


def loop_limits(record: Record, bandwidth: float = math.inf) -> list[Limit]:
    """Return training steps beside the arithmetic and the traffic of their gradients.

    The peak is that of the matrix products that were timed beside the loops, in the same
    precision.

    Args:
        record: of "loop-speed" or "loop-speed-cuda".
        bandwidth: of the same machine, bytes a second; traffic does not count if left out.
    """
    found = []
    for network in record.declaration.axes["network"]:
        times, row = times_by_loop(record, network), row_of(record, network)
        layers = layers_of(network, record.declaration.constants["batch_size"])
        for name in (name for name in _LOOPS if name in times):
            peak = 1e9 * row["peak_bfloat16" if "bfloat16" in name else "peak"]
            own = Rates(bandwidth, peak)
            floor = sum(own.floor(layer.operations, layer.bytes) for layer in layers)
            arithmetic = sum(layer.operations for layer in layers) / peak
            bound = "arithmetic" if arithmetic > floor / 2 else "memory"
            seconds = 1e-3 * statistics.median(times[name])
            found.append(Limit("loop", name, network, seconds, floor, bound))
    return found


def gradient_limits(record: Record, bandwidth: float) -> list[Limit]:
    """Return gradients of data problems beside one reading of the data, in float64.

    Args:
        record: of "gradient-speed"; the most rows and the fewest threads count.
        bandwidth: of the same machine, bytes a second.
    """
    frame = record.frame()
    chosen = frame.loc[
        (frame["rows"] == frame["rows"].max()) & (frame["threads"] == frame["threads"].min())
    ]
    found = []
    for row in chosen.to_dict("records"):
        numbers = row["rows"] * record.declaration.constants["unknowns"]
        floor = _DOUBLE * numbers / bandwidth
        for who, column in (("in blocks", "blocks"), ("two products", "two_products")):
            found.append(
                Limit("gradient", who, row["problem"], 1e-3 * row[column], floor, "memory")
            )
    return found


def solver_limits(record: Record) -> list[Limit]:
    """Return steps of the solver beside those of the bare loop.

    Args:
        record: of "solver-overhead".
    """
    return [
        Limit(
            "solver", "minimize", f"{row['problem']}, {row['unknowns']:,} unknowns",
            1e-6 * row["solver"], 1e-6 * row["loop"], "the bare loop", row["ratio"],
        )
        for row in record.rows
    ]  # fmt: skip


def stream_limits(record: Record) -> list[Limit]:
    """Return the seconds that an image takes beside those of an unshuffled sequential read.

    Args:
        record: of "stream-speed".
    """
    found = []
    for column, bound in (("cold", "the disk"), ("warm", "memory")):
        rates = median_rates(record, column)
        floor = 1 / rates.pop(_SEQUENTIAL)
        found += [
            Limit("stream", who, f"{column} files", 1 / rate, floor, bound)
            for who, rate in rates.items()
        ]
    return found


def of_ours(limits: Iterable[Limit]) -> list[Limit]:
    """Return the limits of what this package does as it comes."""
    ours = {*(kind.__name__ for kind in METHODS.values()), "in blocks", "minimize", "nagcore"}
    return [each for each in limits if each.who in ours or each.who.startswith(("fit", "nagcore,"))]
