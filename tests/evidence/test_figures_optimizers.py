"""The figures and tables of chapter 09 draw and write the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest

from nagcore.core import NADAM_CONVENTIONS, GradientRestart, Nesterov
from nagcore.evidence.experiments.lbfgs_batches import DECLARATION as BATCHES
from nagcore.evidence.experiments.optimizer_paths import DECLARATION as PATHS
from nagcore.evidence.experiments.schedules_on_cnn import DECLARATION as SCHEDULED
from nagcore.evidence.figures.batches import draw_batches
from nagcore.evidence.figures.changing_lr import draw_schedule_losses, draw_schedules
from nagcore.evidence.figures.optimizers import (
    draw_nadam_conventions,
    draw_optimizer_paths,
    draw_restarted_groups,
    follow_conventions,
)
from nagcore.evidence.figures.style import STYLES
from nagcore.evidence.grouped_restart import descend_in_groups
from nagcore.evidence.optimizers_table import summarize_paths, tabulate_paths
from nagcore.evidence.record import Record
from nagcore.evidence.schedules import ScheduledRun
from nagcore.evidence.valleys import NoisyValley, Rosenbrock
from nagcore.optim import OPTIMIZERS
from nagcore.theory import Quadratic, minimize, spaced_spectrum

from .made_up import MADE, record_of

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")


def x_of(line) -> np.ndarray:
    return np.asarray(line.get_xdata(), dtype=float)


def y_of(line) -> np.ndarray:
    return np.asarray(line.get_ydata(), dtype=float)


def raised(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def made_up_paths(**changes):
    names = PATHS.axes["optimizer"]

    def measure(setting):
        place = names.index(setting["optimizer"])
        return {
            "chosen": 1e-4 if place == 0 else 0.02, "gap": 10.0**-place, "gaps": [1.0],
            "gradients": 200 + place, "first": [0.0, 0.1 * place], "second": [1.0, 0.5],
        }  # fmt: skip

    return record_of(PATHS.replace(**changes), measure)


def test_every_path_has_its_panel_with_step_size_and_gap():
    record = made_up_paths()
    figure = draw_optimizer_paths(record, "Rosenbrock")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == len(PATHS.axes["optimizer"])
    for place, (axes, name) in enumerate(zip(panels, PATHS.axes["optimizer"], strict=True)):
        assert axes.get_title(loc="left") == STYLES[name].label
        star, path = axes.lines
        assert (x_of(star)[0], y_of(star)[0]) == (1, 1)
        assert x_of(path).tolist() == [0.0, 0.1 * place]
        (text,) = axes.texts
        gap = ("1", "0.1", "0.01", "1.0 × 10⁻³")[min(place, 3)].replace("⁻³", f"⁻{raised(place)}")
        step_size = "0.0001" if place == 0 else "0.02"
        assert text.get_text() == f"α = {step_size}, gap {gap}"


def test_a_path_that_never_arrived_has_no_gap():
    record = made_up_paths(optimizer=("gd",), valley=("noisy valley",))
    lost = Record(record.declaration, MADE, tuple({**r, "gap": np.inf} for r in record.rows))
    assert "gap –" in draw_optimizer_paths(lost, "noisy valley").axes[0].texts[0].get_text()
    assert tabulate_paths(lost).loc["gradient descent", ("noisy valley", "gap")] == "–"


def test_the_table_and_the_prose_of_paths():
    table, numbers = tabulate_paths(made_up_paths()), summarize_paths(made_up_paths())
    assert table.loc["Nesterov", "Rosenbrock"].tolist() == ["0.02", "0.01", "202"]
    assert numbers["path_noisy-valley_nag"] == "0.01"
    assert numbers["path_rosenbrock_lbfgs_gradients"] == "210"
    assert numbers["path_rosenbrock_most"] == "1"
    assert numbers["path_rosenbrock_least"] == "1.0 × 10⁻⁹"  # L-BFGS, 1e-10, is not counted
    assert numbers["path_edge"] == "2"


def test_every_optimizer_of_the_table_has_a_look():
    twins = {"adamw", "nadamw"}  # Adam and NAdam with weight decay
    assert set(OPTIMIZERS) - twins <= set(STYLES)
    assert set(PATHS.axes["optimizer"]) <= set(STYLES)


def test_conventions_are_followed_and_measured_from_torchs():
    valley = NoisyValley(noise=0.0)
    paths = follow_conventions(NADAM_CONVENTIONS, valley, step_size=0.2, steps=20)
    momenta, apart, ways = draw_nadam_conventions(NADAM_CONVENTIONS, paths, valley).axes
    keras = next(line for line in momenta.lines if line.get_label() == "Keras 3")
    k = x_of(keras)
    np.testing.assert_allclose(y_of(keras), 0.9 * (1 - 0.5 * 0.96**k))
    assert len(ways.lines) == 1 + len(NADAM_CONVENTIONS)  # the star
    drawn = {line.get_label(): y_of(line) for line in apart.lines}
    assert "torch" not in drawn
    expected = np.linalg.norm(paths["tf1"] - paths["torch"], axis=1)
    np.testing.assert_array_equal(drawn["TensorFlow 1"], expected)


def test_conventions_are_those_of_torch():
    """torch's own NAdam on Rosenbrock's function, step by step."""
    import torch

    valley = Rosenbrock()
    p = torch.tensor(valley.start, dtype=torch.float64).requires_grad_()
    optimizer, points = torch.optim.NAdam([p], lr=0.05), [valley.start]
    for _ in range(20):
        p.grad = torch.stack(valley.grad(p.detach()))
        optimizer.step()
        points.append(tuple(p.tolist()))
    paths = follow_conventions(NADAM_CONVENTIONS, valley, step_size=0.05, steps=20)
    np.testing.assert_allclose(paths["torch"], points, atol=1e-6)


RAVINE = Quadratic(spaced_spectrum(6, 300.0), center=(1.0, -1.0, 2.0, 0.5, 1.0, -2.0))


def solved(problem, **options):
    method = Nesterov(lambda _: 0.99)
    return minimize(
        problem, method, np.zeros(problem.dimension), max_steps=150, trace=True, **options
    )


def test_one_group_of_groups_is_the_rule_with_restart():
    run = descend_in_groups(RAVINE, momentum=0.99, steps=150, restart="gradient")
    rule = solved(RAVINE, restart=GradientRestart())
    np.testing.assert_allclose(run.gaps, rule.gaps, rtol=1e-6, atol=1e-12)
    assert rule.trace is not None
    # the rule says at which step it begins anew, NAG after which step it forgot
    assert run.restarts == rule.trace.restarts_at.tolist()
    assert len(run.restarts) >= 2


def test_groups_that_restart_by_themselves_are_problems_of_their_own():
    """The two halves of a separable function know nothing of each other."""
    halves = [slice(0, 3), slice(3, 6)]
    gaps, places = np.zeros(151), set()
    for half in halves:
        part = Quadratic(RAVINE.eigenvalues[half], center=RAVINE.center[half])  # pyright: ignore
        run = solved(part, restart=GradientRestart(), step_size=1 / RAVINE.L)
        gaps += run.gaps
        assert run.trace is not None
        places |= set(run.trace.restarts_at.tolist())
    found = descend_in_groups(RAVINE, momentum=0.99, steps=150, restart="gradient", scope="group")
    np.testing.assert_allclose(found.gaps, gaps, rtol=1e-6, atol=1e-12)
    # later the steep half is solved to rounding, which then decides
    assert [k for k in found.restarts if k < 80] == [k for k in sorted(places) if k < 80]


def test_restarts_are_marked_where_they_were():
    run = descend_in_groups(RAVINE, momentum=0.99, steps=150, restart="gradient")
    (axes,) = draw_restarted_groups(
        {"gradient restart": run.gaps}, {"gradient restart": run.restarts}
    ).axes
    curve, marks = axes.lines
    np.testing.assert_array_equal(y_of(curve), run.gaps)
    assert x_of(marks).tolist() == run.restarts
    np.testing.assert_array_equal(y_of(marks), run.gaps[run.restarts])


def test_schedules_are_drawn_with_a_floor_for_zero():
    run = ScheduledRun(np.array([0.0, 1e-3]), np.array([2.0, 1.0]))
    figure = draw_schedules(
        {
            "drop": {"torch.optim.SGD": run, "nagcore.optim.NAG": run},
            "one cycle": {"torch.optim.SGD": run},
        }
    )
    distance, gap, *second = figure.axes
    assert y_of(distance.lines[0]).tolist() == [1e-17, 1e-3]
    assert y_of(gap.lines[1]).tolist() == [2.0, 1.0]
    titles = [axes.get_title(loc="left") for axes in (distance, second[0])]
    assert titles == ["drop", "one cycle"]


def test_losses_under_schedules_are_means_with_bands():
    record = record_of(
        SCHEDULED.replace(seed=(0, 1), epochs=2),
        lambda s: {"loss": [1.0 + s["seed"], 0.5 + s["seed"]], "accuracy": 0.5},
    )
    figure = draw_schedule_losses(record)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == len(SCHEDULED.axes["schedule"])
    for axes in panels:
        for line in axes.lines:
            assert x_of(line).tolist() == [1, 2]
            np.testing.assert_allclose(y_of(line), [1.5, 1.0])
        assert len(axes.collections) == 2


def test_batches_are_drawn_left_and_right():
    record = record_of(
        BATCHES.replace(seed=(0, 1)),
        lambda s: {
            "passes_made": [0.0, 1.0 + s["seed"]], "gap": [1.0, 0.0], "step_size": 1.0,
            "restarts": 0,
        },
    )  # fmt: skip
    full, mini = draw_batches(record).axes
    assert len(full.lines) == 3
    assert len(mini.lines) == 8
    assert {x_of(line)[-1] for line in full.lines} == {1.0}
    assert y_of(mini.lines[0]).tolist() == [1.0, 1e-12]
    labels = mini.get_legend_handles_labels()[1]
    assert labels == ["L-BFGS, 1 direction", "L-BFGS, 20 directions", "NAG", "NAG, restart"]
