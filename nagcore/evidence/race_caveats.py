"""What has to be said beside the verdicts of a fair race: where the whole hides its parts."""

from __future__ import annotations

import numpy as np

from nagcore.evidence.fair_race_table import race_profile
from nagcore.evidence.race_readings import leaders, place
from nagcore.evidence.race_tasks import TASKS
from nagcore.evidence.race_verdicts import labels, listed, medians, tell_apart
from nagcore.evidence.record import Record


def summarize_caveats(race: Record, small: Record) -> dict[str, str]:
    """Return what prose takes from a race beside its verdicts, by name.

    Args:
        race: the one that the page is about.
        small: the CPU-sized one.
    """
    return {
        "race_mixed": say_mixed(race),
        "race_tests": say_tests(race),
        "race_beside_small": say_beside_small(race, small),
    }


def say_mixed(record: Record) -> str:
    """Say on which tasks NAG is ahead or behind of all that it cannot be told from."""
    *_, apart = tell_apart(record)
    if not apart:
        return "There is no method from which Nesterov's cannot be told."
    ahead, behind = list[str](), list[str]()
    for task, times in medians(record).items():
        others = [times[name] for name in apart]
        if times["nag"] < min(others):
            ahead.append(TASKS[task].label)
        if times["nag"] > max(others):
            behind.append(TASKS[task].label)
    if not ahead and not behind:
        return "On no single task is it ahead of all of these or behind all of them in the median."
    return (
        "Not to be told from them over all tasks is not to be like them on each: in the median it "
        f"needs fewer steps than all of these on {_tasks(ahead)}, and more than all of them on "
        f"{_tasks(behind)}."
    )


def say_tests(record: Record) -> str:
    """Say who is best on the test images of each task by the mean, and which place NAG has."""
    parts = []
    for task in record.declaration.axes["task"]:
        scores = {
            row["optimizer"]: _score(row["test_accuracy"], row["test_loss"])
            for row in record.rows
            if row["task"] == task
        }
        best = max(scores, key=scores.__getitem__)
        text = f"{labels([best])} on the task {TASKS[task].label}"
        if best != "nag":
            own = 1 + sum(score > scores["nag"] for score in scores.values())
            text += f" (Nesterov's method: number {own} of {len(scores)})"
        parts.append(text)
    return f"Best on the test images, by the mean, is {'; '.join(parts)}."


def say_beside_small(race: Record, small: Record) -> str:
    """Say whether the CPU-sized race has the same winner, and where NAG is in either.

    Args:
        race: the one that the page is about.
        small: the CPU-sized one.
    """
    if race.declaration.name == small.declaration.name:
        return "It is the race that is shown above."
    large, little = (race_profile(record).scores() for record in (race, small))
    winners = [leaders(scores) for scores in (large, little)]
    if winners[0] == winners[1]:
        says = f"The largest area belongs to {labels(winners[0])} in both"
    else:
        says = (
            f"The two disagree on the winner, which is {labels(winners[0])} in "
            f"{race.declaration.name} and {labels(winners[1])} in {small.declaration.name}"
        )
    return (
        f"{says}; Nesterov's method is number {place(large, 'nag')} of {len(large)} in "
        f"{race.declaration.name} and number {place(little, 'nag')} of {len(little)} in "
        f"{small.declaration.name}."
    )


def _score(accuracies: list[float], losses: list[float]) -> float:
    """Return the mean accuracy, or where nothing is told the mean loss with its sign changed."""
    told = not np.isnan(accuracies).all()
    score = float(np.mean(accuracies)) if told else -float(np.mean(losses))
    return score if np.isfinite(score) else -np.inf


def _tasks(names: list[str]) -> str:
    return f"the task{'s' * (len(names) > 1)} {listed(names)}" if names else "none"
