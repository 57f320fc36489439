"""Whether the threshold K helps: what the comparisons with and without a limiter amount to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from nagcore.evidence.rate_limiter_table import Comparison, compare
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.signed import with_sign

_CHANCE = 1 / 40  # that a 95 % interval lies above 0, or below, where there is nothing to find


def tabulate_verdicts(record: Record) -> pd.DataFrame:
    """Return how often a limiter helped and harmed, for each step size and instruction.

    It did where the 95 % interval of the difference in test accuracy lies above or below 0. Only
    comparisons in which a step was bounded are counted, over both optimizers and all thresholds.

    Args:
        record: of "rate-limiter".
    """
    lines = {}
    for lr in record.declaration.axes["lr"]:
        for instruction in record.declaration.axes["instruction"]:
            pairs = _bounded(record, lr, instruction)
            gains = [each.gain.mean() for each in pairs]
            helped, harmed = _counts(pairs)
            lines[lr, instruction] = {
                "comparisons": len(pairs),
                "helped": helped,
                "harmed": harmed,
                "worst mean gain": with_sign(min(gains), digits=3)[0] if gains else "–",
                "best mean gain": with_sign(max(gains), digits=3)[0] if gains else "–",
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["lr", "instruction"])
    return table


def summarize_verdicts(record: Record) -> dict[str, str]:
    """Return what the counts of `tabulate_verdicts` amount to, in half a sentence each.

    `verdict` is over all, `verdict_tuned` and `verdict_too-large` for one step size. Chance alone
    would put one comparison in forty on each side. A side counts where as many would come
    together by chance in less than one study in twenty; comparisons that share runs are not
    independent, so that this is a rule of thumb.

    For each instruction I, `always_I` is the mean gain in test accuracy with K = ∞ and the tuned
    step size, over optimizers and seeds.

    Args:
        record: of "rate-limiter".
    """
    verdicts = {"verdict": judge_counts(_bounded(record))}
    for lr in record.declaration.axes["lr"]:
        verdicts[f"verdict_{slug(lr)}"] = judge_counts(_bounded(record, lr))
    for instruction in record.declaration.axes["instruction"]:
        gain = always_gain(record, instruction)
        (verdicts[f"always_{slug(instruction)}"],) = with_sign(gain, digits=3)
    return verdicts


def always_gain(record: Record, instruction: str, lr: str = "tuned") -> float:
    """Return the mean gain in test accuracy of K = ∞, over optimizers and seeds.

    Args:
        record: of "rate-limiter".
        instruction: on its axis.
        lr: likewise.
    """
    case = (lr, instruction, math.inf)
    gains = [e.gain.mean() for e in compare(record) if (e.lr, e.instruction, e.K) == case]
    return math.fsum(gains) / len(gains)


def judge_counts(pairs: Sequence[Comparison]) -> str:
    """Return the verdict on comparisons, in half a sentence.

    Args:
        pairs: those in which a step was bounded.

    Example:
        >>> judge_counts([])
        'there is nothing to judge, since no step was bounded'
    """
    helped, harmed = (exceeds_chance(count, len(pairs)) for count in _counts(pairs))
    if not pairs:
        return "there is nothing to judge, since no step was bounded"
    if helped and harmed:
        return "it helps in some cases and harms in others, each more often than chance would"
    if helped or harmed:
        does, not_ = ("helps", "harm") if helped else ("harms", "help")
        return f"it {does} more often than chance would, and does not {not_} more often than that"
    return "it neither helps nor harms more often than chance would"


def exceeds_chance(count: int, of: int) -> bool:
    """Return whether so many intervals lie on one side of 0 in less than 5 % of studies by chance.

    Example:
        >>> exceeds_chance(2, of=40), exceeds_chance(4, of=40)
        (False, True)
    """
    fewer = sum(
        math.comb(of, k) * _CHANCE**k * (1 - _CHANCE) ** (of - k) for k in range(min(count, of + 1))
    )
    return 1 - fewer < 0.05


def _bounded(record: Record, lr: str = "", instruction: str = "") -> list[Comparison]:
    return [
        each
        for each in compare(record)
        if each.bounded and lr in ("", each.lr) and instruction in ("", each.instruction)
    ]


def _counts(pairs: Sequence[Comparison]) -> tuple[int, int]:
    ends = [each.interval for each in pairs]
    return sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends)
