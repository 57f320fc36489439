"""Worst functions rebuilt from certificates: they are what they claim, and the methods fail so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nagcore.errors import UsageError
from nagcore.theory.catalogue import make_method
from nagcore.theory.certificates import certify
from nagcore.theory.worst_case import WorstCaseFunction, rebuild_worst_case

CASES = [
    ("gd-convex", 1.0, 0.0, 3, 1),
    ("gd-convex", 5.0, 0.0, 6, 1),
    ("gd", 2.0, 0.2, 3, 1),
    ("silver", 1.0, 0.0, 7, 1),
    ("nag-simplified", 3.0, 0.0, 5, 1),
    ("nag-1983", 1.0, 0.0, 4, 1),
    ("nag", 2.0, 0.2, 4, 1),
    ("nag-0.9", 1.0, 0.0, 6, 1),
    ("ogm", 1.0, 0.0, 5, 1),
    ("ogm-g", 2.0, 0.0, 3, 1),
    ("item", 1.0, 0.1, 3, 1),
    ("triple-momentum", 4.0, 0.4, 3, 1),
    ("heavy-ball-0.9", 1.0, 0.0, 4, 2),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}, {case[3]} steps")
def case(request):
    name, L, mu, steps, dimension = request.param
    certificate = certify(name, L=L, mu=mu, steps=steps, low_dimension=True)
    return name, certificate, rebuild_worst_case(certificate), dimension


def test_the_function_has_few_variables(case):
    _, certificate, f, dimension = case
    assert f.points.shape[1] == dimension
    assert len(f.points) <= certificate.steps + 2


def test_it_takes_the_values_and_gradients_of_the_certificate(case):
    _, certificate, f, _ = case
    np.testing.assert_allclose(f.values_at(f.points), f.values, atol=1e-6 * certificate.L)
    np.testing.assert_allclose(f.gradients_at(f.points), f.gradients, atol=1e-5 * certificate.L)


def test_its_minimum_is_where_it_says(case):
    _, _, f, _ = case
    assert f.value(f.x_star) == pytest.approx(f.f_star, abs=1e-6)
    cloud = np.random.default_rng(1).uniform(-3, 3, (200, f.points.shape[1]))
    assert (f.values_at(cloud) >= f.f_star - 1e-6).all()


def test_it_is_smooth_and_strongly_convex(case):
    """g(x) − g(y) lies between μ and L times x − y, by the inequality that holds for just these."""
    _, _, f, _ = case
    L, mu = f.L, f.mu
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-3, 3, (2, 2000, f.points.shape[1]))
    y[1000:] = x[1000:] + 1e-2 * y[1000:]
    difference, slope = x - y, f.gradients_at(x) - f.gradients_at(y)
    inner, far = np.sum(difference * slope, axis=1), np.sum(difference**2, axis=1)
    steep = np.sum(slope**2, axis=1)
    assert (inner >= (steep + mu * L * far) / (L + mu) - 1e-9 * L * far - 1e-12).all()
    drop = f.values_at(x) - f.values_at(y) - np.sum(f.gradients_at(y) * difference, axis=1)
    assert (drop >= steep / (2 * L) - 1e-9).all()


def test_its_gradient_is_the_slope_of_its_values(case):
    _, _, f, _ = case
    x = np.random.default_rng(2).uniform(-2, 2, (50, f.points.shape[1]))
    for axis in range(x.shape[1]):
        shift = 1e-5 * np.eye(x.shape[1])[axis]
        slope = (f.values_at(x + shift) - f.values_at(x - shift)) / 2e-5
        np.testing.assert_allclose(slope, f.gradients_at(x)[:, axis], atol=3e-5 * f.L)


def test_the_shipped_method_does_as_badly_as_certified(case):
    name, certificate, f, _ = case
    tuned = make_method(name, L=certificate.L, mu=certificate.mu, steps=certificate.steps)
    state = tuned.method.init(certificate.extremes.start)
    for k in range(certificate.steps):
        size = tuned.step_size(k) if callable(tuned.step_size) else tuned.step_size
        state = tuned.method.step(state, f.grad(tuned.method.query(state)), size)
    found = {
        "gap": f.value(state.x) - f.f_star,
        "distance": float(state.x @ state.x),
        "gradient": float(np.sum(f.grad(state.x) ** 2)),
    }[certificate.criterion]
    assert found == pytest.approx(certificate.value, rel=1e-4)
    assert found == pytest.approx(certificate.shown, rel=1e-5)


def test_its_start_is_as_far_as_the_certificate_allows(case):
    _, certificate, f, _ = case
    x0 = certificate.extremes.start
    distance, gap = float(x0 @ x0), f.value(x0)
    initial = {"distance": distance, "gap": gap, "potential": gap + f.mu / 2 * distance}
    assert initial[certificate.initial] == pytest.approx(1, rel=2e-5)


def test_gradient_descent_fails_on_the_function_of_huber():
    """f = Lδ|x| − Lδ²/2 beyond δ = 1/(2n + 1): the function of the proof."""
    steps, L = 3, 2.0
    f = rebuild_worst_case(certify("gd-convex", L=L, steps=steps))
    width = 1 / (2 * steps + 1)
    x = np.linspace(-1, 1, 41)[:, None]
    side = np.sign(f.points[np.argmax(np.abs(f.points))])  # to the start's side
    right = side * np.linspace(0, 1, 41)[:, None]
    huber = np.where(
        np.abs(right) < width, L / 2 * right**2, L * width * np.abs(right) - L / 2 * width**2
    )
    # the optimum is flat: a function off by 1e-5 does worse by 1e-10 only, which the solver allows
    np.testing.assert_allclose(f.values_at(right), huber[:, 0], atol=1e-5)
    assert (np.diff(f.values_at(x), n=2) >= -1e-9).all()


def test_a_quadratic_is_rebuilt_from_its_data():
    """Two variables with curvatures L and μ: at the data exactly, elsewhere from below."""
    curvature = np.array([3.0, 0.5])
    points = np.array([[0.0, 0.0], [1.0, 2.0], [-1.0, 0.5], [0.3, -1.0]])
    values = points**2 @ curvature / 2
    f = WorstCaseFunction(3.0, 0.5, points, points * curvature, values)
    np.testing.assert_allclose(f.values_at(points), values, atol=1e-12)
    np.testing.assert_allclose(f.gradients_at(points), points * curvature, atol=1e-12)
    x = np.random.default_rng(3).uniform(-2, 2, (500, 2))
    assert (f.values_at(x) <= x**2 @ curvature / 2 + 1e-12).all()


def test_bad_data_are_refused():
    certificate = certify("fista", steps=1)
    with pytest.raises(UsageError, match="composite"):
        rebuild_worst_case(certificate)
    certificate = certify("ogm-g", steps=4)
    with pytest.raises(UsageError, match=r"6 variables, expected at most 3.*low_dimension=True"):
        rebuild_worst_case(certificate)
    f = rebuild_worst_case(certify("gd-convex", steps=1))
    with pytest.raises(UsageError, match=r"shapes \(3, 1\), \(3, 1\) and \(2,\)"):
        replace(f, values=np.zeros(2))
