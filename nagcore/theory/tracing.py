"""Keep the history of a run."""

from __future__ import annotations

import numpy as np

from nagcore.theory.oracle import Oracle
from nagcore.theory.solution import Trace


class Recorder:
    """Collects iterates, values, norms, step sizes and restarts."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._iterates: list[np.ndarray] = []
        self._values: list[float] = []
        self._step_sizes: list[float] = []
        self.norms: list[float] = []
        self.restarts_at: list[int] = []

    def start(self, x0: np.ndarray) -> None:
        """Keep the starting point."""
        self._iterates.append(x0)
        self._values.append(self._oracle.value(x0))

    def step(self, x: np.ndarray, step_size: float) -> None:
        """Keep the iterate after a step."""
        self.start(x)
        self._step_sizes.append(step_size)

    def trace(self) -> Trace:
        """Return what was kept, as arrays."""
        values = np.array(self._values)
        f_star = getattr(self._oracle.problem, "f_star", None)
        return Trace(
            iterates=np.array(self._iterates),
            values=values,
            gaps=None if f_star is None else values - f_star,
            gradient_norms=np.array(self.norms),
            step_sizes=np.array(self._step_sizes),
            restarts_at=np.array(self.restarts_at, dtype=int),
        )
