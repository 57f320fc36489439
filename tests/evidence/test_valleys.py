"""Walks through the valleys are those of the rules, and gradients those of the functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nagcore.core import ScheduleFree
from nagcore.errors import UsageError
from nagcore.evidence.experiments.optimizer_paths import DECLARATION, EXPERIMENT
from nagcore.evidence.valleys import VALLEYS, NoisyValley, Rosenbrock, find_valley, walk


@pytest.mark.parametrize("name", VALLEYS)
def test_the_gradient_is_that_of_the_value(name):
    valley = VALLEYS[name]
    x = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    valley.value(x).backward()
    assert x.grad is not None
    assert [float(g) for g in valley.grad(x.detach())] == pytest.approx(x.grad.tolist())
    assert valley.value(np.array(valley.minimizer)) == 0
    assert [float(g) for g in valley.grad(np.array(valley.minimizer))] == [0, 0]


def test_nesterov_walks_as_its_two_lines_say():
    """y = x + β d, x' = y − α (∇f(y) + noise), written out."""
    valley, lr, steps, seed = NoisyValley(), 0.01, 30, 3
    noise = valley.noise * np.random.default_rng(seed).standard_normal((steps, 2))
    x, before, expected = np.array(valley.start), np.array(valley.start), [valley.start]
    for k in range(steps):
        y = x + 0.9 * (x - before)
        x, before = y - lr * (np.array([y[0], valley.condition_number * y[1]]) + noise[k]), x
        expected.append(tuple(x))
    found = walk(valley, "nag", lr=lr, steps=steps, seed=seed)
    np.testing.assert_allclose(found.points, expected, atol=1e-12)
    np.testing.assert_allclose(found.gaps, valley.value(np.array(expected)))
    assert found.gradients == steps


def test_the_schedule_free_path_is_the_average_not_the_query_point():
    valley = Rosenbrock()
    rule, points = ScheduleFree(0.9), []
    state = rule.init(np.array(valley.start))
    for _ in range(10):
        state = rule.step(state, np.array(valley.grad(rule.query(state))), 1e-3)
        points.append(state.x)
    found = walk(valley, "schedule-free", lr=1e-3, steps=10)
    np.testing.assert_allclose(found.points[1:], points, atol=1e-12)


def test_a_closure_meets_the_same_noise_within_a_step():
    """On a quadratic with one linear term L-BFGS finds the minimum of this step's function."""
    valley = NoisyValley()
    noise = valley.noise * np.random.default_rng(0).standard_normal((1, 2))[0]
    found = walk(valley, "lbfgs", lr=1.0, steps=1, max_iter=50, max_eval=500)
    np.testing.assert_allclose(found.points[1], -noise / [1.0, valley.condition_number], atol=1e-4)
    assert found.gradients > 3


def test_muon_moves_by_about_its_step_size():
    found = walk(NoisyValley(), "muon", lr=0.1, steps=5)
    lengths = np.linalg.norm(np.diff(found.points, axis=0), axis=1)
    assert ((lengths > 0.06) & (lengths < 0.13)).all()


def test_a_walk_that_diverges_says_so_in_its_gaps():
    gaps = walk(Rosenbrock(), "gd", lr=1.0, steps=30).gaps
    assert not np.isfinite(gaps).all()


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="valley is 'rosenbroc'; known: Rosenbrock"):
        find_valley("rosenbroc")
    with pytest.raises(UsageError, match="optimizer 'nga'"):
        walk(Rosenbrock(), "nga", lr=0.1, steps=1)
    with pytest.raises(UsageError, match="optimizer is 'nag-restrat'; known: nag-restart"):
        EXPERIMENT.measured(setting("nag-restrat", "Rosenbrock"), "cpu")


def setting(optimizer, valley, **changes):
    small = {"steps": 20, "lr": (1e-4, 1e-3, 1.0), "seeds": (0, 1)}
    return {"optimizer": optimizer, "valley": valley, **small, **changes}


@pytest.mark.parametrize("valley", DECLARATION.axes["valley"])
def test_the_experiment_keeps_the_best_of_its_grid(valley):
    row = EXPERIMENT.measured(setting("gd", valley), "cpu")
    assert row["gap"] == min(row["gaps"])
    assert row["chosen"] == (1e-4, 1e-3, 1.0)[int(np.argmin(row["gaps"]))]
    assert row["gaps"][-1] == np.inf or row["gaps"][-1] > 1e6 * row["gap"]
    path = walk(VALLEYS[valley], "gd", lr=row["chosen"], steps=20)
    assert row["first"] == path.points[:, 0].round(4).tolist()
    if not VALLEYS[valley].noise:
        assert row["gap"] == pytest.approx(path.gaps[-2:].mean())


def test_every_optimizer_of_the_experiment_walks():
    for name in DECLARATION.axes["optimizer"]:
        row = EXPERIMENT.measured(setting(name, "Rosenbrock", steps=3, lr=(0.001,)), "cpu")
        assert len(row["first"]) == 4
        assert np.isfinite(row["gap"])
        assert row["first"][-1] != row["first"][0], f"{name} did not move"


def test_torchs_lbfgs_with_one_direction_and_no_evaluations_stands_still():
    """The trap that chapter 09 names: max_eval follows max_iter, and leaves the search none."""
    trapped = walk(Rosenbrock(), "lbfgs", lr=1.0, steps=5, max_iter=1)
    assert (trapped.points == trapped.points[0]).all()
    moved = walk(Rosenbrock(), "lbfgs", lr=1.0, steps=5, max_iter=1, max_eval=25)
    assert moved.gaps[-1] < moved.gaps[0] / 5
