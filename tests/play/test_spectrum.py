"""The elements' rates on quadratics are those of `nagcore.theory.spectrum`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from element_modules import call, call_all

from nagcore.core import (
    GradientDescent,
    HeavyBall,
    Nesterov,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov_on_quadratics,
)
from nagcore.theory.spectrum import (
    convergence_rate,
    iteration_matrix,
    rate_plane,
    spectral_radius,
    stability_limit_heavy_ball,
    stability_limit_nesterov,
)

RULES: dict[str, Any] = {
    "gd": lambda momentum: GradientDescent(),
    "heavy-ball": HeavyBall,
    "nag": Nesterov,
}
TUNERS = {
    "gd": tune_gradient_descent,
    "heavy-ball": tune_heavy_ball,
    "nag": tune_nesterov_on_quadratics,
}


@pytest.fixture(scope="module")
def settings() -> list[tuple[float, float, float]]:
    """Step size × L, momentum, and condition number, some of them beyond stability."""
    rng = np.random.default_rng(7)
    draws = np.column_stack([rng.uniform(0.01, 4, 40), rng.uniform(0, 0.99, 40)])
    powers = rng.uniform(0, 3, 40)
    return [(float(a), float(b), float(10**c)) for (a, b), c in zip(draws, powers, strict=True)]


@pytest.mark.parametrize("method", RULES)
def test_radii(method: str, settings: list[tuple[float, float, float]]) -> None:
    found = call_all("spectrum.mjs", [("radius", [method, a, b]) for a, b, _ in settings])
    expected = [
        spectral_radius(iteration_matrix(RULES[method](b), curvature=1.0, step_size=a))
        for a, b, _ in settings
    ]
    # eigenvalues close to a double one are known to half the digits only
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("method", ["heavy-ball", "nag"])
def test_roots(method: str, settings: list[tuple[float, float, float]]) -> None:
    found = call_all("spectrum.mjs", [("roots", [method, a, b]) for a, b, _ in settings])
    for (a, b, _), pair in zip(settings, found, strict=True):
        matrix = iteration_matrix(RULES[method](b), curvature=1.0, step_size=a)
        expected = sorted(np.linalg.eigvals(matrix), key=lambda z: (z.real, z.imag))
        numbers = sorted((complex(*z) for z in pair), key=lambda z: (z.real, z.imag))
        np.testing.assert_allclose(numbers, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", RULES)
def test_rates(method: str, settings: list[tuple[float, float, float]]) -> None:
    found = call_all("spectrum.mjs", [("rate", [method, *setting]) for setting in settings])
    expected = [
        convergence_rate(RULES[method](b), step_size=a, L=1.0, mu=1 / kappa)
        for a, b, kappa in settings
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("condition_number", [1.5, 25.0, 1000.0])
def test_best_tunings(method: str, condition_number: float) -> None:
    found = call("spectrum.mjs", "bestTuning", method, condition_number)
    np.testing.assert_allclose(found, TUNERS[method](1.0, 1 / condition_number), rtol=1e-10)


def test_limits_of_stability() -> None:
    momenta = np.linspace(0, 0.99, 12)
    for method, limit in (
        ("heavy-ball", stability_limit_heavy_ball),
        ("nag", stability_limit_nesterov),
    ):
        calls = [("stabilityLimit", [method, float(momentum)]) for momentum in momenta]
        np.testing.assert_allclose(call_all("spectrum.mjs", calls), limit(momenta, L=1.0))


@pytest.mark.parametrize("method", ["heavy-ball", "nag"])
def test_plane_has_a_row_for_each_momentum(method: str) -> None:
    step_sizes, momenta = np.linspace(0.1, 3.9, 9), np.linspace(0, 0.95, 5)
    found = call("spectrum.mjs", "ratePlane", method, step_sizes.tolist(), momenta.tolist(), 30.0)
    expected = rate_plane(RULES[method], step_sizes=step_sizes, momenta=momenta, L=1.0, mu=1 / 30)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_colours_go_from_yellow_to_violet_in_bands() -> None:
    best, same, worst = call_all(
        "rate-plane.mjs",
        [("colorOf", [0.65, 0.65]), ("colorOf", [0.66, 0.65]), ("colorOf", [1.0, 0.65])],
    )
    assert best == same == [253, 231, 37]
    assert worst == [68, 1, 84]


def test_curve_of_eigenvalues_ends_at_both_curvatures() -> None:
    curves = call("rate-plane.mjs", "spectrumCurve", "nag", 0.7, 0.6, 40.0, 10)
    for place, reach in ((0, 0.7 / 40), (-1, 0.7)):
        pair = call("spectrum.mjs", "roots", "nag", reach, 0.6)
        np.testing.assert_allclose([curve[place] for curve in curves], pair, rtol=1e-10)
