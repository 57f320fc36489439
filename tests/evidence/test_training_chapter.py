"""What chapter 08 runs and says: its small trainings, its verdicts, and its words."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from nagcore.evidence import limiter_verdicts
from nagcore.evidence.experiments.rate_limiter import EXPERIMENT as LIMITER
from nagcore.evidence.figures.training import draw_schedules, draw_two_points
from nagcore.evidence.limiter_verdicts import (
    always_gain,
    exceeds_chance,
    judge_counts,
    tabulate_verdicts,
)
from nagcore.evidence.loop_speed_table import loops_of, ratio, times_by_loop
from nagcore.evidence.losses_table import by_loss
from nagcore.evidence.rate_limiter_table import Comparison, compare
from nagcore.evidence.record import Record
from nagcore.evidence.signal_table import runs_by_scheme
from nagcore.evidence.small_trainings import (
    ENDINGS,
    AtSteps,
    follow_points,
    tabulate_endings,
)
from nagcore.training.data import load_fashion_mnist, split
from nagcore.training.rates import SCHEDULES, GradientRangeLimiter, parse_schedule
from nagcore.training.stopping_text import parse_stopping

from .committed import recorded
from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "chapters" / "08-training.ipynb"


@pytest.fixture(scope="module")
def watched():
    return follow_points(lr=0.05, momentum=0.95, steps=80)


# the small trainings


def test_the_two_points_are_as_the_chapter_says(watched):
    assert {array.shape for array in watched} == {(80,)}
    ahead = watched.query[1:5] < watched.iterate[1:5]
    assert ahead.all(), "at first the query point is further down"
    assert (watched.query[40:] > watched.iterate[40:]).mean() > 0.6
    assert watched.query[0] == watched.iterate[0]


def test_the_mini_batches_scatter_round_the_loss_at_the_query_point(watched):
    """They are samples of it, so that their mean is near; that of the iterate is another number."""
    apart = np.log(watched.batch / watched.query)
    assert abs(apart.mean()) < 3 * apart.std() / math.sqrt(len(apart))
    assert apart.std() > 0.1


def test_without_momentum_there_is_one_point():
    losses = follow_points(lr=0.2, momentum=0.0, steps=4)
    assert np.array_equal(losses.query, losses.iterate)


def test_the_watched_run_does_not_touch_the_random_numbers_of_others():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    follow_points(lr=0.05, momentum=0.9, steps=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_condition_decides_its_own_run():
    images, held_out = split(load_fashion_mnist()[0], 0.2, seed=0)
    table = tabulate_endings(images, held_out)
    expected = ["budget"] * 4 + ["target"] * 2 + ["patience", "diverged", "target and budget"]
    assert list(table["status"]) == [*expected, "signal", "callback"]
    assert list(table.index) == list(ENDINGS)
    by_text = table["steps"].to_dict()
    assert by_text["steps=7"] == 7
    assert by_text["examples=1000"] == 20
    assert by_text["loss<=1.0 & epochs=5 | epochs=30"] == 80
    assert by_text["signal | epochs=30"] == by_text["epochs=30"] == 10
    for text in ENDINGS:
        assert str(parse_stopping(str(parse_stopping(text)))) == str(parse_stopping(text))


def test_something_is_done_after_its_step_and_no_other():
    done = []
    callback = AtSteps({2: lambda run: done.append(run.step)})
    for step in range(5):
        callback.on_step(type("Run", (), {"step": step})())  # pyright: ignore
    assert done == [2]


# the figures


def test_the_two_points_are_drawn_as_they_were_measured(watched):
    (axes,) = draw_two_points(watched).axes
    batch, query, iterate = axes.lines
    for line, values in (
        (batch, watched.batch),
        (query, watched.query),
        (iterate, watched.iterate),
    ):
        assert np.array_equal(line.get_ydata(), values)
    assert axes.get_yscale() == "log"


def test_each_schedule_has_a_panel_with_its_rates():
    texts = ["constant", "cosine(10)", "step_decay(4, 0.5)"]
    figure = draw_schedules({text: parse_schedule(text) for text in texts}, 12)
    drawn = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title("left") for axes in drawn] == texts
    assert np.asarray(drawn[2].lines[0].get_ydata()).tolist() == [1.0] * 4 + [0.5] * 4 + [0.25] * 4


def test_the_chapter_draws_every_schedule_there_is():
    source = CHAPTER.read_text(encoding="utf-8")
    for name in SCHEDULES:
        assert re.search(rf"\"{name}(\(|\\\")", source), name


# the verdict on the threshold


def pairs(*gains, bounded=0.5):
    return [Comparison("tuned", "jump", "nag", 0.1, np.array(g), bounded) for g in gains]


UP, DOWN, LEVEL = (0.1, 0.11, 0.12), (-0.1, -0.11, -0.12), (0.1, -0.1, 0.0)


@pytest.mark.parametrize(
    ("up", "down", "level", "said"),
    [
        (0, 0, 20, "neither helps nor harms"),
        (1, 1, 20, "neither helps nor harms"),
        (8, 0, 20, "helps more often than chance would, and does not harm"),
        (0, 8, 20, "harms more often than chance would, and does not help"),
        (8, 8, 20, "helps in some cases and harms in others"),
    ],
)
def test_the_verdict_follows_from_the_counts(up, down, level, said):
    assert said in judge_counts(pairs(*[UP] * up, *[DOWN] * down, *[LEVEL] * level))


def test_chance_is_that_of_the_binomial_distribution():
    stats = pytest.importorskip("scipy.stats")
    for of in (1, 10, 40, 200):
        for count in range(0, of + 1, max(1, of // 10)):
            tail = stats.binom.sf(count - 1, of, 1 / 40)
            assert exceeds_chance(count, of) == (tail < 0.05), (count, of)
    assert not exceeds_chance(0, 0)


def test_the_table_of_verdicts_counts_bounded_comparisons_alone(monkeypatch):
    free = Comparison("tuned", "constant", "nag", 0.1, np.zeros(3), 0.0)
    monkeypatch.setattr(limiter_verdicts, "compare", lambda record: [free, *pairs(UP, DOWN, DOWN)])
    table = tabulate_verdicts(Record(LIMITER.declaration, MADE, ()))
    line = table.loc[("tuned", "jump")].to_dict()
    assert line == {
        "comparisons": 3, "helped": 1, "harmed": 2,
        "worst mean gain": "−0.110", "best mean gain": "+0.110",
    }  # fmt: skip
    assert table.loc[("tuned", "constant"), "comparisons"] == 0


def test_the_proposition_on_limiters_holds():
    """Its three statements, on random instructions and gradients."""
    random = np.random.default_rng(0)
    for _ in range(50):
        demanded = np.exp(random.normal(size=60)).tolist()
        limiter = GradientRangeLimiter(K=1.0, most=float(random.uniform(0.01, 0.9)))
        used = [demanded[0]]
        for step, rate in enumerate(demanded[1:], 1):
            largest = float(random.uniform(0, 2))
            used += limiter.limit([rate], before=used[-1:], largest=largest)
            assert min(demanded[: step + 1]) <= used[-1] <= max(demanded[: step + 1])
    gentle = np.cumprod(random.uniform(0.95, 1.05, size=60)).tolist()
    limiter, used = GradientRangeLimiter(K=math.inf, most=0.05), [gentle[0]]
    for rate in gentle[1:]:
        used += limiter.limit([rate], before=used[-1:], largest=None)
    assert used == gentle
    for factor, most in ((5.0, 0.01), (1.3, 0.1), (40.0, 0.5)):
        limiter, used = GradientRangeLimiter(K=math.inf, most=most), [1.0]
        while used[-1] < factor:
            used += limiter.limit([factor], before=used[-1:], largest=None)
        assert len(used) - 1 == math.ceil(math.log(factor) / math.log1p(most))
        used = [1.0]
        while used[-1] > 1 / factor:
            used += limiter.limit([1 / factor], before=used[-1:], largest=None)
        assert len(used) - 1 == math.ceil(math.log(factor) / -math.log1p(-most))


# what the chapter says in words; a record that contradicts it asks to rewrite it


def test_what_is_said_of_the_threshold_is_in_the_record():
    record = recorded("rate-limiter")
    for each in compare(record):
        if each.instruction == "constant":
            assert each.bounded == 0
            assert not each.gain.any()
    said = limiter_verdicts.summarize_verdicts(record)["verdict"]
    assert "does not harm" not in said, "the chapter's answer is that it is no help by itself"
    gains = {name: always_gain(record, name) for name in record.declaration.axes["instruction"]}
    assert gains["constant"] == 0
    assert gains["step decay"] > 0 > gains["warm-up, cosine"]
    assert gains["jump"] > 0.1 > abs(gains["plateau"])
    rows = [row for row in record.rows if row["lr"] == "too large"]
    learned = {
        K: np.mean([row["test_accuracy"] >= 0.5 for row in rows if row["K"] == K])
        for K in record.declaration.axes["K"]
    }
    assert 0.1 < learned[0.0] < 0.9, "whether a run comes to anything is no longer luck"
    assert max(learned.values()) < learned[0.0] + 0.2, (
        "a limiter rescues a step size that is too large"
    )


def test_what_is_said_of_initialisation_is_in_the_record():
    record = recorded("signal-through-depth")
    runs = runs_by_scheme(record)
    layers = record.declaration.constants["depth"] - 3

    def factor(activation, scheme, column, first, last):
        ends = np.exp(np.log(runs[activation, scheme][column]).mean(axis=0))
        return (ends[last] / ends[first]) ** (2 / layers)

    by_formula = {"he-normal": 1.0, "glorot-uniform": 0.5, "normal": 0.0256, "sparse": 7.5}
    for scheme, expected in by_formula.items():
        assert factor("relu", scheme, "size", 1, -2) == pytest.approx(expected, rel=0.08)
    torch_runs = runs["relu", "torch"]
    assert torch_runs["size"][:, -2].min() > 1e-3
    assert (torch_runs["spread"] / torch_runs["size"])[:, -2].max() < 1e-6
    assert factor("relu", "torch", "gradient", -2, 1) == pytest.approx(1 / 6, rel=0.08)
    assert factor("tanh", "he-normal", "gradient", -2, 1) == pytest.approx(1.0, abs=0.2)
    schemes = record.declaration.axes["scheme"]
    assert max(factor("logistic", scheme, "gradient", -2, 1) for scheme in schemes) < 0.6
    first = {s: runs["logistic", s]["gradient"][:, 0].min() for s in schemes}
    shares = {s: runs["logistic", s]["spread"] / runs["logistic", s]["size"] for s in schemes}
    assert max(first, key=first.__getitem__) == "sparse"
    assert max(shares, key=lambda s: shares[s][:, -2].min()) == "sparse"


def test_what_is_said_of_the_losses_is_in_the_record():
    record = recorded("losses-on-cnn")
    accuracy, confidence, ranges = (
        {loss: values.mean() for loss, values in by_loss(record, column).items()}
        for column in ("accuracy", "confidence", "score_range")
    )
    useful = [accuracy[loss] for loss in accuracy if loss != "mse-integer-labels"]
    assert max(useful) - min(useful) < 0.03
    assert accuracy["mse-integer-labels"] < 0.15
    assert ranges["mse-integer-labels"] < 0.5
    assert by_loss(record, "accuracy_of_number")["mse-integer-labels"].min() > 0.25
    assert confidence["cross-entropy"] > accuracy["cross-entropy"] + 0.03
    for loss in ("label-smoothing", "mse-one-hot"):
        assert confidence[loss] < accuracy[loss] - 0.02


def test_what_is_said_of_the_switches_is_in_the_record():
    record = recorded("switches-agree")
    for network in record.declaration.axes["network"]:
        first = {row["switch"]: row["first"] for row in record.rows if row["network"] == network}
        assert first["again"] == 0
        assert first["bfloat16"] > first["float16"] > 10 * first["weights rounded"] > 0


def test_what_is_said_of_tf32_is_in_the_record_of_a_gpu():
    record = recorded("switches-agree", "cuda")
    for network in record.declaration.axes["network"]:
        first = {row["switch"]: row["first"] for row in record.rows if row["network"] == network}
        order = [first[name] for name in ("channels_last", "graph", "compile", "accumulate")]
        assert first["bfloat16"] > first["float16"] > first["tf32"] > 100 * max(order)
        assert max(order) < first["weights rounded"]


def test_what_is_said_of_speed_is_in_the_record():
    record = recorded("loop-speed")
    slower = {}
    for network in record.declaration.axes["network"]:
        times = times_by_loop(record, network)
        medians = {name: np.median(times[name]) for name in loops_of(record) if name in times}
        assert max(medians, key=medians.__getitem__) == "torchvision dataset", network
        slower[network] = ratio(times, "torchvision dataset", "fit")
    assert slower["S"] > 1.5
    assert min(slower.values()) > 1
