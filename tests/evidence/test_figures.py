"""Figures draw the numbers that they are given, and are left closed."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from nagcore.evidence import figures, load_or_run
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.figures.spread import spread_along
from nagcore.evidence.figures.style import STYLES
from nagcore.evidence.race import race
from nagcore.theory import Quadratic, spaced_spectrum

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

VALLEY = Quadratic((1.0, 10.0))
START = np.array([5.0, 1.0])


def lines_of(figure):
    return {line.get_label(): line for axes in figure.axes for line in axes.lines}


def x_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_xdata())


def y_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


@pytest.fixture(scope="module")
def runs():
    return race(VALLEY, ["gd", "heavy-ball", "nag"], steps=20, x0=START)


@pytest.fixture(scope="module")
def cnn():
    return load_or_run(EXPERIMENTS["cnn-1000"])


def test_gaps_are_drawn_as_measured_with_their_bounds(runs):
    bound = np.geomspace(10, 1, 21)
    lines = lines_of(figures.draw_gaps(runs, {"gd": bound, "nag": bound / 2}))
    np.testing.assert_array_equal(y_of(lines["Nesterov"]), runs["nag"].gaps)
    np.testing.assert_array_equal(y_of(lines["bound of Nesterov"]), bound / 2)
    colors = {name: str(line.get_color()) for name, line in lines.items()}
    assert colors["bound of Nesterov"] == colors["Nesterov"] != colors["bound of gradient descent"]


def test_gaps_below_rounding_are_left_out():
    run = race(Quadratic((1.0, 1.5)), ["gd"], steps=60, x0=START)
    drawn = y_of(lines_of(figures.draw_gaps(run))["gradient descent"])
    assert np.isnan(drawn[-1])
    assert np.nanmin(drawn) > 1e-14 * drawn[0]


def test_a_logarithmic_step_axis_starts_at_one(runs):
    lines = lines_of(figures.draw_gaps(runs, log_steps=True))
    assert x_of(lines["Nesterov"])[0] == 1


def test_labels_of_curves_are_dark_enough_to_be_read(runs):
    run = runs["gd"]
    bounds = {kappa: np.ones_like(run.gaps) for kappa in (1.0, 2.0, 3.0)}
    figure = figures.draw_gaps_by_condition_number({1.0: run, 2.0: run, 3.0: run}, bounds)
    greys = [to_rgb(text.get_color())[0] for text in figure.axes[0].texts]
    assert len(set(greys)) == 3
    assert max(greys) <= to_rgb("#727272")[0]  # 4.5 : 1 on white, dimmed or not


def test_two_runs_of_a_method_are_told_apart():
    names = {"heavy-ball": "one", "heavy-ball 2": "two"}
    lines = lines_of(figures.draw_cycle(dict.fromkeys(names, np.array([1.0, 0.5])), names))
    looks = [(lines[name].get_color(), lines[name].get_marker()) for name in names.values()]
    assert looks[0][0] != looks[1][0]
    assert looks[0][1] != looks[1][1]


def test_paths_hold_all_iterates(runs):
    figure = figures.draw_paths(VALLEY, runs)
    for axes, run in zip(figure.axes, runs.values(), strict=True):
        np.testing.assert_array_equal(np.asarray(axes.lines[0].get_xydata()), run.iterates)


def test_one_step_takes_the_gradient_where_the_circle_is():
    x, displacement = np.array([2.0, 0.5]), np.array([-1.0, -0.7])
    figure = figures.draw_one_step(VALLEY, x, displacement, step_size=0.05, momentum=0.5)
    circles = [
        np.asarray(line.get_xydata())[0]
        for axes in figure.axes
        for line in axes.lines
        if line.get_markerfacecolor() == "white"
    ]
    np.testing.assert_allclose(circles, [x, x + 0.5 * displacement])


def test_condition_numbers_and_worst_case_are_drawn():
    problems = {kappa: Quadratic(spaced_spectrum(5, kappa)) for kappa in (2.0, 50.0)}
    solved = {k: race(f, ["gd"], steps=10, x0=np.ones(5))["gd"] for k, f in problems.items()}
    figure = figures.draw_gaps_by_condition_number(solved, dict.fromkeys(solved, np.ones(11)))
    np.testing.assert_array_equal(y_of(figure.axes[0].lines[0]), solved[2.0].gaps)
    k = np.array([1, 10])
    figure = figures.draw_worst_case(k, {"nag-1983": k / 100}, upper=k, lower=k / 200)
    np.testing.assert_array_equal(y_of(lines_of(figure)["Nesterov, 1983"]), k / 100)


def test_steps_against_condition_number_draws_the_means():
    record = load_or_run(EXPERIMENTS["rates-on-quadratics"])
    figure = figures.draw_steps_against_condition_number(record)
    frame = record.frame()
    chosen = frame[(frame.method == "nag") & (frame.accuracy == 1e-12)]
    expected = chosen.groupby("condition_number").steps.mean()
    drawn = [y_of(line) for line in figure.axes[1].lines]
    assert any(len(y) == 4 and np.allclose(y, expected) for y in drawn)


def test_learning_curves_draw_the_mean_over_seeds(cnn):
    figure = figures.draw_learning_curves(cnn)
    expected = np.mean([r["test_accuracy"] for r in cnn.rows if r["optimizer"] == "nag"], axis=0)
    drawn = {line.get_label(): line for line in figure.axes[1].lines}
    np.testing.assert_allclose(y_of(drawn["Nesterov"]), expected)


def test_accuracies_draw_every_seed_and_both_baselines(cnn):
    baselines = load_or_run(EXPERIMENTS["baselines-1000"])
    figure = figures.draw_accuracies(cnn, baselines)
    marks = np.concatenate(
        [x_of(line) for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    )
    assert sorted(marks) == pytest.approx(sorted(row["accuracy"] for row in cnn.rows))
    texts = [text.get_text() for text in figure.axes[0].texts]
    gd = [row["accuracy"] for row in cnn.rows if row["optimizer"] == "gd"]
    assert texts == [
        f"◂ {min(gd):.3f} to {max(gd):.3f}, mean {np.mean(gd):.3f}",
        "logistic regression",
        "k nearest neighbours",
    ]


def test_tuning_rings_the_choice():
    record = load_or_run(EXPERIMENTS["cnn-tuning"])
    figure = figures.draw_tuning(record, dict.fromkeys(record.declaration.axes["optimizer"], 0.1))
    rings = [line for line in figure.axes[0].lines if line.get_markersize() == 12]
    assert [x_of(ring).tolist() for ring in rings] == [[0.1]] * 5


def test_confusion_and_samples_show_what_they_get():
    figure = figures.draw_confusion(np.array([[8, 2], [0, 5]]), ("bag", "boot"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["80", "20", "100"]
    images = np.arange(3 * 28 * 28).reshape(3, 28, 28)
    figure = figures.draw_samples(images, ["a", "b", "c"], columns=2)
    assert len(figure.axes) == 4
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), images[1])


def test_drift_marks_the_change():
    record = load_or_run(EXPERIMENTS["drift-under-schedule"])
    figure = figures.draw_drift(record)
    for axes, changed in zip(figure.axes, ("step size", "momentum"), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        for row in (row for row in record.rows if row["changed"] == changed):
            drawn = y_of(lines[row["optimizer"]])
            np.testing.assert_array_equal(drawn, np.maximum(row["distance"], 1e-17))
        assert [text.get_text() for text in axes.texts] == [f"{changed} changes"]
        leaves = int(np.argmax(y_of(lines["torch.optim.SGD"]) > 1e-9))
        assert [x_of(line)[0] for line in axes.lines if len(x_of(line)) == 2] == [leaves]


def test_methods_differ_in_dash_or_marker_and_not_in_colour_alone():
    shown_together = [STYLES[name] for name in ("gd", "sgd", "heavy-ball", "nag", "adam")]
    assert len({(str(s.linestyle), s.marker) for s in shown_together}) == 5
    assert len({s.color for s in shown_together}) == 5
    # in grey: gradient descent and Nesterov share a solid line, so their greys must lie apart
    grey = {s.label: np.dot(to_rgb(s.color), (0.299, 0.587, 0.114)) for s in shown_together}
    assert abs(grey["gradient descent"] - grey["Nesterov"]) > 0.05


def test_spread_along_takes_least_and_greatest():
    import pandas as pd

    spread = spread_along(pd.DataFrame({"x": [1, 1, 2], "y": [1.0, 4.0, 5.0]}), "x", "y")
    assert (spread.least.tolist(), spread.greatest.tolist()) == ([1.0, 5.0], [4.0, 5.0])
