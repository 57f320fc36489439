"""The study of the threshold K: its runs, its tables and its figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.experiments.cnn_tuning import best_step_sizes
from nagcore.evidence.experiments.rate_limiter import (
    DECLARATION,
    EXPERIMENT,
    make_setter,
    share_bounded,
)
from nagcore.evidence.figures.rates_of_runs import (
    draw_gradient_range,
    draw_rate,
    draw_rate_limiter,
)
from nagcore.evidence.rate_limiter_table import (
    compare,
    summarize_rate_limiter,
    tabulate_gains,
    tabulate_gradient_range,
    tabulate_learned,
    tabulate_limited,
)
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_record
from nagcore.training.rates import GradientRangeLimiter, Piecewise, RateSetter

from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

ROOT = Path(__file__).parents[2]


def setting_of(**changes):
    axes = {"instruction": "constant", "optimizer": "sgd", "lr": "tuned", "K": 0.0, "seed": 0}
    (setting,) = DECLARATION.replace(
        **{axis: (changes.get(axis, value),) for axis, value in axes.items()}
    ).settings()
    return setting | {"epochs": 1, "width": 1, "batch_size": 100} | changes


def test_the_step_sizes_are_those_of_the_recorded_search():
    search = load_record(EXPERIMENTS["cnn-tuning"], "cpu", root=ROOT)
    best, sizes = best_step_sizes(search.rows), DECLARATION.constants["step_sizes"]
    for optimizer in DECLARATION.axes["optimizer"]:
        rows = [row for row in search.rows if row["optimizer"] == optimizer]
        diverged = {
            lr
            for lr in search.declaration.axes["lr"]
            if all(row["status"] == "diverged" for row in rows if row["lr"] == lr)
        }
        assert sizes["tuned"][optimizer] == best[optimizer]
        assert sizes["too large"][optimizer] == min(diverged)
    for name in ("batch_size", "held_out", "split_seed"):
        assert DECLARATION.constants[name] == search.declaration.constants[name]


def test_the_seeds_are_not_those_of_the_search():
    assert not set(EXPERIMENTS["cnn-tuning"].declaration.axes["seed"]) & {*DECLARATION.axes["seed"]}


def rates_under(instruction, steps=160, **changes):
    """Return what a setter demands at each step, over the lr, without any report."""
    setter = make_setter(setting_of(instruction=instruction, **changes), steps)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    setter.attach(optimizer)
    seen = []
    for step in range(steps):
        setter.before_step(step, 1.0 if setter.needs_gradient_range else None)
        seen.append(optimizer.param_groups[0]["lr"])
    return np.array(seen)


def test_the_instructions_are_what_the_words_say():
    assert (rates_under("constant") == 1).all()
    assert np.unique(rates_under("step decay")).tolist() == pytest.approx([0.027, 0.09, 0.3, 1])
    waved = rates_under("warm-up, cosine")
    assert waved[0] == pytest.approx(1 / 32)
    assert 28 <= waved.argmax() <= 32
    assert waved[-1] < 0.001


def test_a_threshold_of_zero_bounds_nothing_and_infinity_every_step():
    bounded = rates_under("step decay", K=math.inf)
    assert np.abs(np.diff(np.log(bounded))).max() <= -math.log(0.99) + 1e-12
    assert bounded[100] > rates_under("step decay")[100]
    free = setting_of(instruction="step decay", K=0.0, decay={"every": 3, "factor": 0.1})
    always = free | {"K": math.inf}
    one, other = (EXPERIMENT.measured(setting, "cpu") for setting in (free, always))
    assert (one["bounded"], one["steps"], one["status"]) == (0.0, 8, "budget")
    assert other["bounded"] == 5 / 8
    assert one["last_rate"] == pytest.approx(0.01)
    assert other["last_rate"] == pytest.approx(0.99**5)
    assert one["train_loss"] != other["train_loss"]
    low, *_, high = one["largest"]
    assert 0 < low < high < 100
    assert 0 < one["test_accuracy"] < 1


def test_a_jump_and_a_plateau_take_effect():
    jump = {"step": 2, "factor": 3.0}
    run = EXPERIMENT.measured(setting_of(instruction="jump", jump=jump), "cpu")
    assert (run["changes"], run["last_rate"]) == (1, 3.0)
    still = {"tuned": {"sgd": 1e-30}}  # nothing moves, so every report is a plateau
    lowered = EXPERIMENT.measured(
        setting_of(
            instruction="plateau",
            epochs=4,
            step_sizes=still,
            plateau={"factor": 0.5, "patience": 1},
        ),
        "cpu",
    )
    assert (lowered["changes"], lowered["last_rate"]) == (2, 0.25)


def test_a_run_that_diverges_is_recorded_as_such():
    wild = {"tuned": {"sgd": 1e12}}
    run = EXPERIMENT.measured(setting_of(step_sizes=wild, K=math.inf), "cpu")
    assert run["status"] == "diverged"
    assert len(run["largest"]) == len(DECLARATION.constants["quantiles"])


def test_the_share_of_bounded_steps_is_counted_by_steps_not_by_lines():
    setter = RateSetter(Piecewise((2,), (1, 8)), limiter=GradientRangeLimiter(math.inf, most=1.0))
    setter.attach(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    for step in range(10):
        setter.before_step(step)
    assert share_bounded(setter) == 2 / 10  # 2 and 4 on the way to 8


def made_up():
    """K = ∞ gives 0.1 more under a step decay and 0.2 less under a jump; K = 0.1 does nothing."""

    def row(setting):
        always, seed = math.isinf(setting["K"]), setting["seed"]
        gain = {"step decay": 0.1, "jump": -0.2}.get(setting["instruction"], 0.0)
        wild = setting["instruction"] == "jump" and setting["K"] == 0 and seed == 0
        return {
            "train_loss": 0.1,
            "test_loss": math.nan if wild else 0.5,
            "test_accuracy": 0.7 + 0.01 * seed + always * (gain + 0.001 * seed * (gain != 0)),
            "bounded": 0.7 * always * (gain != 0),
            "last_rate": 1.0,
            "changes": 0,
            "largest": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 9.0],
            "steps": 160,
            "status": "diverged" if wild else "budget",
        }

    rows = tuple(
        {axis: s[axis] for axis in DECLARATION.axes} | row(s) for s in DECLARATION.settings()
    )
    return Record(DECLARATION, MADE, rows)


def test_gains_are_paired_by_seed_with_their_interval():
    """t for 2 degrees of freedom is 4.303, so the half width is 4.303 · 0.001/√3 = 0.0025."""
    gains = tabulate_gains(made_up())
    assert gains.loc[("tuned", "step decay", "nag"), "K = ∞"] == "+0.101 (+0.099 to +0.103)"
    assert gains.loc[("too large", "jump", "sgd"), "K = ∞"] == "−0.199 (−0.201 to −0.197)"
    assert gains.loc[("tuned", "constant", "sgd"), "K = ∞"] == "–"
    assert gains.loc[("tuned", "jump", "sgd"), "K = 0.1"] == "–"
    assert "K = 0" not in gains.columns


def test_equal_runs_have_no_gain_and_no_width():
    (same,) = (
        pair
        for pair in compare(made_up())
        if (pair.lr, pair.instruction, pair.optimizer) == ("tuned", "plateau", "nag")
        and pair.K == 0.1
    )
    assert same.interval == (0.0, 0.0)


def test_tables_of_means_and_ranges():
    record = made_up()
    accuracy = tabulate_limited(record)
    assert accuracy.loc[("tuned", "plateau", "sgd"), "K = 0"] == "0.710 ± 0.010"
    assert tabulate_limited(record, "bounded").loc[("tuned", "jump", "nag"), "K = ∞"] == (
        "0.700 ± 0.000"
    )
    losses = tabulate_limited(record, "test_loss")
    assert losses.loc[("tuned", "jump", "sgd"), "K = 0"] == "not finite"
    assert tabulate_gradient_range(record).loc[("tuned", "sgd")].tolist() == [
        "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "9",
    ]  # fmt: skip


def test_runs_that_came_to_something_are_counted():
    learned = tabulate_learned(made_up(), at_least=0.715)
    assert learned.loc[("tuned", "jump", "sgd"), ["K = 0", "K = ∞"]].tolist() == [
        "1 of 3",
        "0 of 3",
    ]


def test_prose_numbers():
    numbers = summarize_rate_limiter(made_up())
    expected = {
        "limiter_cases": "8",
        "limiter_helped": "4",
        "limiter_harmed": "4",
        "limiter_helped_tuned": "2",
        "limiter_harmed_too-large": "2",
        "limiter_cases_always": "8",
        "limiter_best": "+0.101 (+0.099 to +0.103)",
        "limiter_best_case": "step decay, sgd, lr tuned, K = ∞",
        "limiter_worst": "−0.199 (−0.201 to −0.197)",
        "limiter_diverged_free": "4",
        "limiter_diverged_limited": "0",
        "limiter_runs_free": "60",
        "limiter_runs_limited": "300",
        "limiter_entry_median": "0.4",
        "limiter_top_free": "0.710 ± 0.010",
        "limiter_top_limited": "0.811 ± 0.011",
        "limiter_learned_tuned_0": "30",
        "limiter_learned_tuned_inf": "28",
        "limiter_learned_of": "30",
    }
    assert {name: numbers[name] for name in expected} == expected


def test_the_figure_of_results_has_a_column_for_each_instruction():
    figure = draw_rate_limiter(made_up(), "too large")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == list(DECLARATION.axes["instruction"])
    bars: Any = figure.axes[4].containers[0]
    means = drawn(bars.lines[0])[1]
    assert means[[0, -1]].tolist() == pytest.approx([0.71, 0.511])
    assert [tick.get_text() for tick in figure.axes[5].get_xticklabels()][-1] == "∞"


def test_the_figure_of_ranges_marks_the_thresholds():
    figure = draw_gradient_range(made_up())
    places = [drawn(line)[0] for line in figure.axes[0].lines]
    marks = {float(x[0]) for x in places if np.ptp(x) == 0}
    assert marks == {K for K in DECLARATION.axes["K"] if 0 < K < math.inf}


def drawn(line):
    """Return the points of a line of a figure."""
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def run_with(limiter):
    setter = RateSetter(Piecewise((5,), (1.0, 0.5)), limiter=limiter)
    setter.attach(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    for step in range(20):
        if step == 12:
            setter.lower(0.5, why="as an example")
        setter.before_step(step, 0.0)
    return setter


def test_the_figure_of_a_rate_says_why_it_changed():
    setter = run_with(None)
    figure = draw_rate(setter)
    (axes,) = figure.axes
    steps, rates = drawn(axes.lines[0])
    assert steps.tolist() == [0, 5, 12, 19]
    assert rates.tolist() == [1.0, 0.5, 0.25, 0.25]
    assert axes.lines[0].get_drawstyle() == "steps-post"
    assert figure.get_supxlabel() == "1  step 12: as an example"
    assert [text.get_text() for text in axes.texts] == ["1"]


def test_the_figure_of_a_bounded_rate_shows_what_was_demanded():
    setter = run_with(GradientRangeLimiter(1.0, most=0.1))
    (axes,) = draw_rate(setter.history_frame(), log=True).axes
    assert [line.get_label() for line in axes.lines[:2]] == ["demanded", "used"]
    assert axes.get_yscale() == "log"
    (_, demanded), (_, used) = (drawn(line) for line in axes.lines[:2])
    assert (used >= demanded).all()
    assert (used > demanded).any()


def test_without_a_step_there_is_nothing_to_draw():
    with pytest.raises(UsageError, match="has set no step yet"):
        draw_rate(RateSetter())
