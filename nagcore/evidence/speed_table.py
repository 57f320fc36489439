"""The tables of speed: gradients, the solver's own share, and times to an accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug

# the beginnings of the names of this package's solvers in "time-to-accuracy"
OURS = ("Nesterov", "triple momentum")


def times_by_solver(record: Record) -> pd.DataFrame:
    """Return one line for each setting and solver: the axes, then what was measured.

    Args:
        record: of "time-to-accuracy".

    Returns:
        Columns decades, rows, solver, seconds, iterations, gradient_norm, condition_number.
    """
    lists = ["solver", "seconds", "iterations", "gradient_norm"]
    # the solvers differ from setting to setting, so that Record.long's check of lengths is per row
    return record.frame().explode(lists).reset_index(drop=True).infer_objects()


def tabulate_gradient_speed(record: Record) -> pd.DataFrame:
    """Return for each problem and size the milliseconds of both gradients and their ratio.

    Args:
        record: of "gradient-speed".
    """
    lines: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for row in record.frame().to_dict("records"):
        line = lines.setdefault((row["problem"], f"{row['rows']:,}"), {})
        threads = "1 thread" if row["threads"] == 1 else f"{row['threads']} threads"
        line[threads, "two products, ms"] = f"{row['two_products']:.3g}"
        line[threads, "one reading, ms"] = f"{row['blocks']:.3g}"
        line[threads, "ratio"] = f"{row['ratio']:.2f}"
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["problem", "rows"])
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def tabulate_overhead(record: Record) -> pd.DataFrame:
    """Return the microseconds of a step of the bare loop and of the solver, and their ratio.

    Args:
        record: of "solver-overhead".
    """
    frame = record.frame()
    return pd.DataFrame(
        {
            "bare loop, µs": frame["loop"].map("{:,.1f}".format).to_list(),
            "solver, µs": frame["solver"].map("{:,.1f}".format).to_list(),
            "ratio": frame["ratio"].map("{:.2f}".format).to_list(),
        },
        index=pd.MultiIndex.from_arrays(
            [frame["problem"], frame["unknowns"].map("{:,}".format)], names=["problem", "unknowns"]
        ),
    )


def tabulate_times(record: Record) -> pd.DataFrame:
    """Return one line for each solver: seconds and iterations for each setting.

    Args:
        record: of "time-to-accuracy".
    """
    times = times_by_solver(record)
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in times.to_dict("records"):
        setting = f"{row['decades']:g} decades, {row['rows']:,} rows"
        reached = np.isfinite(row["seconds"])
        line = lines.setdefault(row["solver"], {})
        line[setting, "seconds"] = f"{row['seconds']:.3g}" if reached else "not reached"
        line[setting, "iterations"] = f"{row['iterations']:,.0f}" if reached else "–"
    table = pd.DataFrame.from_dict(lines, orient="index").fillna("not timed")
    table.index.name = "solver"
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def summarize_speed(gradients: Record, overhead: Record, times: Record) -> dict[str, str]:
    """Return the numbers that prose takes from the three records, by name.

    `gradient_P` is the ratio for the problem P with the most rows on the fewest threads,
    `gradient_shared_*` its range on the most threads, `gradient_worst` the least of all;
    `overhead_added` is how many microseconds the solver adds to a step with the fewest unknowns,
    `overhead_P` its ratio on the problem P with the most.
    For the D-th spread of scales and the most rows, `best_D` is this package's fastest solver,
    `best_seconds_D` its time and `versus_NAME_D` its time divided by that of lbfgs (SciPy's
    L-BFGS-B as it comes, and with our gradient) and of newton. `NAME_first` is in how many of the
    `settings` that solver is faster than all of this package's.

    Args:
        gradients: of "gradient-speed".
        overhead: of "solver-overhead".
        times: of "time-to-accuracy".
    """
    frame = gradients.frame()
    rows, threads = frame["rows"].max(), frame["threads"].min()
    numbers = {"gradient_rows": f"{rows:,}"}
    for problem in gradients.declaration.axes["problem"]:
        chosen = frame.loc[
            (frame["problem"] == problem) & (frame["rows"] == rows) & (frame["threads"] == threads)
        ]
        numbers[f"gradient_{slug(problem)}"] = f"{chosen['ratio'].item():.2f}"
    most = frame.loc[(frame["rows"] == rows) & (frame["threads"] == frame["threads"].max())]
    least = frame.loc[frame["ratio"].idxmin()]
    numbers |= {
        "gradient_most_threads": str(frame["threads"].max()),
        "gradient_shared_least": f"{most['ratio'].min():.2f}",
        "gradient_shared_most": f"{most['ratio'].max():.2f}",
        "gradient_worst": f"{least['ratio']:.2f}",
        "gradient_worst_where": f"{least['problem']}, {least['rows']:,} rows, "
        f"{least['threads']} threads",
    }
    return {**numbers, **_summarize_overhead(overhead), **_summarize_times(times)}


def _summarize_overhead(record: Record) -> dict[str, str]:
    frame = record.frame()
    unknowns = frame["unknowns"]
    small, large = (frame.loc[unknowns == end] for end in (unknowns.min(), unknowns.max()))
    ratios = {
        f"overhead_{slug(problem)}": f"{large.loc[large['problem'] == problem, 'ratio'].item():.2f}"
        for problem in record.declaration.axes["problem"]
    }
    return ratios | {
        "overhead_added": f"{(small['solver'] - small['loop']).max():.1f}",
        "overhead_least_unknowns": f"{unknowns.min():,}",
        "overhead_most_unknowns": f"{unknowns.max():,}",
    }


_RIVALS = {
    "lbfgs": "SciPy L-BFGS-B",
    "lbfgs_ours": "SciPy L-BFGS-B, our gradient",
    "newton": "scikit-learn newton-cholesky",
}


def _summarize_times(record: Record) -> dict[str, str]:
    times = times_by_solver(record)
    rows = times["rows"].max()
    numbers = {"times_rows": f"{rows:,}"}
    for d, decades in enumerate(record.declaration.axes["decades"]):
        chosen = times.loc[(times["decades"] == decades) & (times["rows"] == rows)]
        seconds = chosen.set_index("solver")["seconds"].astype(float)
        ours = seconds[[name for name in seconds.index if name.startswith(OURS)]]
        best = ours.idxmin() if ours.notna().any() else "none"
        least = ours.min()
        numbers[f"times_decades_{d}"] = f"{decades:g}"
        numbers[f"times_kappa_{d}"] = f"{chosen['condition_number'].iloc[0]:,.0f}"
        numbers[f"best_{d}"], numbers[f"best_seconds_{d}"] = str(best), f"{least:.3g}"
        for name, solver in _RIVALS.items():
            numbers[f"{name}_seconds_{d}"] = f"{seconds.get(solver, np.nan):.3g}"
            numbers[f"versus_{name}_{d}"] = f"{least / seconds.get(solver, np.nan):.2g}"
    return {**numbers, **_count_firsts(times)}


def _count_firsts(times: pd.DataFrame) -> dict[str, str]:
    settings = set(zip(times["decades"], times["rows"], strict=True))
    counts = dict.fromkeys(_RIVALS, 0)
    for decades, rows in settings:
        chosen = times.loc[(times["decades"] == decades) & (times["rows"] == rows)]
        seconds = dict(zip(chosen["solver"], chosen["seconds"], strict=True))
        ours = min(
            (s for name, s in seconds.items() if name.startswith(OURS) and np.isfinite(s)),
            default=np.inf,
        )
        for name, solver in _RIVALS.items():
            counts[name] += seconds.get(solver, np.inf) < ours
    return {"settings": str(len(settings))} | {
        f"{name}_first": str(count) for name, count in counts.items()
    }
