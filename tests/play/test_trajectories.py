"""The paths of `<nag-trajectories>` are those of the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from element_modules import call

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.evidence.play import trajectories
from nagcore.theory import Quadratic, minimize

RULES: dict[str, Any] = {
    "gd": lambda momentum: GradientDescent(),
    "heavy-ball": HeavyBall,
    "nag": Nesterov,
}


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_iterates_and_gaps(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    curvatures = [float(1 / 10 ** rng.uniform(0, 3)), 1.0]
    start = rng.uniform(-10, 10, 2)
    step_size, momentum = float(rng.uniform(0.1, 1.9)), float(rng.uniform(0, 0.95))
    arguments = (method, curvatures, start.tolist(), step_size, momentum, 40)
    found = np.array(call("trajectories.mjs", "iterates", *arguments))
    problem = Quadratic(tuple(curvatures))
    run = minimize(
        problem, RULES[method](momentum), start, step_size=step_size, max_steps=40, trace=True
    )
    scale = np.abs(run.iterates).max()
    np.testing.assert_allclose(found, run.iterates, rtol=1e-10, atol=1e-13 * scale)
    last = call("trajectories.mjs", "gap", curvatures, found[7].tolist())
    np.testing.assert_allclose(last, problem.value(run.iterates[7]), rtol=1e-10)


@pytest.mark.parametrize("method", RULES)
def test_steps_are_counted_until_the_gap_stays_small(method: str) -> None:
    curvatures, start = [0.04, 1.0], [10.0, 1.0]
    found = call("trajectories.mjs", "stepsTo", 1e-6, method, curvatures, start, 1.0, 0.67)
    problem = Quadratic((0.04, 1.0))
    run = minimize(problem, RULES[method](0.67), start, step_size=1.0, max_steps=400, trace=True)
    values = np.array([problem.value(x) for x in run.iterates])
    large = np.flatnonzero(values > 1e-6 * values[0])
    assert found == large.max() + 1


def test_steps_of_a_method_that_diverges_are_infinite() -> None:
    arguments = ("gd", [0.04, 1.0], [10.0, 1.0], 2.1, 0.5)
    assert call("trajectories.mjs", "stepsTo", 1e-6, *arguments) == "Infinity"


def test_element_starts_from_the_arguments() -> None:
    shown = trajectories(condition_number=9.0, step_size=0.5, momentum=0.25, steps=5)
    assert shown.attributes == {
        "condition-number": 9.0,
        "step-size": 0.5,
        "momentum": 0.25,
        "steps": 5,
    }


@pytest.mark.parametrize(
    "wrong",
    [{"condition_number": 0.5}, {"step_size": 0.0}, {"momentum": 1.0}, {"steps": 0}],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        trajectories(**wrong)
