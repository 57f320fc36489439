"""The rows of a history while it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nagcore.training.copies.history import CopiesHistory
from nagcore.training.stopping import Target


class Rows:
    """What was measured so far, and which copies have reached a target.

    Args:
        copies: their number N.
        names: of what is measured beside the training loss.
        target: what copies are to reach, None for nothing.
    """

    def __init__(self, copies: int, names: tuple[str, ...], target: Target | None) -> None:
        self.copies, self.names, self.target = copies, names, target
        self.steps: list[int] = []
        self.seconds: list[float] = []
        self.values: dict[str, list[np.ndarray]] = {name: [] for name in ("train_loss", *names)}
        self.reached: list[int | None] = [None] * copies
        self.finite = np.ones(copies, dtype=bool)

    def add(
        self, step: int, seconds: float, values: dict[str, np.ndarray], finite: np.ndarray
    ) -> None:
        """Add a row; what is measured of a copy that has diverged does not count."""
        self.steps.append(step)
        self.seconds.append(seconds)
        self.finite = finite
        for name, row in values.items():
            self.values[name].append(np.where(finite, row, np.nan))
        if self.target is not None:
            for copy, value in enumerate(self.values[self.target.metric][-1]):
                if self.reached[copy] is None and _is_at(self.target, value):
                    self.reached[copy] = step

    @property
    def is_over(self) -> bool:
        """Whether no copy has anything left to do."""
        waiting = [
            ok and at is None for ok, at in zip(self.finite.tolist(), self.reached, strict=True)
        ]
        return not self.finite.any() if self.target is None else not any(waiting)

    def history(self) -> CopiesHistory:
        """Return what was measured."""
        nothing = np.full((self.copies, len(self.steps)), np.nan)
        table = {
            name: np.stack(rows, axis=1) if rows else nothing for name, rows in self.values.items()
        }
        status = [
            "target" if at is not None else "budget" if ok else "diverged"
            for ok, at in zip(self.finite.tolist(), self.reached, strict=True)
        ]
        train, judged = table.pop("train_loss"), table.pop("eval_loss", nothing)
        seconds = np.array(self.seconds)
        return CopiesHistory(
            np.array(self.steps), train, judged, table, status, seconds, self.reached
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` takes."""
        values = {
            name: [torch.from_numpy(row) for row in rows] for name, rows in self.values.items()
        }
        finite = torch.from_numpy(self.finite)
        lists = {name: list(getattr(self, name)) for name in ("steps", "seconds", "reached")}
        return {**lists, "values": values, "finite": finite}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from rows that were kept."""
        self.steps, self.seconds, self.reached = (
            list(state[name]) for name in ("steps", "seconds", "reached")
        )
        self.values = {
            name: [row.numpy() for row in rows] for name, rows in state["values"].items()
        }
        self.finite = state["finite"].numpy()


def _is_at(target: Target, value: float) -> bool:
    if target.at_least is not None:
        return value >= target.at_least
    return target.at_most is not None and value <= target.at_most
