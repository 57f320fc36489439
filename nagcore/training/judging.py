"""What a run measures at each report, at the iterate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from torch import Tensor

from nagcore.errors import UsageError
from nagcore.training.budget import require_metric
from nagcore.training.data import ImageData
from nagcore.training.evaluation import Loss, evaluate
from nagcore.training.history import METRICS, Row
from nagcore.training.mean_loss import mean_loss
from nagcore.training.run import Run
from nagcore.training.source import Source

Metric = Callable[[Tensor, Tensor], float]
"""Class scores (n, classes) and labels (n,) of the evaluation data to a number."""


@dataclass(frozen=True)
class Judge:
    """Measures a run on its evaluation data.

    Args:
        loss: mean loss of scores against labels.
        data: evaluation data, None where there are none.
        metrics: what else to measure on them, by name.

    Raises:
        UsageError: a metric's name is taken or is no name, or there are no evaluation data.
    """

    loss: Loss
    data: ImageData | None
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.metrics and self.data is None:
            raise UsageError(
                f"metrics {', '.join(self.metrics)} are given and no data to measure them on; "
                "give evaluate_on"
            )
        for name in self.metrics:
            if not name.isidentifier() or name in METRICS or name in Row._fields:
                raise UsageError(
                    f"metric name {name!r} cannot be used; expected a name such as "
                    "top3_accuracy that no column of the history has"
                )

    def require(self, metric: str | None, asker: str) -> None:
        """Raise UsageError unless the run measures `metric`; `asker` says who looks at it."""
        if metric is not None:
            evaluates = self.data is not None
            require_metric(metric, asker, evaluates=evaluates, measured=tuple(self.metrics))

    def start(self, run: Run, data: Source, batch_size: int, seed: int) -> Row:
        """Return the row of the start; a stream is not read through for it, only its first batch.

        Images in memory are all looked at.
        """
        if isinstance(data, ImageData):
            loss = evaluate(run.model, self.loss, data, optimizer=run.optimizer).loss
        else:
            first = islice(data.batches(batch_size, seed=seed, epoch=0), 1)
            loss = mean_loss(run.model, self.loss, first, optimizer=run.optimizer)
        return self._row(run, loss, norm=math.nan)

    def report(self, run: Run) -> Row:
        """Return the row of now, from the sums since the last report."""
        return self._row(run, run.sums.mean_loss(), norm=run.sums.mean_norm())

    def _row(self, run: Run, train_loss: float, *, norm: float) -> Row:
        loss, accuracy, others = math.nan, math.nan, {}
        if self.data is not None:
            with run.clock.paused():
                judged = evaluate(run.model, self.loss, self.data, optimizer=run.optimizer)
                loss, accuracy = judged.loss, judged.accuracy
                others = {
                    name: float(metric(judged.scores, self.data.labels))
                    for name, metric in self.metrics.items()
                }
        return Row(
            epoch=run.epoch + (run.batch > 0),
            step=run.step,
            train_loss=train_loss,
            eval_loss=loss,
            eval_accuracy=accuracy,
            seconds=run.seconds,
            restarts=getattr(run.optimizer, "restarts", 0),
            examples=run.examples,
            rate=rate_of(run.optimizer),
            gradient_norm=norm,
            metrics=others,
        )


def rate_of(optimizer: object) -> float:
    """Return the step size of the first group, not a number where it is searched for.

    Example:
        >>> import torch
        >>> rate_of(torch.optim.SGD([torch.zeros(1)], lr=0.5))
        0.5
    """
    groups = getattr(optimizer, "param_groups", None)
    return float(groups[0]["lr"]) if groups else math.nan
