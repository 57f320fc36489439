"""Verdicts of chapter 13 on several records, or on one and what it is measured by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nagcore.evidence.modalities_verdicts import ORDINALS, at_ends, clear, label, listed, ranking
from nagcore.evidence.record import Record

_ENDS = "with a step size at the end of its grid"


def say_order(first: Record, other: Record) -> str:
    """Say whether another record has the optimizers in the same order, or which have moved."""
    orders = [[name for name, _ in ranking(record)] for record in (first, other)]
    moved = [label(a) for a, b in zip(*orders, strict=True) if a != b]
    if not moved:
        return f"The order is that of {first.declaration.name}."
    return f"That is not the order of {first.declaration.name}: {listed(moved)} have other places."


def say_places(records: Mapping[str, Record]) -> str:
    """Say who is first in each kind of data, where that is open, and where NAG stands."""
    firsts, unclear = dict[str, list[str]](), list[str]()
    for kind, record in records.items():
        ranked = [name for name, _ in ranking(record)]
        firsts.setdefault(label(ranked[0]), []).append(kind)
        if not clear(record, *ranked[:2]):
            unclear.append(kind)
    parts = [f"{name} is first in {listed(kinds)}" for name, kinds in firsts.items()]
    sentence = f"{next(iter(firsts))} is first in all of them" if len(firsts) == 1 else _and(parts)
    if unclear:
        sentence += f". The first place is open in {listed(unclear)}"
    places = []
    for kind, record in records.items():
        order = [name for name, _ in ranking(record)]
        if "nag" in order:
            places.append(f"{ORDINALS[order.index('nag')]} of {len(order)} in {kind}")
    return f"{sentence}. NAG is {listed(places)}."


def say_inside(records: Mapping[str, Record]) -> str:
    """Say whether Nesterov's momentum inside Adam helps: NAdamW against AdamW, on each of them.

    Args:
        records: by a name, with "nadamw" and "adamw" in each.
    """
    found: dict[str, list[str]] = {"lower": [], "higher": [], "open": []}
    for name, record in records.items():
        means = {each: loss.mean for each, loss in ranking(record)}
        name += f" ({_ENDS})" if {"nadamw", "adamw"} & set(at_ends(record)) else ""
        word = "lower" if means["nadamw"] < means["adamw"] else "higher"
        found[word if clear(record, "nadamw", "adamw") else "open"].append(name)
    parts = [
        f"a {word} test loss than AdamW in {listed(found[word])}"
        for word in ("lower", "higher")
        if found[word]
    ]
    left = f"the seeds of the two overlap in {listed(found['open'])}" if found["open"] else ""
    said = f"NAdamW has {_and(parts)}" if parts else ""
    sentence = "; ".join(part for part in (said, left) if part)
    return f"{sentence[0].upper()}{sentence[1:]}."


def say_counted(record: Record, bits: float) -> str:
    """Say which optimizers end with no fewer bits per byte than counting pairs of bytes needs.

    Args:
        record: of a text.
        bits: per byte, of counting pairs in the same text.
    """
    worse = [label(name) for name, loss in ranking(record) if not loss.mean / math.log(2) < bits]
    name = record.declaration.name
    if not worse:
        return f"In {name} all optimizers end with fewer bits than counting pairs needs."
    return f"In {name} counting pairs does as well as the network of {listed(worse)}, or better."


def _and(parts: Sequence[str]) -> str:
    return ", and ".join(parts)
