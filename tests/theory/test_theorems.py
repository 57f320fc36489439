"""Every method of the catalogue, on every problem, is held to its theorem at every step."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import FISTA, ProximalGradient
from nagcore.theory import (
    METHODS,
    LogSumExp,
    Quadratic,
    WorstFunction,
    make_method,
    minimize,
    random_huber,
    random_lasso,
    random_log_sum_exp,
    random_logistic,
    spaced_spectrum,
    tell_classes_apart,
)

GUARANTEES = {name: r.guarantee for name, r in METHODS.items() if r.guarantee is not None}
SMOOTH = [name for name in GUARANTEES if not METHODS[name].composite]
COMPOSITE = [name for name in GUARANTEES if METHODS[name].composite]

PROBLEMS = {
    **{
        f"quadratic, κ = {kappa:g}, {seed}": Quadratic(
            spaced_spectrum(20, kappa), center=(1.0,) * 20, rotation_seed=seed
        )
        for kappa in (2.0, 100.0, 1e4)
        for seed in (0, 1)
    },
    "steepest direction": Quadratic((0.01, 1.0), center=(0.0, 1.0)),
    "flattest direction": Quadratic((0.01, 1.0), center=(1.0, 0.0)),
    "worst function, 41": WorstFunction(41, L=2.0),
    "worst function, 201": WorstFunction(201),
    "shirts": tell_classes_apart(),
    "logistic": random_logistic(200, 10, ridge=1e-3),
    "huber": random_huber(100, 8, 50.0),
    "log-sum-exp": random_log_sum_exp(60, 10, smoothing=5.0),
}
STEPS = 100
# what the values of a problem and its minimum may be wrong by, relative to the first gap
ROUNDING = 1e-12


def measured(problem, guarantee, run, k):
    """Return the theorem's criterion after k steps and its initial measure."""
    x0, x = run.iterates[0], run.iterates[k]
    distance = float(np.sum((x0 - problem.x_star) ** 2))
    first_gap = run.gaps[0]
    initial = {
        "distance": distance,
        "gap": first_gap,
        "potential": first_gap + problem.mu / 2 * distance,
    }[guarantee.initial]
    criterion = {
        "gap": run.gaps[k],
        "distance": float(np.sum((x - problem.x_star) ** 2)),
        "gradient": float(np.sum(problem.grad(x) ** 2)),
    }[guarantee.criterion]
    return criterion, initial


def runs(name, problem):
    """Yield (k, run): a method made for k steps has a run of its own for every k."""
    recipe = METHODS[name]
    counts = (1, 2, 3, 7, 15, 40, 63, STEPS) if recipe.needs_steps else (STEPS,)
    for steps in counts:
        tuned = make_method(name, L=problem.L, mu=problem.mu, steps=steps)
        run = minimize(
            problem,
            tuned.method,
            np.zeros_like(problem.x_star),
            step_size=tuned.step_size,
            max_steps=steps,
            trace=True,
        )
        assert run.status in ("budget", "converged"), run.message
        for k in [steps] if recipe.needs_steps else range(run.steps + 1):
            yield min(k, run.steps), run


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
@pytest.mark.parametrize("name", SMOOTH)
def test_measured_is_at_most_the_bound(name, problem):
    guarantee = GUARANTEES[name]
    if METHODS[name].needs_mu and problem.mu <= 0:
        pytest.skip("the problem is not strongly convex")
    seen = 0
    for k, run in runs(name, problem):
        bound = guarantee.bound(k, problem.L, problem.mu)
        if not np.isfinite(bound):  # the theorem says nothing about this k
            continue
        criterion, initial = measured(problem, guarantee, run, k)
        allowed = bound * initial + ROUNDING * max(initial, run.gaps[0])
        assert criterion <= allowed, (k, criterion, bound * initial)
        seen += 1
    assert seen > 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", COMPOSITE)
def test_measured_is_at_most_the_bound_for_composite_functions(name, seed):
    problem, guarantee = random_lasso(40, 60, 5, seed=seed), GUARANTEES[name]
    rule = make_method(name, L=problem.L, steps=STEPS).method
    method = (
        FISTA(problem.prox, rule.momentum)
        if isinstance(rule, FISTA)
        else ProximalGradient(problem.prox)
    )
    x0 = np.zeros_like(problem.x_star)
    run = minimize(problem, method, x0, max_steps=STEPS, trace=True)
    distance = float(np.sum(problem.x_star**2))
    for k in range(1, run.steps + 1):
        bound = guarantee.bound(k, problem.L, 0.0)
        assert run.gaps[k] <= bound * distance + ROUNDING * run.gaps[0], k


@pytest.mark.parametrize("name", ["gd", "ogm"])
def test_the_bound_is_attained_at_every_step_along_the_steepest_direction(name):
    problem, guarantee = PROBLEMS["steepest direction"], GUARANTEES[name]
    for k, run in runs(name, problem):
        criterion, initial = measured(problem, guarantee, run, k)
        bound = guarantee.bound(k, problem.L, problem.mu) * initial
        if bound > 1e-10:
            assert criterion == pytest.approx(bound, rel=1e-8), k


@pytest.mark.parametrize("steps", [1, 3, 10, 30])
def test_gradient_descent_attains_its_convex_bound_on_a_huber_function(steps):
    """Log-sum-exp cannot: the function must be straight where the method walks."""
    from nagcore.theory.worst_case import WorstCaseFunction

    bend = 1 / (2 * steps + 1)  # the slope at which the gap after n steps is the largest
    ends = np.array([[0.0], [bend], [-bend], [1.0], [-1.0]])
    slopes = np.clip(ends, -bend, bend)
    values = np.where(
        abs(ends[:, 0]) <= bend, ends[:, 0] ** 2 / 2, bend * abs(ends[:, 0]) - bend**2 / 2
    )
    huber = WorstCaseFunction(1.0, 0.0, ends, slopes, values)
    tuned = make_method("gd-convex", L=1.0, steps=steps)
    run = minimize(
        huber, tuned.method, np.ones(1), step_size=tuned.step_size, max_steps=steps, trace=True
    )
    assert run.gaps[-1] == pytest.approx(1 / (4 * steps + 2), rel=1e-9)


def test_every_method_with_a_theorem_was_walked():
    assert {"gd-convex", "gd", "nag-1983", "ogm", "item", "triple-momentum", "silver"} <= set(
        SMOOTH
    )
    assert {"fista", "proximal-gradient"} <= set(COMPOSITE)
    assert isinstance(PROBLEMS["log-sum-exp"], LogSumExp)
