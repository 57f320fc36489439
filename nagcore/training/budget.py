"""Whether a stopping condition can be judged in a run, and ends it."""

from __future__ import annotations

from collections.abc import Sequence

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.condition import Condition, require_condition
from nagcore.training.history import METRICS


def require_stopping(value: object, *, evaluates: bool, measured: Sequence[str] = ()) -> Condition:
    """Return `value` if it is a condition that stops every run and can be judged in this one.

    Args:
        value: what was given as `until`.
        evaluates: whether the run has evaluation data.
        measured: names of the run's own metrics, which need evaluation data too.

    Raises:
        UsageError: it is not.

    Example:
        >>> from nagcore.training.stopping import Steps
        >>> require_stopping(Steps(5), evaluates=False)
        Steps(count=5)
    """
    until = require_condition(value)
    if not until.stops_every_run():
        raise UsageError(f"until={str(until)!r} may never stop; add a budget: … | Epochs(100)")
    for metric in sorted(until.metrics()):
        require_metric(metric, f"until={str(until)!r}", evaluates=evaluates, measured=measured)
    return until


def require_metric(
    metric: str, asker: str, *, evaluates: bool, measured: Sequence[str] = ()
) -> None:
    """Raise UsageError unless the run measures `metric`; `asker` says who looks at it."""
    known = (*METRICS, *measured)
    if metric not in known:
        raise UsageError(
            f"{asker} looks at {metric!r}, which is not measured; expected one of "
            f"{closest_first(metric, known)}"
        )
    if not evaluates and (metric in measured or metric.startswith("eval_")):
        raise UsageError(
            f"{asker} looks at {metric}, and there are no evaluation data; give evaluate_on"
        )
