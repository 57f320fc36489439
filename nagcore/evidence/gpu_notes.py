"""What the page says of a GPU: its record in a sentence, or that there is none yet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pandas as pd

from nagcore.evidence.execution_table import summarize_execution_modes
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.optimizer_speed_table import summarize_optimizer_speed
from nagcore.evidence.overflow_table import summarize_overflow
from nagcore.evidence.record import Record
from nagcore.evidence.report import percent, scientific
from nagcore.evidence.signed import with_sign
from nagcore.evidence.statistics import Summary, confidence_interval, summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.root import find_root

NOT_YET = "not measured yet"
"""What stands in a table where a record is missing."""
_LABELS = {"gd": "gradient descent", "sgd": "SGD", "heavy-ball": "heavy ball", "nag": "Nesterov"}
_DIFFERENCE = "GPU − CPU, points (95 %)"
_METHODS = {"nesterov": "NAG", "nadam": "NAdam", "adan": "Adan"}
_FUSED = "torch.optim.SGD, fused"


def recorded_on_gpu(experiment: Experiment) -> Record | None:
    """Return the record of a GPU, or None where there is none."""
    return load_if_recorded(experiment, "cuda", find_root())


def note_on_gpu(experiment: Experiment, say: Callable[[Record], str]) -> str:
    """Say what the record on a GPU holds, by `say`, or that there is none and how to make it."""
    record = recorded_on_gpu(experiment)
    if record is None:
        name = experiment.declaration.name
        return f"The experiment {name} has not been measured on a GPU yet; “make gpu” does it."
    return f"{say(record)} {record.note()}"


def say_on_gpu(experiment: Experiment, say: Callable[[Record], str]) -> str:
    """Say what `note_on_gpu` does without where it was measured, for prose below a caption."""
    record = recorded_on_gpu(experiment)
    return note_on_gpu(experiment, say) if record is None else say(record)


def table_on_gpu(
    experiment: Experiment, tabulate: Callable[[Record], pd.DataFrame]
) -> pd.DataFrame:
    """Return the table of the record on a GPU, or one that says that there is none."""
    record = recorded_on_gpu(experiment)
    return pd.DataFrame({"on a GPU": [NOT_YET]}) if record is None else tabulate(record)


def overflow_on_gpu(experiment: Experiment) -> str:
    """Say what torch's fused SGD does on a GPU after an overflow on the first step.

    Args:
        experiment: "overflow-on-first-step".
    """
    return note_on_gpu(experiment, _overflow)


def speed_on_gpu(experiment: Experiment) -> str:
    """Say how a step on a GPU compares where it compares worst.

    Args:
        experiment: "optimizer-speed-cuda".
    """
    return note_on_gpu(experiment, _speed)


def modes_on_gpu(experiment: Experiment) -> str:
    """Say which ways to run a step keep their promises on a GPU.

    Args:
        experiment: "execution-modes".
    """
    return note_on_gpu(experiment, _modes)


def accuracies_on_gpu(experiment: Experiment) -> str:
    """Say whether a study of accuracies comes out alike on a CPU and a GPU, and how long it takes.

    Args:
        experiment: "cnn-1000" or "cnn-60000".
    """

    def say(record: Record) -> str:
        on_cpu = load_if_recorded(experiment, "cpu", find_root())
        return "" if on_cpu is None else _beside_the_cpu(on_cpu, record)

    return note_on_gpu(experiment, say)


def tabulate_accuracies(experiment: Experiment) -> pd.DataFrame:
    """Return one line for each method: its accuracy on a CPU, on a GPU, and their difference.

    The difference is taken between runs of the same seed, which have the same first weights and
    the same order of the images, in percentage points and with its 95 % interval.

    Args:
        experiment: "cnn-1000" or "cnn-60000".
    """
    records = {d: load_if_recorded(experiment, d, find_root()) for d in ("cpu", "cuda")}
    found = {d: accuracy_by_method(r) for d, r in records.items() if r is not None}
    lines = {}
    for name in experiment.declaration.axes["optimizer"]:
        own = {d: each[name] for d, each in found.items()}
        shown = {d: percent(summarize(values)) for d, values in own.items()}
        both = len(own) == len(records)
        lines[_LABELS.get(name, name.capitalize())] = {
            "CPU": shown.get("cpu", NOT_YET),
            "GPU": shown.get("cuda", NOT_YET),
            _DIFFERENCE: _in_points(_difference(own["cuda"], own["cpu"])) if both else "–",
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "method"
    return table


def accuracy_by_method(record: Record) -> dict[str, list[float]]:
    """Return the accuracies of each method in the order of the seeds."""
    rows = sorted(record.rows, key=lambda row: row["seed"])
    names = record.declaration.axes["optimizer"]
    return {name: [r["accuracy"] for r in rows if r["optimizer"] == name] for name in names}


def _in_points(apart: Summary) -> str:
    ends = confidence_interval(apart)
    mean, low, high = with_sign(*(100 * x for x in (apart.mean, *ends)), digits=1)
    return f"{mean} ({low} to {high})"


def _difference(some: list[float], others: list[float]) -> Summary:
    return summarize(a - b for a, b in zip(some, others, strict=True))


def _beside_the_cpu(on_cpu: Record, on_gpu: Record) -> str:
    cpu, gpu = accuracy_by_method(on_cpu), accuracy_by_method(on_gpu)
    apart = {name: _difference(gpu[name], cpu[name]) for name in cpu}
    largest = 100 * max(abs(each.mean) for each in apart.values())
    ends = [confidence_interval(each) for each in apart.values()]
    agree = sum(low <= 0 <= high for low, high in ends)
    widest, runs = 50 * max(high - low for low, high in ends), min(e.n for e in apart.values())
    seconds = [record.provenance.seconds for record in (on_cpu, on_gpu)]
    threads = on_cpu.provenance.threads
    return (
        f"On a GPU the mean accuracy of a method is at most {largest:.1f} percentage points from "
        f"that on the CPU, and for {agree} of {len(ends)} methods the 95 % interval of the "
        f"difference, seed by seed, holds zero; with n = {runs} the widest reaches {widest:.1f} "
        f"points to either side. The whole study took {seconds[1]:.0f} seconds on "
        f"the GPU and {seconds[0]:.0f} on {threads} thread{'s' * (threads > 1)} of the CPU, "
        f"{seconds[0] / seconds[1]:.0f} times as long."
    )


def _overflow(record: Record) -> str:
    found = summarize_overflow(record)
    rows = [row for row in record.rows if row["optimizer"] != _FUSED]
    most = max((row["distance"] for row in rows), default=math.nan)
    if not math.isfinite(most) or not all(math.isfinite(row["distance"]) for row in rows):
        others = "Not all of the others end near the run without overflow."
    elif most == 0:
        others = "All others end in the bits of the run without overflow."
    else:
        others = (
            "No parameter of the others ends further than "
            f"{scientific(most)} from the run without overflow; a GPU does not take every sum in "
            "the same order twice, and equal bits are not to be expected there."
        )
    return (
        f"On a GPU the loss of the fused SGD is no longer finite at the end of "
        f"{found['overflow_ruined']} of {found['overflow_runs']} runs, and its state holds the "
        f"number in {found['overflow_held']}. {others}"
    )


def _speed(record: Record) -> str:
    found = summarize_optimizer_speed(record)
    timed, alone = [], []
    for method in record.declaration.axes["method"]:
        least, where = found[f"{method}_least"], found[f"{method}_least_where"]
        if least == "nan":
            alone.append(_METHODS[method])
        else:
            timed.append(f"{least} for {_METHODS[method]} ({where})")
    said = (
        "On a GPU the fastest other implementation takes at least this many times as long: "
        f"{', '.join(timed)}."
    )
    missing = f" For {' and '.join(alone)} there was no other to be timed." if alone else ""
    return (said if timed else "On a GPU ours were timed alone.") + missing


def _modes(record: Record) -> str:
    found = summarize_execution_modes(record)
    failed = Counter(
        (row["mode"], row["error"]) for row in record.rows if math.isnan(row["distance"])
    )
    reasons = [f"{mode} for {n} optimizers ({why})" for (mode, why), n in failed.items()]
    return (
        f"On a GPU, where a step can be captured in a graph besides, {found['run']} of "
        f"{len(record.rows)} pairs were run; {found['exact']} end in the bits of plain execution, "
        f"and the largest distance is {_furthest(record)}. Contracts broken: {found['broken']}. "
        f"Not run: {'; '.join(reasons) or 'none'}."
    )


def _furthest(record: Record) -> str:
    """Name the largest distance, where it is met, and the largest of the other pairs."""
    rows = [row for row in record.rows if not math.isnan(row["distance"])]
    rows = sorted(rows, key=lambda row: row["distance"], reverse=True)
    if not rows:
        return "not known"
    first = rows[0]
    beside = f", that of the next {rows[1]['distance']:g}" if len(rows) > 1 else ""
    return f"{first['distance']:g} ({first['optimizer']}, {first['mode']}{beside})"
