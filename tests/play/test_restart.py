"""The element of restarts computes what nagcore computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from element_modules import call_all

from nagcore.core import (
    FixedRestart,
    GradientRestart,
    Momentum1983,
    Nesterov,
    StronglyConvexMomentum,
)
from nagcore.core.restart import FunctionRestart
from nagcore.errors import UsageError
from nagcore.evidence.figures.restart import momentum_used
from nagcore.evidence.play.restart import DIMENSION, RULES, restart
from nagcore.theory import Quadratic, Solution, minimize, spaced_spectrum
from nagcore.theory.restart_bounds import best_interval

MODULE = "restart.mjs"


def drawn_settings(count: int) -> list[dict[str, Any]]:
    """Return settings at random, `count` of every rule."""
    random = np.random.default_rng(7)
    return [
        {
            "conditionNumber": float(10 ** random.uniform(1, 4)),
            "rule": rule,
            "every": int(random.integers(2, 300)),
            "steps": int(random.integers(50, 800)),
            "dimension": int(random.integers(2, 30)),
        }
        for rule in RULES
        for _ in range(count)
    ]


def run_nagcore(setting: dict[str, Any]) -> tuple[Solution, Any]:
    """Return the run of the setting, and the momentum sequence."""
    problem = Quadratic(spaced_spectrum(setting["dimension"], setting["conditionNumber"]))
    known = setting["rule"] == "known"
    sequence = StronglyConvexMomentum(problem.L, problem.mu) if known else Momentum1983()
    criteria = {
        "every": FixedRestart(setting["every"]),
        "function": FunctionRestart(),
        "gradient": GradientRestart(),
    }
    start, criterion = np.ones(setting["dimension"]), criteria.get(setting["rule"])
    run = minimize(
        problem, Nesterov(sequence), start, restart=criterion, max_steps=setting["steps"],
        trace=True,
    )  # fmt: skip
    return run, sequence


def test_runs_are_those_of_nagcore() -> None:
    settings = drawn_settings(6)
    for setting, got in zip(
        settings, call_all(MODULE, [("run", [s]) for s in settings]), strict=True
    ):
        run, sequence = run_nagcore(setting)
        assert run.trace is not None
        steps = run.steps  # fewer than asked for where the gradient became small
        restarts = [k for k in got["restarts"] if k <= steps]
        assert restarts == run.trace.restarts_at.tolist(), setting
        expected = run.gaps[: steps + 1] / run.gaps[0]
        np.testing.assert_allclose(got["gaps"][: len(expected)], expected, rtol=1e-10)
        momenta = got["momenta"][:steps]
        if setting["rule"] == "known":  # where nagcore writes 0, since the first one is of no use
            momenta = [0.0, *momenta[1:]]
        np.testing.assert_allclose(momenta, momentum_used(run, sequence), rtol=1e-12)


def test_the_interval_is_that_of_the_theorem() -> None:
    numbers = [1.0, 10.0, 77.7, 1000.0, 10_000.0]
    got = call_all(MODULE, [("bestInterval", [number]) for number in numbers])
    assert got == [best_interval(number) for number in numbers]


def test_a_run_ends_at_its_accuracy_and_counts_the_steps() -> None:
    setting = {"conditionNumber": 50, "rule": "known", "steps": 10_000, "accuracy": 1e-6}
    gaps = call_all(MODULE, [("run", [setting])])[0]["gaps"]
    assert gaps[-1] <= 1e-6 < gaps[-2]
    calls = [("stepsTo", [gaps, 1e-6]), ("stepsTo", [gaps, 1e-9])]
    assert call_all(MODULE, calls) == [len(gaps) - 1, "Infinity"]


def test_the_element_has_as_many_eigenvalues_as_its_picture() -> None:
    setting = {"conditionNumber": 300, "rule": "none", "steps": 40}
    assert call_all(MODULE, [("run", [setting])]) == call_all(
        MODULE, [("run", [{**setting, "dimension": DIMENSION}])]
    )


def test_it_shows_the_element_with_a_small_picture_inside() -> None:
    bundle, _ = restart(condition_number=200.0, interval=60, rule="every")._repr_mimebundle_()
    assert bundle["text/html"].startswith(
        '<nag-restart condition-number="200.0" interval="60" rule="every"><img src="data:image/png'
    )
    assert len(bundle["text/html"]) < 34_000  # a picture of 25 KB in base64
    assert {"image/png", "text/plain"} <= set(bundle)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"condition_number": 5.0}, "expected 10 to 10000"),
        ({"rule": "gradients"}, "the rules: gradient"),
        ({"interval": 1}, "expected 2 to 2000"),
    ],
)
def test_arguments_out_of_their_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        restart(**arguments)
