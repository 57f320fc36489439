"""The rate of every step, kept in little room."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from nagcore.training.rates.instructions import RateChange


class RateRecord:
    """Rates used and demanded, with one entry for each step at which one of them changed."""

    def __init__(self) -> None:
        self._steps, self._used, self._demanded = array("q"), array("d"), array("d")
        self.last = -1
        """the last step so far, −1 before the first"""

    def add(self, step: int, used: float, demanded: float) -> None:
        """Add the first group's rates of a step."""
        self.last = step
        if self._steps and self._used[-1] == used and self._demanded[-1] == demanded:
            return
        self._steps.append(step)
        self._used.append(used)
        self._demanded.append(demanded)

    @property
    def rate(self) -> float | None:
        """The last rate used, None before the first step."""
        return self._used[-1] if self._steps else None

    def frame(self, changes: Sequence[RateChange]) -> pd.DataFrame:
        """Return the table of `RateSetter.history_frame`."""
        reasons: dict[int, list[str]] = {}
        for change in changes:
            reasons.setdefault(change.step, []).append(change.why)
        own = np.array(self._steps, dtype=np.int64)
        last = [] if self.last < 0 else [self.last]
        steps = np.union1d(own, [*reasons, *last]).astype(np.int64)
        at = np.searchsorted(own, steps, side="right") - 1
        return pd.DataFrame(
            {
                "step": steps,
                "rate": np.array(self._used, dtype=float)[at],
                "demanded": np.array(self._demanded, dtype=float)[at],
                "why": ["; ".join(reasons.get(step, ())) for step in steps.tolist()],
            }
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the entries as tensors."""
        return {
            "last": self.last,
            "steps": torch.tensor(self._steps, dtype=torch.int64),
            "used": torch.tensor(self._used, dtype=torch.float64),
            "demanded": torch.tensor(self._demanded, dtype=torch.float64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RateRecord:
        """Return what `state_dict` described."""
        record = cls()
        record.last = state["last"]
        record._steps.extend(state["steps"].tolist())
        record._used.extend(state["used"].tolist())
        record._demanded.extend(state["demanded"].tolist())
        return record
