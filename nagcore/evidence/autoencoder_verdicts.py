"""What chapter 11 concludes: sentences made from the records, whatever those say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import pandas as pd

from nagcore.evidence.autoencoder_best import (
    LABELS,
    SET_LABELS,
    Best,
    best_by_method,
    errors_at,
    label,
)
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.autoencoder_order import judge_published_order, judge_same_ceiling, say
from nagcore.evidence.autoencoder_table import describe
from nagcore.evidence.autoencoder_trap import judge_trap
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.published_2013 import STAND_IN, TABLE_1
from nagcore.evidence.quotients import Quotient, paired_quotient
from nagcore.evidence.record import Record


def quotient(of: Best, to: Best) -> Quotient:
    """Return the error at the end of one method over that of another."""
    return paired_quotient(of.after, to.after)


def judge_larger_momentum(record: Record, data: str) -> str:
    """Say whether errors fall as the ceiling rises, for both methods, and where they are least.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    return " ".join(_along(best, method, STAND_IN[data]) for method in ("nag", "heavy-ball"))


def _along(best: dict[str, Best], method: str, published: str) -> str:
    ours = _means(best, method)
    theirs = {c: TABLE_1[published][f"{method}-{c}"] for c in CEILINGS}
    name = LABELS[method]
    errors = ", ".join(f"{ours[c]:.3g}" for c in CEILINGS)
    least = least_of(ours)
    least_theirs = [c for c in CEILINGS if theirs[c] == min(theirs.values())]
    falls = all(ours[a] > ours[b] for a, b in pairwise(CEILINGS))
    course = "falls with every rise of the ceiling" if falls else f"is least at {least:g}"
    gain = quotient(best["sgd"], best[f"{method}-{least}"])
    return (
        f"For {name} the mean error {course} ({errors}); in the published table it is least at "
        f"{say(least_theirs)}. SGD ends with {gain.text()} times the least."
    )


def _means(best: Mapping[str, Best], method: str) -> dict[float, float]:
    """Return the mean error of a method at each ceiling."""
    return {c: best[f"{method}-{c}"].mean for c in CEILINGS}


def judge_tolerance(record: Record, data: str) -> str:
    """Say which of the two loses less between its best ceiling and the highest.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    top, shown, errors = CEILINGS[-1], [], {}
    for method in ("nag", "heavy-ball"):
        least = least_of(_means(best, method))
        errors[method] = best[f"{method}-{top}"].after, best[f"{method}-{least}"].after
        shown.append(_loss(LABELS[method], least, paired_quotient(*errors[method])))
    (nag_top, nag_least), (ball_top, ball_least) = errors["nag"], errors["heavy-ball"]
    known = len({len(e) for e in (nag_top, nag_least, ball_top, ball_least)}) == 1
    more = paired_quotient(ball_top * nag_least, ball_least * nag_top) if known else None
    if more is None or not math.isfinite(more.mean):
        verdict = "Which of the two bears the highest ceiling better cannot be said"
    else:
        verdict = {
            "more": "Nesterov's method bears the highest ceiling better",
            "less": "Heavy ball bears the highest ceiling better",
            "open": "Which of the two bears the highest ceiling better the seeds do not tell",
        }[more.outcome]
    return f"{verdict}: {'; '.join(shown)}."


def _loss(name: str, least: float, loss: Quotient) -> str:
    top = CEILINGS[-1]
    if least == top:
        return f"{name} is best at {top:g}"
    return f"the error of {name} at {top:g} is {loss.text()} times that at its best, {least:g}"


def judge_finish(record: Record, data: str) -> str:
    """Say what the finish at momentum 0.9 gains for Nesterov's method at its best ceiling.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    least = least_of(_means(best, "nag"))
    one = best[f"nag-{least}"]
    gain = quotient(one._replace(after=one.before), one)
    verb = {"more": "lowers", "less": "raises", "open": "does not measurably change"}[gain.outcome]
    return (
        f"The finish {verb} the error of the best run by Nesterov's method (ceiling {least:g}): "
        f"before it the error is {gain.text()} times that after it."
    )


def judge_magnitudes(record: Record, data: str) -> str:
    """Say how our errors compare in size with the published ones.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    theirs = STAND_IN[data]
    times = [best.mean / TABLE_1[theirs][m] for m, best in best_by_method(record, data).items()]
    finite = [value for value in times if math.isfinite(value)]
    if not finite:
        return "No method ended with a finite error."
    low, high = min(finite), max(finite)
    match = "match within a factor of two" if 0.5 < low <= high < 2 else "do not match"
    return (
        f"In size the errors on {SET_LABELS[data]} {match}: they are {low:.2g} to {high:.2g} times "
        f"those published for {SET_LABELS[theirs]}."
    )


def judge_step_sizes(record: Record, data: str) -> str:
    """Say which method takes the larger step size at the highest ceiling, and what that costs.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    top = CEILINGS[-1]
    best = best_by_method(record, data)
    nag, ball = best[f"nag-{top}"], best[f"heavy-ball-{top}"]
    there = paired_quotient(errors_at(record, data, f"heavy-ball-{top}", nag.lr), nag.after)
    least = ", the least that was tried" if nag.lr == min(record.declaration.axes["lr"]) else ""
    sizes = (
        f"{nag.lr:g} for both{least}"
        if nag.lr == ball.lr
        else f"{nag.lr:g} for Nesterov's method and {ball.lr:g} for heavy ball"
    )
    return (
        f"With the ceiling {top:g} the best step size is {sizes}. With {nag.lr:g}, heavy ball ends "
        f"with {there.text()} times the error of Nesterov's method."
    )


def judge_edges(record: Record, data: str) -> str:
    """Say for which methods a step size outside of those tried might have served better.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    edges = [label(m) for m, best in best_by_method(record, data).items() if best.at_edge]
    if not edges:
        return "Every best step size lies inside the range of those tried."
    return (
        f"The best step size is the least or the greatest of those tried for {'; '.join(edges)}: "
        "another might have done better there."
    )


QUESTIONS: Mapping[str, Callable[[Record, str], str]] = MappingProxyType(
    {
        "lower than heavy ball at the same ceiling?": judge_same_ceiling,
        "in the published order?": judge_published_order,
        "lower with a higher ceiling?": judge_larger_momentum,
        "does it bear the highest ceiling better?": judge_tolerance,
        "does it take larger step sizes?": judge_step_sizes,
        "caught less often at the mean image?": judge_trap,
        "does the finish pay?": judge_finish,
        "errors of the published size?": judge_magnitudes,
        "step sizes enough?": judge_edges,
    }
)
"""What is asked of each record, and who answers."""


def tabulate_verdicts(records: Mapping[str, Record], data: str) -> pd.DataFrame:
    """Return the answers to `QUESTIONS`: a line for each, a column for each record with the set.

    Args:
        records: of "autoencoders" in several sizes, by name.
        data: the set.
    """
    columns = {
        name: {question: judge(record, data) for question, judge in QUESTIONS.items()}
        for name, record in records.items()
        if data in record.declaration.axes["data"]
    }
    table = pd.DataFrame(columns)
    table.index.name = f"Nesterov's method on {SET_LABELS[data]}"
    return table


def table_on_gpu(experiment: Experiment, data: str) -> str:
    """Say how the table stands to the published one on a GPU, or that it is not measured yet.

    Args:
        experiment: "autoencoders" or "autoencoders-full".
        data: one of its sets.
    """
    return note_on_gpu(
        experiment, lambda r: f"{say_size(r, data)} {judge_published_order(r, data)}"
    )


def say_size(record: Record, data: str) -> str:
    """Say what was trained, how long, and with which step sizes.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    size = describe(record, data)
    return (
        f"{size['images']} images, layers {size['layers']}, {size['updates']} updates in "
        f"batches of {size['batch']}, step sizes {size['lrs']}."
    )


def least_of(errors: Mapping[float, float]) -> float:
    """Return the key of the least error that is finite.

    Example:
        >>> least_of({0.9: 2.0, 0.99: 1.0, 0.999: math.nan})
        0.99
    """
    return min(errors, key=lambda c: errors[c] if math.isfinite(errors[c]) else math.inf)
