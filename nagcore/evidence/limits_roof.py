"""What was reached under the ceilings of a machine, from its records."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.floors import METHODS, Rates, count_step
from nagcore.evidence.gpu_notes import recorded_on_gpu, say_on_gpu
from nagcore.evidence.limits import (
    Limit,
    gradient_limits,
    layers_of,
    loop_limits,
    of_ours,
    rates_of,
    step_limits,
)
from nagcore.evidence.limits_sweeps import limit_of, times_of
from nagcore.evidence.limits_table import say_limits, summarize_rates
from nagcore.evidence.loop_speed_table import row_of, times_by_loop
from nagcore.evidence.optimizer_speed_table import fewest_threads, steps_by_optimizer
from nagcore.evidence.record import Record
from nagcore.evidence.sweep_race import ONE_BY_ONE
from nagcore.evidence.sweep_verdicts import AT_ONCE, GOAL_COPIES

_GRADIENTS = ("gradient alone", "step alone, captured")
_PER_NUMBER = 4  # operations of A x and Aᵀ r for each number of A
_DOUBLE = 8  # its bytes
_KERNEL = ", kernel"


class Mark(NamedTuple):
    """Something whose operations and bytes are counted and whose time was measured."""

    part: str
    """ "optimizer", "loop", "gradient" or "sweep" """
    label: str
    intensity: float
    """operations for each byte of the least traffic"""
    rate: float
    """operations a second"""


class Roof(NamedTuple):
    """A machine's ceilings and what was reached under them."""

    rates: Rates
    marks: Sequence[Mark]


def roof_of(steps: Record, loops: Record, gradients: Record | None = None) -> Roof:
    """Return a machine's ceilings with its steps and gradients under them.

    Args:
        steps: of "optimizer-speed" or "optimizer-speed-cuda".
        loops: of "loop-speed" or "loop-speed-cuda", of the same machine.
        gradients: of "gradient-speed", likewise.
    """
    rates = rates_of(steps, loops)
    marks = [*_steps(steps), *_networks(loops)]
    for limit in gradient_limits(gradients, rates.bandwidth) if gradients else ():
        if limit.who == "in blocks":
            rate = _PER_NUMBER * limit.floor * rates.bandwidth / _DOUBLE / limit.seconds
            marks.append(Mark("gradient", limit.case, _PER_NUMBER / _DOUBLE, rate))
    return Roof(rates, marks)


def roof_of_sweeps(record: Record) -> Roof:
    """Return a machine's ceilings with networks under them, one by one and at once.

    Args:
        record: of "sweep-speed-cuda"; those of `GOAL_COPIES` copies are shown. One by one bears
            the name of the network alone.
    """
    bandwidth, peak = (
        statistics.median(row[name] for row in record.rows) for name in ("bandwidth", "peak")
    )
    marks = [
        Mark(
            "sweep",
            row["network"] + who.removeprefix(ONE_BY_ONE[0]).replace(AT_ONCE, f", {AT_ONCE}"),
            row["megaflops"] / row["megabytes"],
            1e6 * row["megaflops"] / limit_of(row, who).seconds,
        )
        for row in record.rows
        for who in (*ONE_BY_ONE, AT_ONCE)
        if row["copies"] == GOAL_COPIES and who in times_of(row)
    ]
    return Roof(Rates(1e9 * bandwidth, 1e9 * peak), marks)


def roof_on_gpu(steps: Experiment, loops: Experiment, sweeps: Experiment) -> Roof | None:
    """Return the ceilings of a GPU with all that was measured there, or None.

    Args:
        steps: "optimizer-speed-cuda".
        loops: "loop-speed-cuda"; it counts where both were measured.
        sweeps: "sweep-speed-cuda", whose rates count where the others were not measured.
    """
    both = [recorded_on_gpu(each) for each in (steps, loops)]
    found = [record for record in both if record is not None]
    roofs = [roof_of(*found)] if len(found) == len(both) else []
    copies = recorded_on_gpu(sweeps)
    roofs += [] if copies is None else [roof_of_sweeps(copies)]
    if not roofs:
        return None
    return Roof(roofs[0].rates, [mark for roof in roofs for mark in roof.marks])


def say_ceilings(roof: Roof | None) -> str:
    """Say what a GPU does at best, or that it was not measured.

    Args:
        roof: of a GPU.
    """
    if roof is None:
        return "On a GPU they were not measured yet."
    shown = summarize_rates(roof.rates)
    return (
        f"On a GPU they are {shown['peak']} and {shown['bandwidth']}, with the corner at "
        f"{shown['ridge']}."
    )


def steps_on_gpu(experiment: Experiment) -> str:
    """Say how near the optimizers' steps are to their floors on a GPU.

    Args:
        experiment: "optimizer-speed-cuda".
    """
    return say_on_gpu(experiment, _say_steps)


def loops_on_gpu(experiment: Experiment) -> str:
    """Say how near training steps are to the arithmetic of their gradients on a GPU.

    Args:
        experiment: "loop-speed-cuda".
    """
    return say_on_gpu(experiment, lambda record: _said(of_ours(loop_limits(record)), "loops"))


def _say_steps(record: Record) -> str:
    limits = step_limits(record)
    kernels = [limit for limit in limits if limit.who.endswith(_KERNEL)]
    said = _said(of_ours(limits), "steps")
    return f"{said} As one kernel, {say_limits(kernels)}." if kernels else said


def _said(limits: Sequence[Limit], what: str) -> str:
    return f"Of the {what} of this package on a GPU {say_limits(limits)}."


def _steps(record: Record) -> list[Mark]:
    frame = steps_by_optimizer(record, fewest_threads(record))
    kernels = frame["contestant"].str.endswith(_KERNEL).any()
    largest = frame["elements"].max()
    marks = []
    for row in frame.loc[(frame["elements"] == largest) & frame["ours"]].to_dict("records"):
        cost, name = count_step(row["method"]), METHODS[row["method"]].__name__
        # what comes, and where that is no kernel, the kernels beside one of what comes
        shown = ("NAG", name + _KERNEL) if kernels else (name, "NAG, foreach")
        if row["contestant"] in shown and not row["error"]:
            rate = cost.operations * row["elements"] / (1e-6 * row["microseconds"])
            marks.append(Mark("optimizer", row["contestant"], cost.intensity, rate))
    return marks


def _networks(record: Record) -> list[Mark]:
    marks = []
    for network in record.declaration.axes["network"]:
        times, row = times_by_loop(record, network), row_of(record, network)
        layers = layers_of(network, record.declaration.constants["batch_size"])
        operations = 1e6 * row["megaflops"]
        intensity = operations / sum(layer.bytes for layer in layers)
        for name in (name for name in _GRADIENTS if name in times):
            label = network if name == _GRADIENTS[0] else f"{network}, captured"
            rate = operations / (1e-3 * statistics.median(times[name]))
            marks.append(Mark("loop", label, intensity, rate))
    return marks
