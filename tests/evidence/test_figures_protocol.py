"""The figures of the protocol draw the numbers they are given, in styles that can be told apart."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from nagcore.errors import UsageError
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.figure_data import figure_data
from nagcore.evidence.figures.bands import band_along
from nagcore.evidence.figures.protocol import (
    draw_curves,
    draw_profile,
    draw_sensitivity,
    draw_steps_against_batch,
    draw_time_to_target,
)
from nagcore.evidence.figures.style import LABEL, STYLES, fill_band, find_style
from nagcore.evidence.protocol import bootstrap_interval, lr_sensitivity, performance_profile

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

INF, NAN = math.inf, math.nan
RACED = (
    *("sgd", "heavy-ball", "nag", "nag-restart", "adam", "adamw", "nadam", "nadamw", "adan"),
    *("muon", "schedule-free", "schedule-free-adamw", "lbfgs"),
)
MOMENTA = [f"{rule}-{mu}" for rule in ("nag", "heavy-ball") for mu in (0.9, 0.99, 0.995, 0.999)]


def luminance(color: ColorType) -> float:
    """Return the relative luminance of WCAG 2."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("methods", [RACED, ["sgd", *MOMENTA]], ids=["raced", "momenta"])
def test_methods_of_one_figure_differ_without_colour(methods):
    looks = [(str(STYLES[name].linestyle), STYLES[name].marker) for name in methods]
    assert len(set(looks)) == len(methods)
    colors = [STYLES[name].color for name in methods]
    for first, method in enumerate(methods):
        for second in range(first):
            if colors[first] != colors[second]:
                continue  # members of one family share a colour
            assert looks[first][0] != looks[second][0], (method, methods[second])


def oklab(color: str) -> np.ndarray:
    """Return a colour in Ottosson's OKLab, in which distances are as they are seen."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
    seen = np.array(
        [[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    )
    return seen @ np.cbrt(cones @ linear)


def test_optimizers_of_the_race_differ_in_colour():
    names = EXPERIMENTS["fair-race"].declaration.axes["optimizer"]
    for one, other in combinations(names, 2):
        distance = np.linalg.norm(oklab(STYLES[one].color) - oklab(STYLES[other].color))
        assert distance > 0.084, (one, other)


def test_small_words_are_read_where_the_page_dims_the_picture():
    dimmed = [luminance((0.9 * r, 0.9 * g, 0.9 * b)) for r, g, b in map(to_rgb, (LABEL, "white"))]
    assert (dimmed[1] + 0.05) / (dimmed[0] + 0.05) >= 4.5


def test_a_band_has_an_edge():
    axes = Figure().subplots()
    fill_band(axes, [0, 1], [1, 2], [3, 4], "#0072b2")
    (band,) = axes.collections
    fill, edge = np.ravel(band.get_facecolor()), np.ravel(band.get_edgecolor())
    np.testing.assert_allclose([fill[:3], edge[:3]], [to_rgb("#0072b2")] * 2)
    assert edge[3] > fill[3] >= 0.2


@pytest.mark.parametrize("name", STYLES)
def test_every_colour_is_seen_on_white(name):
    assert 1.05 / (luminance(STYLES[name].color) + 0.05) >= 2.0


def test_a_method_without_a_style_is_named():
    assert find_style("nag") is STYLES["nag"]
    with pytest.raises(UsageError, match=r"nagg.*those known: nag,"):
        find_style("nagg")


def rows_of(table: pd.DataFrame, **where) -> pd.DataFrame:
    for column, value in where.items():
        table = table.loc[table[column] == value]
    return table


def test_profile_shows_fractions_and_scores():
    times = pd.DataFrame({"nag": [1.0, 4.0, 9.0, INF], "sgd": [2.0, 2.0, 3.0, 5.0]})
    profile = performance_profile(times)
    table = figure_data(draw_profile(profile))
    scores = profile.scores()
    assert list(table["series"].unique()) == [
        f"SGD, {scores['sgd']:.2f}", f"Nesterov, {scores['nag']:.2f}"
    ]  # fmt: skip
    nesterov = rows_of(table, series=f"Nesterov, {scores['nag']:.2f}")
    assert nesterov["x"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert nesterov["y"].tolist() == [0.25, 0.5, 0.75, 0.75]


def losses(lost_at: float) -> list[dict]:
    return [
        {"task": task, "method": method, "lr": lr, "seed": seed,
         "loss": NAN if lr == lost_at and method == "sgd" else (lr - 0.1) ** 2 + seed / 100}
        for task in ("cnn", "mlp") for method in ("sgd", "nag") for lr in (0.01, 0.1, 1.0)
        for seed in range(3)
    ]  # fmt: skip


def test_sensitivity_shows_medians_bands_the_best_and_what_was_lost():
    frame = lr_sensitivity(losses(lost_at=1.0), score="loss", higher_is_better=False)
    figure = draw_sensitivity(frame, ylabel="loss, nats", higher_is_better=False)
    table = figure_data(figure)
    assert list(table["title"].unique()) == ["cnn", "mlp"]
    nag = rows_of(table, series="Nesterov", kind="line", panel=1)
    assert nag["y"].tolist() == pytest.approx([0.0181, 0.01, 0.82])
    sgd = rows_of(table, series="SGD", kind="line", panel=2)
    assert sgd["y"].isna().tolist() == [False, False, True]
    band = rows_of(table, series="Nesterov", kind="band", panel=1)
    assert band["lower"].tolist() == pytest.approx([0.0081, 0.0, 0.81])
    assert band["upper"].tolist() == pytest.approx([0.0281, 0.02, 0.83])
    points = rows_of(table, kind="points", panel=1)
    assert points["x"].tolist() == [1.0, 0.1, 0.1]  # lost, and the best of each
    assert points["y"].isna().tolist() == [True, False, False]


def test_a_method_that_is_lost_everywhere_is_drawn_without_a_best():
    frame = lr_sensitivity(
        [{"task": "t", "method": "sgd", "lr": lr, "seed": 0, "loss": NAN} for lr in (1.0, 2.0)],
        score="loss", higher_is_better=False,
    )  # fmt: skip
    table = figure_data(draw_sensitivity(frame, ylabel="loss", higher_is_better=False))
    assert rows_of(table, kind="points")["x"].tolist() == [1.0, 2.0]


def test_curves_against_seconds_stand_at_the_median_second_of_a_step():
    frame = pd.DataFrame(
        [
            {"task": "t", "method": "nag", "seed": seed, "step": step, "seconds": step * (1 + seed),
             "accuracy": 0.5 + step / 10 - seed / 100}
            for seed in range(3) for step in (0, 1, 2)
        ]
    )  # fmt: skip
    figure = draw_curves(
        frame, x="seconds", y="accuracy", at="step", xlabel="seconds", ylabel="accuracy",
        higher_is_better=True, target=0.65,
    )  # fmt: skip
    table = figure_data(figure)
    line = rows_of(table, series="Nesterov", kind="line")
    assert line["x"].tolist() == [0.0, 2.0, 4.0]
    assert line["y"].tolist() == pytest.approx([0.49, 0.59, 0.69])
    assert 0.65 in rows_of(table, kind="line")["y"].tolist()


def test_a_curve_ends_where_most_runs_are_lost():
    frame = pd.DataFrame({"step": [0, 1] * 3, "loss": [3.0, NAN, 2.0, 1.0, 2.5, INF]})
    band = band_along(frame, "step", "loss", higher_is_better=False)
    assert band.middle.tolist() == [2.5, INF]
    assert (band.low[1], band.high[1]) == (1.0, 1.0)
    up = band_along(frame, "step", "loss", higher_is_better=True)
    assert up.middle.tolist() == [2.5, -INF]


def test_steps_against_batch_have_their_diagonal_from_the_fewest_examples():
    frame = pd.DataFrame(
        [
            {"task": "t", "method": method, "batch_size": size, "seed": seed, "steps": steps}
            for method, found in (("sgd", (900, 500, INF)), ("nag", (800, 400, 300)))
            for size, steps in zip((8, 16, 32), found, strict=True)
            for seed in range(3)
        ]
    )
    figure = draw_steps_against_batch(frame)
    table = figure_data(figure)
    diagonal = rows_of(table, series="twice the batch, half the steps")
    assert diagonal["x"].tolist() == [8, 16, 32]
    assert diagonal["y"].tolist() == [800, 400, 200]
    missed = rows_of(table, kind="points")
    assert missed["x"].tolist() == [32]
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"


def test_nothing_reached_draws_no_diagonal():
    frame = pd.DataFrame({"task": "t", "method": "sgd", "batch_size": [8, 16], "steps": [INF, INF]})
    table = figure_data(draw_steps_against_batch(frame))
    assert "twice the batch, half the steps" not in table["series"].tolist()


def test_times_have_their_runs_their_interval_and_their_misses():
    times = {"sgd": [5.0, 6.0, INF, 7.0, NAN], "nag": [1.0, 2.0, 3.0, 4.0, 5.0], "adam": [INF] * 5}
    frame = pd.DataFrame(
        [
            {"task": "cnn", "method": method, "seconds": time}
            for method, found in times.items()
            for time in found
        ]
    )
    table = figure_data(draw_time_to_target(frame, time="seconds", xlabel="seconds"))
    nag = rows_of(table, series="Nesterov", kind="points")["x"].tolist()
    assert nag == [1.0, 2.0, 3.0, 4.0, 5.0, 3.0]
    interval = bootstrap_interval(times["nag"], "median")
    ends = rows_of(table, series="Nesterov", kind="line")["x"].tolist()
    assert ends == [interval.low, interval.high]
    assert rows_of(table, kind="note")["series"].tolist() == ["5 of 5 missed", "2 of 5 missed"]
    edge = rows_of(table, series="Adam", kind="points")["x"].tolist()
    assert edge == [pytest.approx(7.0 * 1.15)]


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"tasks": ["a"], "method": "nag"})])
def test_a_frame_without_tasks_is_refused(frame):
    with pytest.raises(UsageError, match="no column 'task'"):
        draw_steps_against_batch(frame)
