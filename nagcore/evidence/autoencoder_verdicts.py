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
    best_by_scale,
    errors_at,
    label,
)
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.autoencoder_table import describe
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.gpu_notes import note_on_gpu
from nagcore.evidence.published_2013 import SCALES, STAND_IN, TABLE_1
from nagcore.evidence.quotients import Quotient, paired_quotient
from nagcore.evidence.record import Record


def quotient(of: Best, to: Best) -> Quotient:
    """Return the error at the end of one method over that of another."""
    return paired_quotient(of.after, to.after)


def judge_same_ceiling(record: Record, data: str) -> str:
    """Say at which ceilings of the momentum Nesterov's method ends below heavy ball.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    found = {c: quotient(best[f"heavy-ball-{c}"], best[f"nag-{c}"]) for c in CEILINGS}
    parts = ", ".join(f"{c:g}: {each.text()}" for c, each in found.items())
    sides = {side: [c for c in CEILINGS if found[c].outcome == side] for side in ("more", "less")}
    total = len(CEILINGS)
    if len(sides["more"]) == total:
        verdict = "The published order holds at every ceiling: Nesterov's method ends lower"
    elif sides["less"]:
        verdict = (
            f"The published order does not hold throughout: heavy ball ends lower at "
            f"{_list(sides['less'])}, Nesterov's method at {_list(sides['more'])}"
        )
    else:
        verdict = (
            f"Nesterov's method ends lower at {_list(sides['more'])}; at the other ceilings the "
            "seeds do not tell the two apart"
        )
    over = "The error of heavy ball over that of Nesterov's method is, by ceiling,"
    return f"{verdict}. {over} {parts}."


def judge_larger_momentum(record: Record, data: str) -> str:
    """Say whether errors fall as the ceiling rises, for both methods, and where they are least.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    return " ".join(_along(best, method, STAND_IN[data]) for method in ("nag", "heavy-ball"))


def _along(best: dict[str, Best], method: str, published: str) -> str:
    ours = {c: best[f"{method}-{c}"].mean for c in CEILINGS}
    theirs = {c: TABLE_1[published][f"{method}-{c}"] for c in CEILINGS}
    name = LABELS[method]
    errors = ", ".join(f"{ours[c]:.3g}" for c in CEILINGS)
    least, least_theirs = (_least(errors) for errors in (ours, theirs))
    falls = all(ours[a] > ours[b] for a, b in pairwise(CEILINGS))
    course = "falls with every rise of the ceiling" if falls else f"is least at {least:g}"
    gain = quotient(best["sgd"], best[f"{method}-{least}"])
    return (
        f"For {name} the error {course} ({errors}); in the published table it is least at "
        f"{least_theirs:g}. SGD ends with {gain.text()} times the least."
    )


def judge_tolerance(record: Record, data: str) -> str:
    """Say which of the two loses less between its best ceiling and the highest.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    top, losses, least = CEILINGS[-1], {}, {}
    for method in ("nag", "heavy-ball"):
        least[method] = _least({c: best[f"{method}-{c}"].mean for c in CEILINGS})
        losses[method] = quotient(best[f"{method}-{top}"], best[f"{method}-{least[method]}"])
    nag, ball = losses["nag"].mean, losses["heavy-ball"].mean
    if not (math.isfinite(nag) and math.isfinite(ball)):
        verdict = "Which of the two bears the highest ceiling better cannot be said"
    elif nag < ball:
        verdict = "Nesterov's method bears the highest ceiling better, as published"
    else:
        verdict = "Nesterov's method does not bear the highest ceiling better, unlike published"
    return (
        f"{verdict}: from its best ceiling ({least['nag']:g}) to {top:g} its error is multiplied "
        f"by {losses['nag'].text()}, that of heavy ball (best at {least['heavy-ball']:g}) by "
        f"{losses['heavy-ball'].text()}."
    )


def judge_finish(record: Record, data: str) -> str:
    """Say what the finish at momentum 0.9 gains for Nesterov's method at its best ceiling.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    least = _least({c: best[f"nag-{c}"].mean for c in CEILINGS})
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
    return (
        f"With the ceiling {top:g} the best step size is {nag.lr:g} for Nesterov's method and "
        f"{ball.lr:g} for heavy ball. With {nag.lr:g}, heavy ball ends with {there.text()} times "
        f"the error."
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


def judge_scales(record: Record) -> str:
    """Say which factor of the initial weights is best, and how bad the others are.

    Args:
        record: of "autoencoder-scales" in any size.
    """
    errors = {scale: best.mean for scale, best in best_by_scale(record).items()}
    least, theirs = _least(errors), _least(dict(SCALES))
    worst = max((e for e in errors.values() if math.isfinite(e)), default=math.nan)
    same = "as" if least == theirs else "unlike"
    return (
        f"The error is least with the factor {least:g}, {same} published ({theirs:g}); the worst "
        f"of the others ends with {worst / errors[least]:.3g} times as much."
    )


QUESTIONS: Mapping[str, Callable[[Record, str], str]] = MappingProxyType(
    {
        "lower than heavy ball at the same ceiling?": judge_same_ceiling,
        "lower with a higher ceiling?": judge_larger_momentum,
        "does it bear the highest ceiling better?": judge_tolerance,
        "does it take larger step sizes?": judge_step_sizes,
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
    """Say what the table says on a GPU, or that it has not been measured there yet.

    Args:
        experiment: "autoencoders" or "autoencoders-full".
        data: one of its sets.
    """
    return note_on_gpu(experiment, lambda record: _say_table(record, data))


def _say_table(record: Record, data: str) -> str:
    size = describe(record, data)
    return (
        f"With {size['images']} images, layers {size['layers']}, {size['updates']} updates in "
        f"batches of {size['batch']} and the step sizes {size['lrs']}: "
        f"{judge_same_ceiling(record, data)}"
    )


def scales_on_gpu(experiment: Experiment) -> str:
    """Say which factor of the initial weights is best on a GPU, or that it is not measured yet.

    Args:
        experiment: "autoencoder-scales" or "autoencoder-scales-full".
    """
    return note_on_gpu(experiment, judge_scales)


def _least(errors: dict[float, float]) -> float:
    return min(errors, key=lambda c: errors[c] if math.isfinite(errors[c]) else math.inf)


def _list(ceilings: list[float]) -> str:
    return ", ".join(f"{c:g}" for c in ceilings) or "none"
