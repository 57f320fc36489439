"""What chapter 12 says of the seconds to 94 %: a table and sentences from the record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import NOT_YET
from nagcore.evidence.protocol import bootstrap_interval
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded
from nagcore.optim.table import find_optimizer
from nagcore.root import find_root

FAR_LONGER = 1.5
"""How many times the median a run takes that is spoken of by itself."""


def tabulate_fastest(record: Record) -> pd.DataFrame:
    """Return one line per optimizer: its recipe, what it reached, and the seconds.

    A seed that missed the target counts as one that takes infinitely long.

    Args:
        record: of "fastest-94".
    """
    target = record.declaration.constants["target"]
    lines = {}
    for row in record.rows:
        accuracies = np.array(row["accuracies"])
        lines[find_optimizer(row["optimizer"]).label] = {
            "lr": f"{row['chosen_lr']:g}",
            "epochs": row["chosen_epochs"],
            "held-out accuracy, %": f"{100 * np.mean(row['epochs_accuracies'][-1]):.2f}",
            "test accuracy, %": f"{100 * accuracies.mean():.2f}",
            "seeds at the target": f"{int((accuracies >= target).sum())} of {len(accuracies)}",
            "seconds of a run": f"{np.median(row['seconds']):.2f}",
            "seconds to the target": _seconds(seconds_to_target(record, row["optimizer"])),
            "seconds by arithmetic alone": f"{floor_seconds(row):.2f}",
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def tabulate_if_measured(experiment: Experiment) -> pd.DataFrame:
    """Return the table of the record on a GPU, or one that says that there is none yet.

    Args:
        experiment: "fastest-94".
    """
    record = load_if_recorded(experiment, "cuda", find_root())
    if record is not None:
        return tabulate_fastest(record)
    labels = [find_optimizer(name).label for name in experiment.declaration.axes["optimizer"]]
    index = pd.Index(labels, name="optimizer")
    return pd.DataFrame({"seconds to the target": NOT_YET}, index=index)


def tabulate_recipe(declaration: Declaration) -> pd.DataFrame:
    """Return the recipe as it is declared, one line for each optimizer.

    Args:
        declaration: of "fastest-94".
    """
    constants = declaration.constants
    lines = {}
    for name in declaration.axes["optimizer"]:
        options = ", ".join(f"{key} {value}" for key, value in constants["options"][name].items())
        lines[find_optimizer(name).label] = {
            "lr, tried": ", ".join(f"{lr:g}" for lr in constants["lr"][name]),
            "options": options,
            "weight decay": f"{constants['weight_decay'][name]:g}",
            "epochs, tried": ", ".join(map(str, constants["epochs"])),
            "one CUDA graph": "yes" if constants["graph"][name] else "no",
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "optimizer"
    return table


def say_seconds(record: Record) -> str:
    """Say what `say_fastest` and `say_first_costs` do."""
    return f"{say_fastest(record)} {say_first_costs(record)}"


def tabulate_search(record: Record) -> pd.DataFrame:
    """Return one line per optimizer and number of epochs: accuracies on the held-out images.

    Args:
        record: of "fastest-94".
    """
    lines = []
    for row in record.rows:
        pairs = zip(row["epochs_tried"], row["epochs_accuracies"], strict=True)
        for epochs, accuracies in pairs:
            lines.append(
                {
                    "optimizer": find_optimizer(row["optimizer"]).label,
                    "epochs": epochs,
                    "accuracies, %": ", ".join(f"{100 * each:.2f}" for each in accuracies),
                    "mean, %": f"{100 * np.mean(accuracies):.2f}",
                }
            )
    return pd.DataFrame(lines).set_index(["optimizer", "epochs"])


def seconds_to_target(record: Record, optimizer: str) -> float:
    """Return the median over the seeds of the seconds to the target, a miss being infinite.

    Args:
        record: of "fastest-94".
        optimizer: one of its axis.
    """
    row = _row_of(record, optimizer)
    target = record.declaration.constants["target"]
    pairs = zip(row["seconds"], row["accuracies"], strict=True)
    return float(np.median([s if accuracy >= target else math.inf for s, accuracy in pairs]))


def floor_seconds(row: Mapping[str, Any]) -> float:
    """Return the seconds of a run if it were matrix products at their full speed and no more."""
    return row["flops"] / (row["peak"] * 1e9)


def say_fastest(record: Record) -> str:
    """Say which recipes reach the target, the fastest first, each with its epochs and seconds.

    Args:
        record: of "fastest-94".
    """
    times = _times_of(record)
    best = min(times, key=times.__getitem__)
    if math.isinf(times[best]):
        return say_best(record)
    said = [f"{say_best(record)[:-1]}; {_say_run(record, best)}.{_say_slowest(record, best)}"]
    for name in sorted(times, key=times.__getitem__):
        if name != best and math.isinf(times[name]):
            said.append(f"{find_optimizer(name).label} does not get there.")
        elif name != best:
            took = f"{find_optimizer(name).label} takes {times[name]:.2f} seconds"
            said.append(f"{took}; {_say_run(record, name)}.")
    return " ".join(said)


def say_best(record: Record) -> str:
    """Say which recipe is the fastest to the target and in how many seconds, and no more.

    Args:
        record: of "fastest-94".
    """
    target, times = 100 * record.declaration.constants["target"], _times_of(record)
    best = min(times, key=times.__getitem__)
    if math.isinf(times[best]):
        return f"No recipe reaches {target:g} % on the test images with half of the seeds."
    return (
        f"The fastest to {target:g} % is {find_optimizer(best).label} with {times[best]:.2f} "
        "seconds in the median."
    )


def _times_of(record: Record) -> dict[str, float]:
    return {row["optimizer"]: seconds_to_target(record, row["optimizer"]) for row in record.rows}


def say_first_costs(record: Record) -> str:
    """Say what the very first epoch costs, with all that a device does only once."""
    row = record.rows[0]
    return (
        f"The very first epoch, in which the device loads its libraries and tries its kernels, "
        f"takes {row['first_seconds']:.2f} seconds; the runs that count come after it."
    )


def summarize_recipe(declaration: Declaration) -> dict[str, str]:
    """Return what prose takes from the declaration of the recipe, by name.

    Args:
        declaration: of "fastest-94".
    """
    constants = declaration.constants
    return {
        "fast_target": f"{100 * constants['target']:g}",
        "fast_seeds": str(len(constants["seeds"])),
        "fast_held_out": f"{constants['held_out']:,}",
        "fast_batch": f"{constants['batch_size']:,}",
        "fast_shift": str(constants["shift"]),
        "fast_rising": f"{100 * constants['rising']:g}",
    }


def _say_run(record: Record, optimizer: str) -> str:
    row = _row_of(record, optimizer)
    interval = bootstrap_interval(row["accuracies"])
    tried = record.declaration.constants["epochs"]
    least = ", the fewest that were tried," if row["chosen_epochs"] == min(tried) else ""
    return (
        f"{row['chosen_epochs']} epochs{least} bring it to an accuracy of "
        f"{interval.text('%', scale=100, digits=2)}"
    )


def _say_slowest(record: Record, optimizer: str) -> str:
    """Say that one of the runs took far longer than the others, where that is so."""
    seconds = np.array(_row_of(record, optimizer)["seconds"])
    slowest, typical = seconds.max(), np.median(seconds)
    if slowest < FAR_LONGER * typical:
        return ""
    which = "the first" if seconds.argmax() == 0 else "one"
    return f" The slowest of its {len(seconds)} runs, {which}, took {slowest:.2f} seconds."


def _row_of(record: Record, optimizer: str) -> Mapping[str, Any]:
    (row,) = [row for row in record.rows if row["optimizer"] == optimizer]
    return row


def _seconds(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "∞"
