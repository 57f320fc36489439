"""Second moments against the rules themselves; steps against a plain loop; the search."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.core import GradientDescent, HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.theory.moments import moment_matrix
from nagcore.theory.noise_tuning import NOISY_METHODS, best_settings
from nagcore.theory.noisy_quadratic import NoisyQuadratic, harmonic_quadratic
from nagcore.theory.spectrum import with_momenta

RULES = [GradientDescent(), HeavyBall(0.7), Nesterov(0.7)]
IDS = ["gd", "heavy-ball", "nag"]


def run_all_signs(method, curvature, step_size, deviation, steps):
    """Return the mean of h x²/2 over all signs of the noise ±σ: its second moment, no sample."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=steps))).T
    state = method.init(np.ones(signs.shape[1]))
    for noise in signs:
        grad = curvature * method.query(state) + deviation * noise
        state = method.step(state, grad, step_size)
    return float(np.mean(0.5 * curvature * state.x**2))


@pytest.mark.parametrize("method", RULES, ids=IDS)
@pytest.mark.parametrize(("curvature", "step_size", "batch_size"), [(1.0, 0.3, 2), (0.2, 1.1, 7)])
def test_losses_are_those_of_the_rule(method, curvature, step_size, batch_size):
    model = NoisyQuadratic(np.array([curvature]), noise=1.5)
    deviation = math.sqrt(1.5 * curvature / batch_size)
    losses = model.losses(method, range(9), step_size=step_size, batch_size=batch_size)
    exact = [run_all_signs(method, curvature, step_size, deviation, steps) for steps in range(9)]
    assert losses == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("method", RULES, ids=IDS)
def test_losses_are_those_of_a_simulation(method):
    """Normal noise, several coordinates at once, the batch as a mean of examples."""
    rng, copies = np.random.default_rng(0), 20_000
    curvatures, counts, batch_size = np.array([1.0, 0.3]), np.array([1, 2]), 3
    model = NoisyQuadratic(curvatures, counts)
    each = np.repeat(curvatures, counts)
    state = method.init(rng.normal(size=(copies, 3)))
    for _ in range(12):
        noise = rng.normal(size=(batch_size, copies, 3)).mean(axis=0) * np.sqrt(each)
        state = method.step(state, each * method.query(state) + noise, 0.4)
    simulated = 0.5 * (each * state.x**2).sum(axis=1)
    (loss,) = model.losses(method, [12], step_size=0.4, batch_size=batch_size)
    assert abs(simulated.mean() - loss) < 4 * simulated.std() / math.sqrt(copies)


@pytest.mark.parametrize(("nesterov", "rule"), [(0, HeavyBall), (1, Nesterov)])
def test_the_matrix_of_the_chapter(nesterov, rule):
    """Written out by hand: r = αλ, and the displacement keeps b = β or β(1 − r)."""
    curvature, step_size, momentum, variance = 0.4, 0.9, 0.6, 0.05
    r = step_size * curvature
    b = momentum * (1 - r) if nesterov else momentum
    a = 1 - r
    by_hand = [
        [a * a, 2 * a * b, b * b, step_size**2 * variance],
        [-r * a, (a - r) * b, b * b, step_size**2 * variance],
        [r * r, -2 * r * b, b * b, step_size**2 * variance],
        [0, 0, 0, 1],
    ]
    matrix = moment_matrix(
        rule(momentum), curvature=curvature, variance=variance, step_size=step_size
    )
    assert matrix == pytest.approx(np.array(by_hand), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(range(3)),
    st.floats(0.02, 1.5),
    st.floats(0.0, 0.97),
    st.floats(1.0, 1e5),
    st.floats(0.01, 0.5),
)
def test_steps_are_those_of_a_plain_loop(which, step_size, momentum, batch_size, target):
    model = NoisyQuadratic(np.array([1.0, 0.2, 0.03]))
    method = (GradientDescent(), HeavyBall(momentum), Nesterov(momentum))[which]
    losses = model.losses(method, range(200), step_size=step_size, batch_size=batch_size)
    at = np.flatnonzero(losses <= target)
    steps = model.steps_to_target(method, step_size=step_size, batch_size=batch_size, target=target)
    if len(at):
        assert math.ceil(steps) == at[0]
    else:
        assert steps > 199


def test_long_runs_are_bisected_to_the_step():
    model, method = harmonic_quadratic(100), Nesterov(0.9)
    given = {"step_size": 1e-4, "batch_size": 50}
    steps = math.ceil(model.steps_to_target(method, **given, target=0.05))
    assert steps > 5_000
    before, after = model.losses(method, [steps - 1, steps], **given)
    assert before > 0.05 >= after


def test_settings_are_counted_together_as_one_by_one():
    model, momenta = harmonic_quadratic(50), np.array([0.0, 0.5, 0.9])
    step_sizes = np.array([0.1, 0.5, 3.0])
    together = model.steps_to_target(
        with_momenta(Nesterov, momenta[:, None]), step_size=step_sizes, batch_size=500, target=0.1
    )
    alone = [
        model.steps_to_target(Nesterov(float(b)), step_size=a, batch_size=500, target=0.1)
        for a, b in zip(step_sizes, momenta, strict=True)
    ]
    assert together == pytest.approx(alone, rel=1e-9)
    assert np.isinf(together).tolist() == [False, False, True]


@pytest.mark.parametrize("batch_size", [16, 4096, 2**20])
@pytest.mark.parametrize(
    "method_and_step", [(GradientDescent(), 0.05), (HeavyBall(0.95), 0.03), (Nesterov(0.95), 0.1)]
)
def test_groups_of_curvatures_stand_for_all_of_them(method_and_step, batch_size):
    method, step_size = method_and_step
    every = NoisyQuadratic(1 / np.arange(1, 1_001))
    groups = harmonic_quadratic(1_000)
    assert groups.first_loss == pytest.approx(every.first_loss, rel=1e-12)
    given = {"step_size": step_size / 50, "batch_size": batch_size, "target": 0.1}
    exact = every.steps_to_target(method, **given)
    assert np.isfinite(exact)
    assert groups.steps_to_target(method, **given) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("name", NOISY_METHODS)
def test_no_point_of_a_dense_grid_is_better_than_the_best(name):
    model = harmonic_quadratic(200, alone=16, ratio=1.2)
    best = best_settings(model, name, batch_size=200, target=0.05)
    step_sizes = np.geomspace(1e-3, 4, 50)
    momenta = [0.0] if name == "sgd" else 1 - np.geomspace(1e-3, 1, 16)
    for momentum in momenta:
        steps = model.steps_to_target(
            with_momenta(NOISY_METHODS[name], np.array(momentum)),
            step_size=step_sizes,
            batch_size=200,
            target=0.05,
            per_octave=64,
        )
        assert steps.min() > 0.995 * best.steps
    held = best_settings(model, name, batch_size=200, target=0.05, momentum=best.momentum)
    assert held.steps == pytest.approx(best.steps, rel=2e-3)


def test_without_noise_the_best_tuning_is_the_known_one():
    """Two curvatures, no noise and far to go: Polyak's tuning is where the search ends."""
    model = NoisyQuadratic(np.array([1.0, 0.04]))
    best = best_settings(model, "heavy-ball", batch_size=1e30, target=1e-20)
    polyak = NoisyQuadratic(np.array([1.0, 0.04])).steps_to_target(
        HeavyBall((4 / 6) ** 2), step_size=4 / 1.2**2, batch_size=1e30, target=1e-20
    )
    assert best.steps <= polyak * 1.001
    assert best.momentum == pytest.approx((4 / 6) ** 2, rel=0.1)


def test_a_start_at_the_target_takes_no_step_and_one_step_is_one():
    model = NoisyQuadratic(np.array([1.0]))
    assert model.steps_to_target(HeavyBall(0.5), step_size=0.1, batch_size=1, target=0.6) == 0
    steps = model.steps_to_target(GradientDescent(), step_size=1.0, batch_size=1e30, target=0.1)
    assert math.ceil(steps) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: NoisyQuadratic(np.array([1.0, -2.0])), "-2.0"),
        (lambda: NoisyQuadratic(np.ones(2), np.ones(3)), r"\(3,\)"),
        (lambda: NoisyQuadratic(np.ones(2), noise=0.0), "noise is 0.0"),
        (lambda: harmonic_quadratic(10, ratio=1.0), "ratio is 1.0"),
        (lambda: best_settings(harmonic_quadratic(9), "nagg", batch_size=8), "nagg"),
        (lambda: best_settings(harmonic_quadratic(9), "nag", batch_size=8, momentum=1.0), "1.0"),
        (
            lambda: harmonic_quadratic(9).steps_to_target(
                Nesterov(0.5), step_size=0.1, batch_size=8, per_octave=3
            ),
            "per_octave is 3",
        ),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(UsageError, match=words):
        call()
