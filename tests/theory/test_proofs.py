"""The algebra of chapter 03's proofs, by SymPy, and the potentials along real runs.

An identity between sums of inner products holds in every dimension if it holds for numbers: the
products u·v of free symbols are as independent as the inner products ⟨u, v⟩ of free vectors.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from nagcore.core import Nesterov, StronglyConvexMomentum
from nagcore.theory import Quadratic, WorstFunction, spaced_spectrum, tell_classes_apart
from nagcore.theory.potential import trace_potential

x, z, star, g, L = sp.symbols("x z star g L")
# t_k and θ are positive, so that roots and quotients simplify
t, theta = sp.symbols("t theta", positive=True)


def test_the_potential_of_the_convex_case():
    """Φ_{k+1} − Φ_k is a sum of the inequalities used with non-negative weights, nothing else."""
    y = x + (z - x) / t  # from t y − (t − 1) x = z
    f_y, f_x, f_next, f_star = sp.symbols("f_y f_x f_next f_star")
    descent = f_next - f_y + g**2 / (2 * L)
    towards_x = f_y - f_x - g * (y - x)
    towards_star = f_y - f_star - g * (y - star)
    z_next = z - t / L * g
    before = t**2 - t  # = t_{k−1}²
    change = (
        t**2 * (f_next - f_star)
        + L / 2 * (z_next - star) ** 2
        - before * (f_x - f_star)
        - L / 2 * (z - star) ** 2
    )
    used = t**2 * descent + before * towards_x + t * towards_star
    assert sp.simplify(change - used) == 0


def test_z_takes_the_long_steps_of_the_convex_case():
    displacement, before = sp.symbols("displacement before")
    y = x + (before - 1) / t * displacement
    z_k = x - displacement + before * displacement
    assert sp.simplify(t * y - (t - 1) * x - z_k) == 0
    x_next = y - g / L
    assert sp.simplify(x + t * (x_next - x) - (z_k - t / L * g)) == 0


def test_the_potential_of_the_strongly_convex_case():
    mu = theta**2 * L
    y = (x + theta * z) / (1 + theta)
    f_y, f_x, f_next, f_star = sp.symbols("f_y f_x f_next f_star")
    descent = f_next - f_y + g**2 / (2 * L)
    towards_x = f_y - f_x - g * (y - x) + mu / 2 * (y - x) ** 2
    towards_star = f_y - f_star - g * (y - star) + mu / 2 * (y - star) ** 2
    z_next = (1 - theta) * z + theta * y - theta / mu * g
    change = (
        f_next
        - f_star
        + mu / 2 * (z_next - star) ** 2
        - (1 - theta) * (f_x - f_star + mu / 2 * (z - star) ** 2)
    )
    used = descent + (1 - theta) * towards_x + theta * towards_star
    to_spare = mu / 2 * (1 - theta) * ((y - x) ** 2 + theta * (z - y) ** 2)
    assert sp.simplify(change - (used - to_spare)) == 0


def test_z_takes_the_long_steps_of_the_strongly_convex_case():
    displacement = sp.symbols("displacement")
    mu = theta**2 * L
    y = x + (1 - theta) / (1 + theta) * displacement
    z_k = x - displacement + displacement / theta
    assert sp.simplify((1 + theta) * y - x - theta * z_k) == 0
    z_next = x + (y - g / L - x) / theta
    assert sp.simplify(z_next - ((1 - theta) * z_k + theta * y - theta / mu * g)) == 0


PROBLEMS = [
    Quadratic(spaced_spectrum(10, 1e3), center=(1.0,) * 10, rotation_seed=1),
    WorstFunction(61),
    tell_classes_apart(),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_the_convex_potential_never_grows(problem):
    potential = trace_potential(problem, np.zeros_like(problem.x_star), steps=300)
    total = potential.total
    assert total[0] == pytest.approx(problem.L / 2 * problem.x_star @ problem.x_star)
    assert (np.diff(total) <= 1e-12 * total[0]).all()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_the_strongly_convex_potential_shrinks_at_its_rate(problem):
    root = np.sqrt(problem.mu / problem.L)
    method = Nesterov(StronglyConvexMomentum(problem.L, problem.mu))
    state = method.init(np.zeros_like(problem.x_star))
    last = np.inf
    for _ in range(300):
        z = state.x + (1 / root - 1) * state.displacement
        gap = problem.value(state.x) - problem.f_star
        now = gap + problem.mu / 2 * np.sum((z - problem.x_star) ** 2)
        assert now <= (1 - root) * last + 1e-14
        last = now
        state = method.step(state, problem.grad(method.query(state)), 1 / problem.L)
