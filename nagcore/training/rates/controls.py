"""What a rate setter can be told by hand, in words that are checked at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from nagcore.training.checks import require_count, require_positive
from nagcore.training.rates.instructions import Hold, Instruction, Lower, Release, Set, Warm
from nagcore.training.rates.plateau import PlateauRule, require_lowering
from nagcore.training.rates.schedule import require_factor


class RateControls(ABC):
    """The instructions; each may be given from a callback or from another thread."""

    def add_warm_up(self, steps: int, start: float = 0.0, *, why: str = "") -> None:
        """Begin now: over `steps` steps the rate rises in a straight line to what it would be.

        The multiplier is start + (1 − start) (k + 1)/steps at the k-th of these steps, from 0: the
        first step moves a little even with start=0, and the last one has the full rate. The
        schedule counts on meanwhile. A warm-up under way is replaced.

        Args:
            steps: how many.
            start: where the line begins, as a share of the full rate, 0 to 1.
            why: for the log.

        Raises:
            UsageError: a value out of its range.
        """
        require_count(steps, "add_warm_up: steps")
        require_factor(start, "add_warm_up: start", at_most=1.0)
        self._tell(Warm(steps, float(start), why or f"warm-up over {steps} steps"))

    def lower(self, factor: float, *, why: str = "lowered by hand") -> None:
        """Multiply the rate by `factor` from now on, a held one too.

        Args:
            factor: above 0 and below 1; to raise the rate, use `set`.
            why: for the log.

        Raises:
            UsageError: a value out of its range.
        """
        self._tell(Lower(require_lowering(factor, "lower: factor"), why))

    def lower_on_plateau(self, metric: str, factor: float = 0.1, patience: int = 5) -> None:
        """Lower the rate whenever a metric has set no new best in `patience` reports in a row.

        Several rules act side by side. While a rate is held they pause.

        Args:
            metric: name in the history, such as "eval_loss"; see `PlateauRule` for what is better.
            factor: above 0 and below 1.
            patience: reports of `fit`, one for each epoch.

        Raises:
            UsageError: a value out of its range.
        """
        self._add_rule(PlateauRule(metric, factor, patience))

    def set(self, value: float, *, why: str = "set by hand") -> None:
        """Let the first group's rate be `value` now, and let the schedule go on from there.

        From now on every rate is the scheduled one times `value` over the first group's scheduled
        rate of this step: the groups keep their proportions, and the schedule its shape. So under
        a cosine near its end a rate that is set soon vanishes; to keep it, use `hold`. What was
        lowered before no longer counts; a hold or a warm-up under way ends.

        Args:
            value: step size, above 0.
            why: for the log.

        Raises:
            UsageError: a value out of its range, or the schedule is 0 at the next step, so that
                nothing is in proportion to it: use `hold`.
        """
        value = require_positive(require_factor(value, "set: value"), "set: value")
        self._tell(Set(value, why))

    def hold(self, value: float, *, why: str = "held by hand") -> None:
        """Let the first group's rate be `value` until `release`, the others in proportion.

        The schedule goes on unseen. A warm-up under way ends.

        Args:
            value: step size, 0 or larger.
            why: for the log.

        Raises:
            UsageError: a value out of its range.
        """
        self._tell(Hold(require_factor(value, "hold: value"), why))

    def release(self, *, why: str = "released by hand") -> None:
        """Go back to the schedule, at the place that it has reached meanwhile.

        Args:
            why: for the log.
        """
        self._tell(Release(why))

    @abstractmethod
    def _tell(self, instruction: Instruction) -> None:
        """Let an instruction take effect at the next step."""

    @abstractmethod
    def _add_rule(self, rule: PlateauRule) -> None:
        """Judge this rule after each epoch from now on."""
