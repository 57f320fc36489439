"""The tables of the speed of optimizers: against others, and against the memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from nagcore.evidence.optimizer_peers import METHODS, OURS, YARDSTICKS
from nagcore.evidence.optimizer_race import LISTS
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug

_NOT_TIMED = "–"


def steps_by_optimizer(record: Record, threads: int | None = None) -> pd.DataFrame:
    """Return one line for each setting and optimizer: the axes, then what was measured.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
        threads: the settings with so many; all of them if left out.

    Returns:
        Beside the columns of the record "ours", whether the optimizer is this package's,
        "rival", whether it is another's of the same method, and, where the record has no axis of
        threads, "threads" with 0.
    """
    lists = [name for name in (*LISTS, "launches") if name in record.declaration.columns]
    frame = record.frame().explode(lists).reset_index(drop=True).infer_objects()
    frame["ours"] = frame["version"].str.startswith("nagcore")
    frame["rival"] = ~frame["ours"] & ~frame["contestant"].isin(list(YARDSTICKS))
    if "threads" not in frame:
        frame["threads"] = 0
    return frame if threads is None else pd.DataFrame(frame.loc[frame["threads"] == threads])


def fewest_threads(record: Record) -> int:
    """Return the least number on the axis of threads, 0 where there is none."""
    return min(record.declaration.axes.get("threads", (0,)))


def in_words(elements: int, tensors: int) -> str:
    """Return the extent of a list of parameters.

    Example:
        >>> in_words(11_689_512, 62), in_words(53_052, 1)
        ('62 tensors, 11.7 M', '1 tensor, 53.1 k')
    """
    size = next(
        f"{elements / unit:.3g} {word}"
        for unit, word in ((10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))
        if elements >= unit or unit == 1
    )
    return f"{tensors} tensor{'' if tensors == 1 else 's'}, {size.strip()}"


def tabulate_optimizer_speed(
    record: Record, method: str, *, threads: int | None = None
) -> pd.DataFrame:
    """Return one line for each optimizer: for each list, microseconds and how many times ours.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
        method: "nesterov", "nadam" or "adan".
        threads: which ones; the fewest if left out.

    Returns:
        A dash stands for what was not timed, "failed" for what could not be.
    """
    frame = steps_by_optimizer(record, fewest_threads(record) if threads is None else threads)
    chosen = frame.loc[frame["method"] == method]
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in chosen.to_dict("records"):
        extent = f"{row['parameters']}: {in_words(row['elements'], row['tensors'])}"
        line = lines.setdefault(row["contestant"], {})
        if row["error"]:
            line[extent, "µs"], line[extent, "× ours"] = "failed", _NOT_TIMED
            continue
        line[extent, "µs"] = f"{row['microseconds']:,.{3 if row['microseconds'] < 1 else 1}f}"
        line[extent, "× ours"] = f"{row['against_ours']:.2f}"
    order = [name for name in METHODS[method] if name in lines]
    table = pd.DataFrame.from_dict(lines, orient="index").loc[order].fillna(_NOT_TIMED)
    table.index.name = "optimizer"
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def tabulate_traffic(record: Record) -> pd.DataFrame:
    """Return what this package's optimizers reach of the memory, and their share of training.

    One line for each method and list of parameters, and number of threads where it varies: the
    time of a step, its bandwidth, that of a plain pass over as many bytes, the step's part of it,
    and the step's part of a training iteration with that network.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
    """
    frame = _as_it_comes(steps_by_optimizer(record))
    axes = [axis for axis in ("method", "parameters", "threads") if axis in record.declaration.axes]
    return pd.DataFrame(
        {
            "bytes per parameter": frame["bytes_per_parameter"].to_list(),
            "µs": _shown(frame["microseconds"], "{:,.1f}"),
            "GB/s": _shown(frame["bandwidth"], "{:.1f}"),
            "plain pass, GB/s": _shown(frame["pass_bandwidth"], "{:.1f}"),
            "part of it": _shown(frame["fraction"], "{:.0%}"),
            "part of an iteration": _shown(frame["share"], "{:.1%}"),
        },
        index=pd.MultiIndex.from_arrays([frame[axis] for axis in axes], names=axes),
    )


def summarize_optimizer_speed(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the record, by name.

    `M_L_T` is how many times as long as ours the fastest rival of method M takes on list L with T
    threads, `M_L_T_rival` its name, `M_L_T_reference` the same for the reference of the method,
    `M_L_T_us` our time, `M_L_T_fraction` our part of a plain pass and `M_L_T_share` our part of a
    training iteration. `M_least` is the least of the first and `M_least_where` its list,
    `M_reference_least` the least against the reference. T is left out where the record has no
    axis of threads. `rounds` is the number of rounds.

    Args:
        record: of "optimizer-speed" or "optimizer-speed-cuda".
    """
    frame = steps_by_optimizer(record)
    rounds, reference = (record.declaration.constants[name] for name in ("rounds", "reference"))
    numbers = {"rounds": str(rounds)}
    for method in record.declaration.axes["method"]:
        least: dict[str, list[tuple[float, str]]] = {"": [], "_reference": []}
        for (parameters, threads), rows in frame.loc[frame["method"] == method].groupby(
            ["parameters", "threads"], sort=False
        ):
            key = f"{method}_{slug(str(parameters))}" + (f"_{threads}" if threads else "")
            rivals = rows.loc[rows["rival"] & rows["against_ours"].notna()]
            held = rows.loc[rows["contestant"] == reference[method], "against_ours"]
            ratios = {"": rivals["against_ours"].min(), "_reference": held.min()}
            ours = _as_it_comes(rows).iloc[0]
            where = str(parameters) + (f", {threads} threads" if threads > 1 else "")
            for name, ratio in ratios.items():
                numbers[key + name] = f"{ratio:.2f}"
                least[name].append((float(ratio), where))
            fastest = rivals.nsmallest(1, "against_ours")["contestant"]
            numbers[f"{key}_rival"] = "".join(fastest) or "none"
            numbers[f"{key}_us"] = f"{ours['microseconds']:,.1f}"
            numbers[f"{key}_fraction"] = f"{100 * ours['fraction']:.0f} %"
            numbers[f"{key}_share"] = f"{100 * ours['share']:.1f} %"
        for name, found in least.items():
            ratio, where = min((f for f in found if np.isfinite(f[0])), default=(np.nan, "none"))
            numbers[f"{method}{name}_least"] = f"{ratio:.2f}"
            numbers[f"{method}{name}_least_where"] = where
    return numbers


def _as_it_comes(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of this package's optimizers with execution "auto"."""
    names = [kind.__name__ for kind in OURS.values()]
    return pd.DataFrame(frame.loc[frame["contestant"].isin(names)])


def _shown(column: Iterable[float], form: str) -> list[str]:
    return [_NOT_TIMED if pd.isna(x) else form.format(x).replace("%", " %") for x in column]
