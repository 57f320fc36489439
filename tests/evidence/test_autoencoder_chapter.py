"""What chapter 11 says: choices, tables, verdicts on made-up records, figures, and its words."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from nagcore.evidence import gpu_notes as notes
from nagcore.evidence.autoencoder_best import best_by_method, best_of, errors_at
from nagcore.evidence.autoencoder_cost import floor_seconds, tabulate_cost
from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.autoencoder_order import (
    judge_same_ceiling,
)
from nagcore.evidence.autoencoder_table import (
    describe,
    mean_image_error,
    summarize_published,
    tabulate_scales,
    tabulate_table_1,
    tabulate_table_2,
)
from nagcore.evidence.autoencoder_verdicts import (
    QUESTIONS,
    judge_edges,
    judge_finish,
    judge_larger_momentum,
    judge_magnitudes,
    judge_step_sizes,
    judge_tolerance,
    table_on_gpu,
    tabulate_verdicts,
)
from nagcore.evidence.experiments.autoencoders import EXPERIMENT, SMALL
from nagcore.evidence.figures import autoencoders as figures
from nagcore.evidence.quotients import paired_quotient
from nagcore.evidence.record import Failed, Record
from nagcore.training.curves import draw_points

from .autoencoder_records import EVEN, MADE, PUBLISHED, columns, made_up, made_up_scales

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "chapters" / "11-deep-autoencoders.ipynb"


# the choice of the step size


def test_the_step_size_is_that_with_the_least_mean_over_seeds():
    errors = {0.1: (1.0, 5.0), 0.01: (2.0, 2.1), 0.001: (3.0, 1.9)}
    rows = [
        {"lr": lr, "seed": seed, "error_before": 9.0, "error_after": error}
        for lr, pair in errors.items()
        for seed, error in enumerate(pair)
    ]
    best = best_of(reversed(rows), errors)
    assert (best.lr, best.after.tolist(), best.at_edge) == (0.01, [2.0, 2.1], False)


def test_a_step_size_of_which_a_seed_diverged_or_failed_is_not_taken():
    rows = [
        {"lr": 0.1, "seed": 0, "error_before": 1.0, "error_after": 0.1},
        {"lr": 0.1, "seed": 1, "error_before": 1.0, "error_after": math.nan},
        {"lr": 0.01, "seed": 0, "error_before": 1.0, "error_after": 0.2},
        {"lr": 0.001, "seed": 0, "error_before": 1.0, "error_after": 0.5},
        {"lr": 0.001, "seed": 1, "error_before": 1.0, "error_after": 0.6},
    ]
    assert best_of(rows, (0.1, 0.01, 0.001)).lr == 0.001
    assert math.isnan(best_of(rows[:2], (0.1,)).mean)


def test_a_method_that_failed_throughout_has_no_error():
    record = made_up(EVEN)
    kept = tuple(row for row in record.rows if row["method"] != "sgd")
    lost = Record(record.declaration, MADE, kept, failed=(Failed({"seed": 0}, "OSError: disk"),))
    assert math.isnan(best_by_method(lost, "curves")["sgd"].mean)
    assert "diverged" in tabulate_table_1({"made up": lost}, "curves").loc["SGD"].tolist()
    assert "not known" in judge_larger_momentum(lost, "curves")


# quotients and verdicts


def test_the_interval_is_that_of_students_t_on_the_logarithms():
    scipy_stats = pytest.importorskip("scipy.stats")
    of, to = np.array([2.0, 3.1, 2.4, 2.2]), np.array([1.0, 1.3, 1.1, 1.2])
    logs = np.log(of / to)
    judge = scipy_stats.t.interval(0.95, 3, logs.mean(), scipy_stats.sem(logs))
    found = paired_quotient(of, to)
    assert found.mean == pytest.approx(math.exp(logs.mean()))
    assert (found.low, found.high) == pytest.approx(np.exp(judge), rel=1e-4)
    assert found.outcome == "more"
    assert paired_quotient(to, of).outcome == "less"
    assert paired_quotient(np.array([1.0, 2.0]), np.array([2.0, 1.0])).outcome == "open"
    assert math.isnan(paired_quotient(of, to[:2]).mean)


def test_one_seed_is_said_to_be_one():
    assert "(one seed)" in judge_same_ceiling(made_up(PUBLISHED, seeds=(0,)), "curves")


def test_larger_momentum():
    said = judge_larger_momentum(made_up(PUBLISHED), "curves")
    assert "For Nesterov the mean error falls with every rise of the ceiling" in said
    assert "For heavy ball the mean error is least at 0.99" in said
    assert "published table it is least at 0.999." in said
    assert "published table it is least at 0.99, 0.995 and 0.999." in said, "ties"
    turned = PUBLISHED | {"nag-0.999": 9.0}
    assert "For Nesterov the mean error is least at 0.995" in judge_larger_momentum(
        made_up(turned), "curves"
    )


@pytest.mark.parametrize(
    ("errors", "noise", "verdict"),
    [
        (
            EVEN | {"nag-0.999": 1.1, "heavy-ball-0.999": 3.0},
            0.01,
            "Nesterov's method bears the highest ceiling better: ",
        ),
        (EVEN | {"nag-0.999": 3.0, "heavy-ball-0.999": 1.1}, 0.01, "Heavy ball bears the highest"),
        (
            EVEN | {"heavy-ball-0.99": 0.5, "heavy-ball-0.999": 0.6},
            0.2,
            "the highest ceiling better the seeds do not tell: ",
        ),
        (EVEN | {"nag-0.999": 0.1, "heavy-ball-0.999": 1.1}, 0.01, "Nesterov is best at 0.999; "),
        (EVEN | {"nag-0.999": math.nan}, 0.01, "cannot be said"),
    ],
)
def test_tolerance(errors, noise, verdict):
    assert verdict in judge_tolerance(made_up(errors, noise=noise), "curves")


def test_step_sizes():
    record = made_up(EVEN)
    rows = [
        dict(row) | columns(0.1) if (row["method"], row["lr"]) == ("nag-0.999", 0.1) else row
        for row in record.rows
    ]
    said = judge_step_sizes(Record(record.declaration, MADE, tuple(rows)), "curves")
    assert "is 0.1 for Nesterov's method and 0.02 for heavy ball" in said
    assert re.search(r"With 0\.1, heavy ball ends with (29|30)\.", said)
    assert errors_at(record, "curves", "sgd", 0.1).shape == (3,)
    least = made_up(EVEN, rates={0.1: 3.0, 0.02: 2.0, 0.004: 1.0})
    assert "is 0.004 for both, the least that was tried. With" in judge_step_sizes(least, "curves")


@pytest.mark.parametrize(("before", "verb"), [(1.5, "lowers"), (0.5, "raises")])
def test_the_finish(before, verb):
    said = judge_finish(made_up(PUBLISHED, before=before), "curves")
    assert f"The finish {verb} the error" in said
    assert "(ceiling 0.999)" in said


def test_magnitudes():
    assert "match within a factor of two" in judge_magnitudes(made_up(PUBLISHED), "curves")
    assert "do not match" in judge_magnitudes(made_up(EVEN), "curves")
    assert "published for MNIST" in judge_magnitudes(made_up(EVEN), "fashion-mnist")
    lost = made_up(dict.fromkeys(EVEN, math.nan))
    assert judge_magnitudes(lost, "curves") == "No method ended with a finite error."


def test_edges():
    assert "lies inside" in judge_edges(made_up(EVEN), "curves")
    edged = made_up(EVEN, rates={0.1: 1.0, 0.02: 2.0, 0.004: 3.0})
    assert "for SGD; Nesterov, 0.9" in judge_edges(edged, "curves")
    assert tabulate_table_1({"x": edged}, "curves").loc["SGD", "x: step size"] == "0.1*"


def test_what_is_said_of_a_gpu_holds_the_size_and_the_verdict(monkeypatch):
    monkeypatch.setattr(notes, "load_if_recorded", lambda *_: made_up(PUBLISHED))
    said = table_on_gpu(EXPERIMENT, "fashion-mnist")
    assert "layers 196-40-20-10, 1,600 updates" in said
    assert "Published for MNIST, Nesterov's method ends lower at" in said
    assert "Measured on a test" in said
    monkeypatch.setattr(notes, "load_if_recorded", lambda *_: None)
    assert "autoencoders has not been measured on a GPU yet" in table_on_gpu(EXPERIMENT, "curves")


# tables


def test_the_tables_hold_what_was_published_and_what_was_measured():
    record = made_up(PUBLISHED, noise=0.0)
    table = tabulate_table_1({"made up": record}, "curves")
    assert table.loc["Nesterov, 0.999", "published, Curves"] == "0.074"
    assert table.loc["Nesterov, 0.999", "made up: error"].startswith("0.074 ±")
    assert list(table.index) == [figures.label(method) for method in PUBLISHED]
    finish = tabulate_table_2({"made up": record}, "curves")
    assert finish.loc["published, Curves, best"].tolist() == ["0.096", "0.074", "1.30"]
    assert finish.loc["made up, 0.9", "quotient"] == "1.20"
    scales = tabulate_scales({"made up": made_up_scales(dict.fromkeys((0.25, 0.5, 1, 2, 4), 1))})
    assert scales.loc[0.25, "published"] == "16"
    verdicts = tabulate_verdicts({"made up": record}, "fashion-mnist")
    assert list(verdicts.index) == list(QUESTIONS)


def test_a_record_without_the_set_is_left_out():
    only = made_up(PUBLISHED, data=("curves",))
    assert list(tabulate_table_1({"x": only}, "fashion-mnist").columns) == ["published, MNIST"]
    assert tabulate_verdicts({"x": only}, "fashion-mnist").empty


def test_what_captions_say():
    found = describe(made_up(PUBLISHED))
    declared = SMALL.declaration.constants
    assert found["updates"] == f"{declared['steps']['curves']:,}"
    assert (found["compression"], found["runs"], found["diverged"]) == ("40", "162", "0")
    assert describe(made_up_scales(dict.fromkeys((0.25, 0.5, 1, 2, 4), 1)))["batch"] == "50"
    assert summarize_published()["published_finish_curves"] == "1.3"


def test_the_error_of_the_mean_image_is_the_variance():
    images = torch.rand(50, 9, generator=torch.Generator().manual_seed(0))
    assert float(mean_image_error(images)) == pytest.approx(
        float(images.var(dim=0, correction=0).sum()), rel=5e-3
    )


def test_the_floor_is_the_larger_of_arithmetic_and_traffic():
    row = {"operations": 67e6, "bytes": 4.8e6}
    device = "GPU (NVIDIA H200)"
    assert floor_seconds(row, device, "float32") == pytest.approx(1e-6)
    assert floor_seconds(row | {"bytes": 9.6e6}, device, "float32") == pytest.approx(2e-6)
    table = tabulate_cost({"made up": made_up(EVEN)})
    assert table["µs, at least"].tolist() == ["–", "–"]
    steps = SMALL.declaration.constants["steps"]["curves"]
    assert float(table["µs, measured"].iloc[0]) == pytest.approx(2e6 / steps, rel=0.01)


# figures


def test_the_figures_draw_what_they_are_given():
    record = made_up(PUBLISHED | {"heavy-ball-0.999": math.nan})
    records = {"small": record, "GPU": made_up(EVEN, seeds=(0,), data=("curves",))}
    assert len(figures.draw_errors(records, "curves").axes) == 3
    assert len(figures.draw_errors(records, "fashion-mnist").axes) == 2
    learning = figures.draw_learning(records, "curves").axes
    assert [len(axes.lines) for axes in learning] == [9, 9]
    errors = learning[0].lines[1].get_ydata()
    assert np.asarray(errors)[-1] == pytest.approx(PUBLISHED["nag-0.9"], rel=0.02)
    assert len(figures.draw_step_sizes(records, "curves").axes) == 2 * len(CEILINGS)
    assert figures.draw_scales({"a": made_up_scales(dict.fromkeys((0.25, 0.5, 1, 2, 4), 1))}).axes
    assert len(figures.draw_curves(draw_points(5, seed=0), columns=3).axes) == 6
    (momentum,) = figures.draw_momentum(1600).axes
    tops = [float(np.max(np.asarray(line.get_ydata()))) for line in momentum.lines]
    assert tops[:2] == pytest.approx([10, 100])
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in momentum.lines]
    assert ends == pytest.approx([10] * len(CEILINGS)), "the finish"


# words


def chapter_cells(kind):
    return [c for c in nbformat.read(CHAPTER, as_version=4).cells if c.cell_type == kind]


RECIPE = {
    # the recipe of 2013, sizes of layers, definitions and the values of parameters
    *("2013", "784-400-200-100-50-25-6", "784-1000-500-250-30", "750,000", "1,000", "250", "15"),
    *("0.9", "0.99", "0.995", "0.999", "0.05", "0.0001", "40", "14", "95", "1/2", "1/4", "1"),
    *("0", "10", "100", "11", "16", "50", "499", "500", "12,250", "124,750"),
}


def test_every_numeral_of_the_prose_is_of_the_recipe_or_from_a_record():
    text = "\n".join(cell.source for cell in chapter_cells("markdown"))
    text = re.sub(r"```\{(?:exercise|solution).*?```", "", text, flags=re.DOTALL)
    for pattern in (
        r"\{(?:glue:text|cite:p|ref|numref|eq)\}`[^`]*`",
        r"\$\$.*?\$\$",
        r"\$[^$]*\$",
        r"`[^`]*`",
        r"```.*?```",
    ):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    found = set(re.findall(r"(?<![\w.])\d[\d.,/–-]*\d|(?<![\w.])\d", text))
    assert found <= RECIPE, found - RECIPE


def test_every_glued_name_is_glued():
    text = "\n".join(cell.source for cell in chapter_cells("markdown"))
    captions = "\n".join(
        str(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", ""))
        for cell in chapter_cells("code")
    )
    used = set(re.findall(r"\{glue:text\}`([^`]+)`", text + captions))
    code = "\n".join(cell.source for cell in chapter_cells("code"))
    glued = set(re.findall(r'glue\("([^"{]+)"', code)) | set(summarize_published())
    glued |= {
        f"{key}_{data}"
        for key in ("autoencoders", "autoencoders-full")
        for data in ("curves", "fashion-mnist")
    }
    glued |= {
        f"{key}_{name}_{data}"
        for key in ("autoencoders", "small")
        for name in ("size", "order", "steps", "trap", "finish")
        for data in ("curves", "fashion-mnist")
    }
    glued |= {f"records_{data}" for data in ("curves", "fashion-mnist")}
    for prefix in ("small", "scales"):
        glued |= {f"{prefix}_{name}" for name in describe(made_up(EVEN))}
    assert used <= glued, used - glued
