"""The figures of the chapter on momentum draw the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import Nesterov, tune_gradient_descent, tune_heavy_ball
from nagcore.evidence.figures.cycle import draw_basin, draw_cycle
from nagcore.evidence.figures.flow import draw_flow_gaps, draw_flow_paths
from nagcore.evidence.figures.spectrum import draw_damping, draw_rate_plane, draw_transient
from nagcore.evidence.race import race
from nagcore.theory import Quadratic
from nagcore.theory.cycle import run_exactly
from nagcore.theory.flow import Friction, bound_nesterov_flow, follow_in_time, solve_flow
from nagcore.theory.spectrum import bound_heavy_ball_on_quadratics

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

BOWL = Quadratic((1.0, 10.0))
START = np.array([4.0, 1.5])


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def y_of(line) -> np.ndarray:
    return np.asarray(line.get_ydata(), dtype=float)


def test_damping_draws_the_errors_of_the_rule():
    figure = draw_damping(0.1, (0.1, 0.9), steps=10)
    errors = y_of(lines_of(figure.axes[2])["β = 0.9"])
    x, displacement = 1.0, 0.0
    for error in errors:
        assert error == pytest.approx(x)
        displacement = 0.9 * displacement - 0.1 * x
        x += displacement
    radii = lines_of(figure.axes[1])
    # complex pairs: √β for heavy ball, √(β (1 − αλ)) for Nesterov
    assert y_of(radii["heavy ball"])[360] == pytest.approx(np.sqrt(0.9))
    assert y_of(radii["Nesterov"])[360] == pytest.approx(np.sqrt(0.9 * 0.9))


def test_rate_plane_marks_the_optima():
    L, mu = 25.0, 1.0
    figure = draw_rate_plane(L, mu, points=41)
    heavy, descent = tune_heavy_ball(L, mu), tune_gradient_descent(L, mu)
    marks = [
        np.asarray(line.get_xydata())[0] for line in figure.axes[1].lines if len(y_of(line)) == 1
    ]
    np.testing.assert_allclose(
        marks, [(L * heavy.step_size, heavy.momentum), (L * descent.step_size, 0.0)]
    )
    best = [y_of(line)[0] for line in figure.axes[0].lines if len(y_of(line)) == 1]
    np.testing.assert_allclose(best, [12 / 13, 2 / 3, 1 - 2 / np.sqrt(76)], rtol=1e-6)
    lowest = np.nanmin(y_of(lines_of(figure.axes[0])["gradient descent"]))
    assert best[0] <= lowest < 1


def test_transient_divides_by_the_first_gap():
    run = race(BOWL, ["heavy-ball"], steps=20, x0=START)["heavy-ball"]
    bound = bound_heavy_ball_on_quadratics(np.arange(21), L=10.0, mu=1.0, first_gap=1.0)
    lines = lines_of(draw_transient({"a start": run}, bound, rate=0.5).axes[0])
    np.testing.assert_allclose(y_of(lines["a start"]), run.gaps / run.gaps[0])
    np.testing.assert_array_equal(y_of(lines["bound"]), bound)
    np.testing.assert_allclose(y_of(lines["rate alone, β to the power k"])[:3], [1, 0.25, 0.0625])


def test_flow_figures_draw_the_flow_the_iterates_and_the_bound():
    flow = solve_flow(BOWL, Friction(over_time=3.0), START, until=10.0, steps=100)
    run = follow_in_time(BOWL, Nesterov(), START, step_size=0.01, until=10.0)
    axes = draw_flow_paths(BOWL, {"nag": flow}, {"nag": {0.01: run}}).axes[0]
    lines = lines_of(axes)
    np.testing.assert_array_equal(lines["differential equation"].get_xydata(), flow.points)
    np.testing.assert_array_equal(lines["α = 0.01"].get_xydata(), run.points)
    axes = draw_flow_gaps(BOWL, flow, {0.01: run}, distance=2.0).axes[0]
    lines = lines_of(axes)
    gaps = [BOWL.value(x) for x in flow.points[1:]]
    np.testing.assert_allclose(y_of(lines["differential equation"]), gaps)
    times = np.asarray(lines["α = 0.01"].get_xdata(), dtype=float)
    expected = [BOWL.value(run.points[round(10 * t)]) for t in times]
    np.testing.assert_allclose(y_of(lines["α = 0.01"]), expected)
    bound = lines["bound 2 R² / t²"]
    late = np.asarray(bound.get_xdata(), dtype=float)
    np.testing.assert_array_equal(y_of(bound), bound_nesterov_flow(late, distance=2.0))


def test_cycle_draws_each_run_and_the_cycle_on_the_slope():
    runs = {"heavy-ball": np.array([3.0, 1.0]), "heavy-ball 2": np.array([4.0, 2.0])}
    figure = draw_cycle(runs, {"heavy-ball": "first", "heavy-ball 2": "second"})
    lines = lines_of(figure.axes[1])
    np.testing.assert_array_equal(y_of(lines["first"]), [3.0, 1.0])
    np.testing.assert_array_equal(y_of(lines["second"]), [4.0, 2.0])
    points = figure.axes[0].lines[1].get_xdata()
    np.testing.assert_allclose(np.asarray(points), [float(x) for x in run_exactly(2)])


def test_basin_shades_the_intervals():
    starts = np.array([0.0, 1.0])
    figure = draw_basin(starts, {"nag": np.array([0.0, 1e-3])}, np.array([[0.2, 0.4], [0.6, 0.8]]))
    axes = figure.axes[0]
    np.testing.assert_allclose(y_of(lines_of(axes)["Nesterov"]), [1e-17, 1e-3])
    assert [patch.get_x() for patch in axes.patches] == pytest.approx([0.2, 0.6])  # pyright: ignore
