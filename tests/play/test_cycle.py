"""The runs and the bands of `<nag-cycle>` are those of `nagcore.theory.cycle`."""

from __future__ import annotations

import numpy as np
import pytest
from element_modules import call, call_all

from nagcore.core import HeavyBall, Nesterov, tune_heavy_ball, tune_nesterov
from nagcore.errors import UsageError
from nagcore.evidence.play import cycle as show_cycle
from nagcore.theory.cycle import (
    CyclingFunction,
    cycling_intervals,
    falls_into_cycle,
    iterates_from,
    run_exactly,
)

F = CyclingFunction()
STARTS = np.random.default_rng(3).uniform(-10, 10, 30)


def test_slope() -> None:
    found = call_all("cycle.mjs", [("slope", [x]) for x in STARTS.tolist()])
    np.testing.assert_allclose(found, F.grad(STARTS), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "rule", "tune"),
    [("heavy-ball", HeavyBall, tune_heavy_ball), ("nag", Nesterov, tune_nesterov)],
)
def test_iterates(name: str, rule: type[HeavyBall | Nesterov], tune: object) -> None:
    tuning = tune(F.L, F.mu)  # type: ignore[operator]
    expected = iterates_from(rule(tuning.momentum), STARTS, step_size=tuning.step_size, steps=20)
    found = call_all("cycle.mjs", [("iterates", [name, x, 20]) for x in STARTS.tolist()])
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-10, atol=1e-11)


def test_which_starts_cycle() -> None:
    found = call_all("cycle.mjs", [("fallsIntoCycle", [x]) for x in STARTS.tolist()])
    assert found == falls_into_cycle(STARTS).tolist()
    assert any(found)


def test_bands() -> None:
    found = call("cycle.mjs", "cyclingIntervals", -4.0, 4.0, 801, 1e-10)
    expected = cycling_intervals(-4.0, 4.0, points=801, tol=1e-10)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_points_of_the_cycle_repeat() -> None:
    points = [float(x) for x in run_exactly(2)]
    run = call("cycle.mjs", "iterates", "heavy-ball", 3.3, 399)
    np.testing.assert_allclose(sorted(run[-3:]), sorted(points), rtol=1e-10)


def test_start_beyond_the_reach_is_refused() -> None:
    with pytest.raises(UsageError, match="start is 11"):
        show_cycle(11.0, reach=10.0)
