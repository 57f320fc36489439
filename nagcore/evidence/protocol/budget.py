"""What every method was given: the words for a caption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.names import closest_first

_LISTED = 4  # values that a sentence lists; of more it names the ends and their number


@dataclass(frozen=True)
class Budget:
    """The same search space, trials and seeds for every method of a comparison.

    Attributes:
        space: for each hyperparameter that is searched its values.
        tuning_seeds: on which every setting is judged; a single measurement may serve where the
            comparison is not tuned on seeds of its own.
        fresh_seeds: on which the best setting is run again, none of them used for tuning.
        trials: settings tried per method; by default the product of the space's sizes, a grid.
        judged_by: in words, on what a setting is judged.

    Raises:
        UsageError: a hyperparameter has no value, or a seed both tunes and tests.

    Example:
        >>> Budget({"lr": (0.1, 0.3), "momentum": (0.9, 0.99)}, (0, 1), (2, 3, 4)).trials
        4
    """

    space: Mapping[str, Sequence[Any]]
    tuning_seeds: Sequence[int]
    fresh_seeds: Sequence[int]
    trials: int = 0
    judged_by: str = field(default="validation loss", kw_only=True)

    def __post_init__(self) -> None:
        for name, values in self.space.items():
            if not len(values):
                raise UsageError(f"the search space has no value for {name}, expected one or more")
        if shared := set(self.tuning_seeds) & set(self.fresh_seeds):
            raise UsageError(
                f"seeds {sorted(shared)} tune and test, expected fresh ones: what was chosen on a "
                "seed looks better on it than it is"
            )
        if not self.trials:
            object.__setattr__(self, "trials", _grid_size(self.space))

    @classmethod
    def of(
        cls,
        tuning: Declaration,
        fresh: Iterable[int],
        *,
        search: Sequence[str],
        seed: str = "seed",
        judged_by: str = "validation loss",
    ) -> Budget:
        """Read the budget from the declaration of a tuning experiment whose axes are the grid.

        Args:
            tuning: the experiment that tunes.
            fresh: the seeds of the runs after it.
            search: its axes, or constants that hold tuples, which are hyperparameters.
            seed: its axis of seeds.
            judged_by: in words, on what a setting is judged.

        Raises:
            UsageError: the declaration has no such axis or constant.
        """
        known = {**tuning.constants, **tuning.axes}
        for name in (*search, seed):
            if not isinstance(known.get(name), tuple):
                raise UsageError(
                    f"{tuning.name} has no axis or tuple {name!r}; "
                    f"its names: {closest_first(name, known)}"
                )
        space = {name: known[name] for name in search}
        return cls(space, known[seed], tuple(fresh), judged_by=judged_by)


def describe_protocol(budget: Budget) -> str:
    """Return the sentences for a caption: search space, trials, seeds and n.

    Args:
        budget: of the comparison.

    Example:
        >>> import textwrap
        >>> budget = Budget({"lr": (0.1, 0.3, 1.0)}, (0, 1), (2, 3, 4))
        >>> print(textwrap.fill(describe_protocol(budget), 80))
        Every method had the same 3 trials (lr 0.1, 0.3, 1), each judged by its
        validation loss on 2 seeds; the best was run again on fresh seeds (n = 3).
    """
    space = "; ".join(f"{name} {_in_words(values)}" for name, values in budget.space.items())
    trials = _counted(budget.trials, "trial")
    tuned = _counted(len(budget.tuning_seeds), "seed")
    again = (
        f"; the best was run again on fresh seeds (n = {len(budget.fresh_seeds)})"
        if budget.fresh_seeds
        else "; no fresh seeds"
    )
    return (
        f"Every method had the same {trials} ({space}), each judged by its {budget.judged_by} "
        f"on {tuned}{again}."
    )


def _grid_size(space: Mapping[str, Sequence[Any]]) -> int:
    size = 1
    for values in space.values():
        size *= len(values)
    return size


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _in_words(values: Sequence[Any]) -> str:
    texts = [
        f"{value:g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)
        for value in values
    ]
    if len(texts) <= _LISTED:
        return ", ".join(texts)
    return f"{texts[0]} to {texts[-1]} in {len(texts)} values"
