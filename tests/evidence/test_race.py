"""Methods are tuned by their own theory."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import HeavyBall, tune_heavy_ball
from nagcore.core.forms import Coefficients
from nagcore.errors import UsageError
from nagcore.evidence.drift import IMPLEMENTATIONS, measure_drift
from nagcore.evidence.race import race, race_on_worst_functions, tuned_method
from nagcore.theory import Quadratic, WorstFunction
from nagcore.theory.bounds import lower_bound_convex

VALLEY = Quadratic((1.0, 100.0))


def test_each_method_gets_its_tuning():
    method, step_size = tuned_method("heavy-ball", VALLEY)
    tuning = tune_heavy_ball(100.0, 1.0)
    assert (step_size, method) == (tuning.step_size, HeavyBall(tuning.momentum))


def test_tuned_momentum_overtakes_gradient_descent():
    runs = race(VALLEY, ["gd", "heavy-ball", "nag"], steps=80, x0=np.ones(2))
    assert runs["gd"].gaps[-1] > 100 * runs["nag"].gaps[-1]
    assert runs["gd"].gaps[-1] > 100 * runs["heavy-ball"].gaps[-1]


def test_an_unknown_method_is_refused_by_name():
    with pytest.raises(UsageError, match="'adam' is not known"):
        race(VALLEY, ["adam"], steps=1)


def test_a_method_that_needs_mu_is_refused_without_it():
    with pytest.raises(UsageError, match=r"mu is 0\.0"):
        race(Quadratic((0.0, 1.0)), ["nag"], steps=1)


def test_worst_functions_are_those_of_their_budget():
    gaps = race_on_worst_functions(["nag-1983"], [3, 10])["nag-1983"]
    f = WorstFunction(21)
    run = race(f, ["nag-1983"], steps=10)["nag-1983"]
    assert gaps[1] == pytest.approx(run.gaps[-1] / np.sum(f.x_star**2))
    assert (gaps >= lower_bound_convex(np.array([3, 10]), L=1.0, distance=1.0)).all()


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_drift_is_rounding_while_nothing_changes(name):
    problem = Quadratic((1.0, 9.0), center=(1.0, 1.0))
    assert measure_drift(name, problem, [Coefficients(0.1, 0.9, 0.9)] * 30).max() < 1e-13


def test_an_unknown_implementation_is_refused():
    with pytest.raises(UsageError, match="optimizer 'sgd' is not known"):
        measure_drift("sgd", Quadratic((1.0, 9.0)), [Coefficients(0.1, 0.9, 0.9)])
