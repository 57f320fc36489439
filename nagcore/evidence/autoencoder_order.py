"""Nesterov's method beside heavy ball, ceiling by ceiling: published, and by the records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations

import pandas as pd

from nagcore.evidence.autoencoder_best import SET_LABELS, best_by_method
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.published_2013 import STAND_IN, TABLE_1
from nagcore.evidence.quotients import Quotient, paired_quotient
from nagcore.evidence.record import Record

_SAME = "equal"


def quotients(record: Record, data: str) -> dict[float, Quotient]:
    """Return by ceiling the error of heavy ball over that of Nesterov's method.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    best = best_by_method(record, data)
    return {
        c: paired_quotient(best[f"heavy-ball-{c}"].after, best[f"nag-{c}"].after) for c in CEILINGS
    }


def published_quotients(data: str) -> dict[float, float]:
    """Return the same of the published errors.

    Args:
        data: a set of ours; the published one that stands beside it is taken.

    Example:
        >>> {ceiling: round(q, 2) for ceiling, q in published_quotients("curves").items()}
        {0.9: 0.94, 0.99: 1.04, 0.995: 1.1, 0.999: 1.35}
    """
    errors = TABLE_1[STAND_IN[data]]
    return {c: errors[f"heavy-ball-{c}"] / errors[f"nag-{c}"] for c in CEILINGS}


def judge_same_ceiling(record: Record, data: str) -> str:
    """Say at which ceilings one of the two methods ends measurably below the other.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    found = quotients(record, data)
    told = {
        name: [c for c in CEILINGS if found[c].outcome == side]
        for name, side in (("Nesterov's method", "more"), ("heavy ball", "less"))
    }
    rest = [c for c in CEILINGS if found[c].outcome == "open"]
    parts = [f"{name} ends lower at {say(where)}" for name, where in told.items() if where]
    if not parts:
        parts = ["the seeds tell the two apart at no ceiling"]
    elif rest:
        parts.append(f"the seeds do not tell the two apart at {say(rest)}")
    verdict = "; ".join(parts)
    numbers = ", ".join(f"{c:g}: {each.text()}" for c, each in found.items())
    return (
        f"{verdict[0].upper()}{verdict[1:]}. The error of heavy ball over that of Nesterov's "
        f"method is, by ceiling, {numbers}."
    )


def judge_published_order(record: Record, data: str) -> str:
    """Say where a record's means stand in the published order, and where its seeds confirm it.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    told, same, sure = _where_they_agree(record, data)
    sides = {c: _side(q) for c, q in published_quotients(data).items()}
    agree, compared = count_pairs(record, data)
    return (
        f"Published for {SET_LABELS[STAND_IN[data]]}, {_say_sides(sides)}. Where these differ, our "
        f"means have the published order at {_of(same, told)}, and intervals without 1 confirm "
        f"it at {say(sure)}. Of the {compared} pairs of methods that the published table tells "
        f"apart, {agree} are in its order here by their means."
    )


def order_in_short(record: Record) -> str:
    """Say in a sentence, for both sets, where the published order of the two methods is found.

    Args:
        record: of "autoencoders" in any size.
    """
    parts = []
    for data in ("curves", "fashion-mnist"):
        told, same, sure = _where_they_agree(record, data)
        theirs = STAND_IN[data]
        beside = "" if theirs == data else f", beside the published {SET_LABELS[theirs]}"
        parts.append(
            f"on {SET_LABELS[data]}{beside}, they have it at {_of(same, told)}, and the seeds "
            f"confirm it at {say(sure)}"
        )
    return (
        "Our means against the published order of Nesterov's method and heavy ball, at ceilings of "
        f"the momentum where these differ: {'; '.join(parts)}."
    )


def _where_they_agree(record: Record, data: str) -> tuple[list[float], list[float], list[float]]:
    """Return where the published errors differ, where our means agree, and where the seeds do."""
    found = quotients(record, data)
    sides = {c: _side(q) for c, q in published_quotients(data).items()}
    told = [c for c in CEILINGS if sides[c] != _SAME]
    same = [c for c in told if _side(found[c].mean) == sides[c]]
    return told, same, [c for c in same if found[c].outcome != "open"]


def count_pairs(record: Record, data: str) -> tuple[int, int]:
    """Return how many pairs of methods stand in the published order, and how many could.

    A pair counts if its published errors differ; the mean of a method that always diverged is
    taken to be above all others.

    Args:
        record: of "autoencoders" in any size.
        data: one of its sets.
    """
    theirs = TABLE_1[STAND_IN[data]]
    ours = {
        method: best.mean if math.isfinite(best.mean) else math.inf
        for method, best in best_by_method(record, data).items()
    }
    pairs = [(a, b) for a, b in combinations(ours, 2) if theirs[a] != theirs[b]]
    agree = sum(
        ours[a] != ours[b] and (ours[a] < ours[b]) == (theirs[a] < theirs[b]) for a, b in pairs
    )
    return agree, len(pairs)


def compare_records(records: Mapping[str, Record], data: str) -> str:
    """Say at which ceilings two records put the two methods into different orders.

    Args:
        records: of "autoencoders" in several sizes, by name; those without the set are left out.
        data: the set.
    """
    found = {
        name: quotients(record, data)
        for name, record in records.items()
        if data in record.declaration.axes["data"]
    }
    if len(found) < 2:
        return f"On {SET_LABELS[data]} there is one record to show."
    apart = [c for c in CEILINGS if len({_side(each[c].mean) for each in found.values()}) > 1]
    if not apart:
        return (
            f"On {SET_LABELS[data]} the means of all records put the two methods into the same "
            "order at every ceiling."
        )
    parts = "; ".join(
        f"at {c:g} the quotient is "
        + ", ".join(f"{each[c].text()} ({name})" for name, each in found.items())
        for c in apart
    )
    others = "" if len(apart) == len(CEILINGS) else "; at the other ceilings they agree"
    return (
        f"On {SET_LABELS[data]} the records disagree about the order of the two methods: "
        f"{parts}{others}."
    )


def tabulate_order(records: Mapping[str, Record], data: str) -> pd.DataFrame:
    """Return by ceiling the error of heavy ball over that of Nesterov's method, all sources.

    Args:
        records: of "autoencoders" in several sizes, by name; those without the set are left out.
        data: the set.
    """
    theirs = f"published, {SET_LABELS[STAND_IN[data]]}"
    columns = {theirs: {f"{c:g}": f"{q:.2f}" for c, q in published_quotients(data).items()}}
    for name, record in records.items():
        if data in record.declaration.axes["data"]:
            columns[name] = {f"{c:g}": q.text() for c, q in quotients(record, data).items()}
    table = pd.DataFrame(columns)
    table.index.name = f"{SET_LABELS[data]}, ceiling"
    return table


def say(ceilings: Iterable[float]) -> str:
    """Return ceilings as prose lists them.

    Example:
        >>> say([0.9, 0.99]), say([]), say((0.9, 0.99, 0.995, 0.999))
        ('0.9 and 0.99', 'none', 'every ceiling')
    """
    *first, last = [f"{c:g}" for c in ceilings] or ["none"]
    if len(first) + 1 == len(CEILINGS):
        return "every ceiling"
    return f"{', '.join(first)} and {last}" if first else last


def _of(some: list[float], all_of_them: list[float]) -> str:
    rest = [c for c in all_of_them if c not in some]
    return f"{say(some)} and not at {say(rest)}" if rest else say(some)


def _side(quotient: float) -> str:
    if math.isnan(quotient):
        return "unknown"
    return _SAME if quotient == 1 else "nag" if quotient > 1 else "heavy-ball"


def _say_sides(sides: Mapping[float, str]) -> str:
    parts = []
    for side, words in (
        ("nag", "Nesterov's method ends lower at"),
        ("heavy-ball", "heavy ball at"),
        (_SAME, "both end alike at"),
    ):
        where = [c for c, each in sides.items() if each == side]
        if where:
            parts.append(f"{words} {say(where)}")
    return ", ".join(parts)
