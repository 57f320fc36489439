"""What chapter 06 measures of Nesterov's method, Adam and L-BFGS, against other judges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from nagcore.core import LBFGS, Adam, GradientDescent, HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.evidence import article_methods
from nagcore.evidence.article_methods import (
    Kink,
    adam_less_heavy_ball,
    lbfgs_less_bfgs,
    measure_alignment,
    measure_change,
    scale_gradient,
    watch_rates,
)
from nagcore.evidence.article_sources import loads, read_titles
from nagcore.evidence.valleys import Rosenbrock
from nagcore.theory import Quadratic, spaced_spectrum

BOWL = Quadratic(spaced_spectrum(10, 50.0), center=(1.0,) * 10, rotation_seed=0)


def test_titles_are_read_without_braces(tmp_path):
    bib = "@article{a1,\n  title   = {On {Nesterov's} {O(1/k²)}},\n  year = {1983}\n}\n"
    (tmp_path / "references.bib").write_text(bib, encoding="utf-8")
    assert read_titles(["a1"], tmp_path) == {"a1": "On Nesterov's O(1/k²)"}
    with pytest.raises(UsageError, match=r"'a2' is not in references.bib: a1"):
        read_titles(["a2"], tmp_path)


def test_the_report_has_the_paper_of_1983():
    assert "convex programming" in read_titles(["nesterov1983"])["nesterov1983"]


def test_what_an_import_loads_is_seen():
    assert loads("json", ["json.decoder", "numpy"]) == {"json.decoder": True, "numpy": False}


def test_a_rate_that_is_changed_during_training_is_seen(monkeypatch):
    made = article_methods.make_optimizer

    def restless(*args, **options):
        optimizer = made(*args, **options)
        optimizer.register_step_post_hook(
            lambda o, *_: o.param_groups[0].update(lr=o.param_groups[0]["lr"] / 2)
        )
        return optimizer

    monkeypatch.setattr(article_methods, "make_optimizer", restless)
    watched = watch_rates(["gd"], lr=0.001, steps=3)["gd"]
    assert (watched.before, watched.after) == (0.001, 0.000125)


@pytest.mark.parametrize("name", ["nag", "adam", "lbfgs"])
def test_no_optimizer_changes_its_rate_and_each_makes_progress(name):
    watched = watch_rates([name], lr=0.002, steps=60)[name]
    assert watched.after == watched.before == 0.002
    assert watched.last_value < watched.first_value == pytest.approx(24.2)


def test_gradient_descent_goes_along_the_gradient_whatever_its_rate():
    for step_size in (0.01, 0.5, 1.9):
        least = measure_alignment(BOWL, GradientDescent(), step_size=step_size, steps=20)
        assert least == pytest.approx(1.0)


def test_a_step_against_the_slope_has_the_cosine_minus_one():
    bowl = Quadratic((1.0,), center=(1.0,))
    # in one dimension momentum carries past the minimum, where −∇f points back
    assert measure_alignment(bowl, HeavyBall(0.9), step_size=0.5, steps=6) == -1.0


@pytest.mark.parametrize("method", [Nesterov(0.9), Adam(), LBFGS()])
def test_no_rate_makes_these_moves_from_gradients(method):
    assert measure_alignment(BOWL, method, step_size=0.1, steps=30) < 0.9


def test_the_gradient_changes_by_alpha_lambda_along_an_eigenvector():
    bowl = Quadratic((2.0,), center=(1.0,))
    change = measure_change(bowl, step_size=0.1, steps=5, x0=np.zeros(1))
    assert change == pytest.approx(0.2)


def test_the_gradient_of_a_kink_jumps_by_two():
    x0 = np.array([1.05])
    assert [measure_change(Kink(), step_size=a, steps=50, x0=x0) for a in (0.1, 1.0)] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("method", "power"), [(GradientDescent(), 1), (Nesterov(0.9), 1), (Adam(eps=0.0), 0)]
)
def test_how_far_a_rule_goes_with_larger_gradients(method, power):
    assert scale_gradient(method, 100.0) == pytest.approx(100.0**power)


def test_adam_with_a_constant_denominator_is_heavy_ball():
    assert adam_less_heavy_ball(BOWL, beta=0.9, step_size=0.5, steps=60) < 1e-10


def test_the_comparison_with_heavy_ball_can_fail(monkeypatch):
    def forgetful(_):
        return HeavyBall(0.9)  # without the correction for the start of the average

    monkeypatch.setattr(article_methods, "HeavyBall", forgetful)
    assert adam_less_heavy_ball(BOWL, beta=0.9, step_size=0.5, steps=60) > 1e-3


def test_the_two_loops_are_scipys_bfgs_matrix():
    """From the same pairs and the same first multiple of the identity."""
    valley, method = Rosenbrock(), LBFGS(memory=12)
    state = method.init(np.array(valley.start))
    for _ in range(12):
        before, slope = state.x, np.array(valley.grad(state.x))
        state = method.step(state, slope, 2e-3)
        matrix = np.eye(2)
        if state.pairs:
            _, u, curvature = state.pairs[-1]
            update = scipy.optimize.BFGS(init_scale=curvature / (u @ u))
            update.initialize(2, "inv_hess")
            for s, change, _ in state.pairs:
                update.update(s, change)
            matrix = update.get_matrix()
            np.testing.assert_allclose(matrix @ u, state.pairs[-1][0], rtol=1e-6)  # H u = s
        np.testing.assert_allclose(state.x, before - 2e-3 * matrix @ slope, rtol=1e-8)
    assert lbfgs_less_bfgs(steps=12, step_size=2e-3) < 1e-9


def test_the_comparison_with_bfgs_can_fail(monkeypatch):
    monkeypatch.setattr(article_methods, "_inverse_hessian", lambda state: np.eye(2))
    assert lbfgs_less_bfgs() > 1e-2
