"""The tables of what was timed beside its floor, and what they come to in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from nagcore.evidence.floors import METHODS, Rates, count_step
from nagcore.evidence.limits import Limit, layers_of

NEAR, FAR = 1.25, 2.0
"""Times the floor up to which something counts as near it, and above which as far from it."""


def tabulate_limits(limits: Iterable[Limit]) -> pd.DataFrame:
    """Return one line for each time: the time, its floor, how many times it, and the bound."""
    rows = list(limits)
    return pd.DataFrame(
        {
            "measured": [in_time(each.seconds) for each in rows],
            "floor": [in_time(each.floor) for each in rows],
            "times its floor": [in_times(each.times) for each in rows],
            "bound by": [each.bound for each in rows],
        },
        index=pd.MultiIndex.from_tuples(
            [(each.case, each.who) for each in rows], names=["case", "timed"]
        ),
    )


def tabulate_times(limits: Iterable[Limit]) -> pd.DataFrame:
    """Return how many times its floor each takes: a line for what was timed, a column for a case.

    Example:
        >>> tabulate_times([Limit("loop", "fit", "S", 3.0, 2.0, "memory")]).loc["fit", "S"]
        '1.50'
    """
    rows = list(limits)
    cases, timed = (
        [*dict.fromkeys(names)] for names in zip(*((r.case, r.who) for r in rows), strict=True)
    )
    found = {(row.who, row.case): in_times(row.times) for row in rows}
    cells = [[found.get((who, case), "–") for case in cases] for who in timed]
    return pd.DataFrame(cells, index=pd.Index(timed, name="times its floor"), columns=cases)


def in_time(seconds: float) -> str:
    """Return seconds in the unit that fits.

    Example:
        >>> [in_time(s) for s in (2.0, 0.0123, 4.56e-5, 7.8e-8)]
        ['2 s', '12.3 ms', '45.6 µs', '78 ns']
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def in_times(ratio: float) -> str:
    """Return a ratio in about three digits, and a dash for one that is not known.

    Example:
        >>> [in_times(x) for x in (0.951, 12.345, 7640.0, float("nan"))]
        ['0.95', '12.3', '7,640', '–']
    """
    if math.isnan(ratio):
        return "–"
    return f"{ratio:,.{2 if ratio < 10 else 1 if ratio < 100 else 0}f}"


def tabulate_steps(methods: Iterable[str] = METHODS) -> pd.DataFrame:
    """Return what a step of each method reads, writes and computes for a parameter."""
    costs = {METHODS[method].__name__: count_step(method) for method in methods}
    return pd.DataFrame(
        {
            "numbers read": [cost.reads for cost in costs.values()],
            "written": [cost.writes for cost in costs.values()],
            "bytes": [cost.bytes for cost in costs.values()],
            "operations": [cost.operations for cost in costs.values()],
            "operations per byte": [f"{cost.intensity:.2f}" for cost in costs.values()],
            "bytes, operation by operation": [cost.one_by_one for cost in costs.values()],
        },
        index=pd.Index(list(costs), name="step of"),
    )


def tabulate_layers(network: str, batch_size: int, rates: Rates) -> pd.DataFrame:
    """Return what each layer of a network needs for a batch, and which limit it meets.

    Args:
        network: a key of `nagcore.evidence.loop_nets.NETWORKS`.
        batch_size: images.
        rates: of a machine.
    """
    layers = layers_of(network, batch_size)
    per_byte = [layer.operations / layer.bytes for layer in layers]
    return pd.DataFrame(
        {
            "MFLOP": [f"{1e-6 * layer.operations:,.1f}" for layer in layers],
            "MB": [f"{1e-6 * layer.bytes:.2f}" for layer in layers],
            "operations per byte": [f"{each:.1f}" for each in per_byte],
            "floor": [in_time(rates.floor(layer.operations, layer.bytes)) for layer in layers],
            "bound by": ["arithmetic" if x > rates.ridge else "memory" for x in per_byte],
        },
        index=pd.Index([layer.name for layer in layers], name="layer"),
    )


def say_limits(limits: Sequence[Limit]) -> str:
    """Say how near times are to their floors: how many are, and between which ratios all lie.

    Args:
        limits: of one part; those of others than this package count too.

    Example:
        >>> say_limits([Limit("optimizer", "NAG", "one tensor", 1.1, 1.0, "memory")])
        '1 of 1 takes at most 1.25 times its floor and 0 more than 2 times; the least is 1.10 \
times (NAG, one tensor), the most 1.10 times (NAG, one tensor)'
    """
    if not limits:
        return "nothing of it was timed"
    near, far = (sum(each.times <= NEAR for each in limits), sum(e.times > FAR for e in limits))
    least, most = (pick(limits, key=lambda each: each.times) for pick in (min, max))
    return (
        f"{near} of {len(limits)} take{'s' * (near == 1)} at most {NEAR:g} times "
        f"{'its' if near == 1 else 'their'} floor and {far} more than {FAR:g} times; the least "
        f"is {_named(least)}, the most {_named(most)}"
    )


def summarize_loops(limits: Sequence[Limit]) -> dict[str, str]:
    """Return what a graph and bfloat16 change of a training step, as prose shows it.

    Least and most over the networks, "K_least" and "K_most": "graph" is how many times nearer its
    floor `fit` comes when it is captured; of bfloat16, "half_floor" is how many times lower the
    floor is, "half_captured" and "half_gradient" how many times as long as in float32 `fit` takes
    when it is captured, and the gradient alone when it is not.

    Args:
        limits: of "loop-speed-cuda"; of none, each number is a dash.
    """
    found = {(each.who, each.case): each for each in limits}

    def seconds(one: str, other: str) -> list[float]:
        return [
            each.seconds / found[other, case].seconds
            for (who, case), each in found.items()
            if who == one
        ]

    floors = [
        each.floor / found["fit, bfloat16", case].floor
        for (who, case), each in found.items()
        if who == "fit"
    ]
    ratios = {
        "graph": seconds("fit", "fit, captured")
        + seconds("fit, bfloat16", "fit, bfloat16, captured"),
        "half_floor": floors,
        "half_captured": seconds("fit, bfloat16, captured", "fit, captured"),
        "half_gradient": seconds("gradient alone, bfloat16", "gradient alone"),
    }
    return {
        f"{name}_{end}": in_times(pick(each, default=math.nan))
        for name, each in ratios.items()
        for end, pick in (("least", min), ("most", max))
    }


def _named(limit: Limit) -> str:
    return f"{in_times(limit.times)} times ({limit.who}, {limit.case})"


def summarize_rates(rates: Rates) -> Mapping[str, Any]:
    """Return a machine's rates as prose shows them: "bandwidth", "peak" and "ridge"."""
    return {
        "bandwidth": f"{1e-9 * rates.bandwidth:,.0f} GB/s",
        "peak": f"{1e-9 * rates.peak:,.0f} GFLOP/s",
        "ridge": f"{rates.ridge:.1f}",
    }


def summarize_added(limits: Sequence[Limit]) -> Mapping[str, str]:
    """Return what lies above the floor as prose shows it.

    "added_least" and "added_most" are the times above it, "added_short" and "added_long" their
    share where the measured time is shortest and where it is longest.

    Args:
        limits: of one part, one or more.
    """
    added = [each.seconds - each.floor for each in limits]
    short, long = (pick(limits, key=lambda each: each.seconds) for pick in (min, max))
    share = {"short": short, "long": long}
    return {
        "added_least": in_time(max(min(added), 0.0)),
        "added_most": in_time(max(added)),
    } | {
        f"added_{name}": f"{1 - 1 / each.times:.0%}".replace("%", " %")
        for name, each in share.items()
    }
