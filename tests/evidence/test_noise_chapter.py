"""What chapter 10 says in words, and the verdicts on the noisy quadratic model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nagcore.evidence.batch_scaling import bend
from nagcore.evidence.batch_size_table import curve_of, summarize_batch_size, summarize_plan
from nagcore.evidence.experiments import batch_size, noisy_quadratic
from nagcore.evidence.figures.noise import draw_noisy_quadratic, draw_noisy_settings
from nagcore.evidence.noise_scale import measure_noise_scales
from nagcore.evidence.noisy_quadratic_table import (
    HIGH,
    LOW,
    MIDDLE,
    say_gain,
    say_order,
    steps_of,
    summarize_noisy_quadratic,
    tabulate_noisy_quadratic,
)
from nagcore.evidence.store import load_if_recorded
from nagcore.theory.noisy_quadratic import NoisyQuadratic, harmonic_quadratic
from nagcore.training.data import load_fashion_mnist

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "chapters" / "10-noise-and-batch-size.ipynb"
_TAKEN_OUT = [
    re.compile(pattern, re.DOTALL | re.MULTILINE)
    for pattern in (
        r"```\{literalinclude\}.*?```",
        r"^```.*?$",
        r"\$\$.*?\$\$ *(?:\([\w:-]+\))?",
        r"\{[a-z:]+\}`[^`]*`",
        r"\$[^$]*\$",
        r"`[^`]*`",
    )
]


def cells(kind):
    notebook = json.loads(CHAPTER.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def prose():
    captions = [
        cell["metadata"]["mystnb"]["figure"]["caption"] + cell["metadata"]["mystnb"]["image"]["alt"]
        for cell in cells("code")
        if "mystnb" in cell["metadata"]
    ]
    return ["".join(cell["source"]) for cell in cells("markdown")] + captions


def test_no_numeral_is_typed_into_prose():
    text = "\n".join(prose())
    for pattern in _TAKEN_OUT:
        text = pattern.sub("", text)
    assert [line for line in text.splitlines() if re.search(r"\d", line)] == []


def test_the_search_for_numerals_finds_them():
    text = "```{exercise} Title\nit takes {glue:text}`n_2` of 3 in $x_1$ by `run 10`\n```"
    for pattern in _TAKEN_OUT:
        text = pattern.sub("", text)
    assert re.findall(r"\d", text) == ["3"]


def made_up(heavy_ball, nag, sizes=(LOW, HIGH)) -> Any:
    """Return a record with these steps, SGD taking 1,000 at each batch size."""
    declaration = noisy_quadratic.DECLARATION.replace(batch_size=sizes, dimensions=100)
    rows = [
        {
            "method": name, "batch_size": size, "steps": count, "step_size": 0.5 * (1 - momentum),
            "momentum": momentum, "held_steps": [] if name == "sgd" else [900.0, 500.0, 2000.0],
        }
        for name, steps, momentum in (
            ("sgd", [1000.0] * len(sizes), 0.0), ("heavy-ball", heavy_ball, 0.75), ("nag", nag, 0.5)
        )
        for size, count in zip(sizes, steps, strict=True)
    ]  # fmt: skip
    return SimpleNamespace(declaration=declaration, rows=rows)


def test_every_number_in_prose_is_handed_to_it():
    code = "\n".join("".join(cell["source"]) for cell in cells("code"))
    given = set(re.findall(r'glue\("(\w+)"', code))
    given |= set(summarize_noisy_quadratic(made_up([900.0, 10.0], [800.0, 20.0])))
    given |= {f"nqm_{what}_{name}_256" for what in ("length",) for name in ("sgd", "nag")}
    given |= {"nqm_length_heavy-ball_256"}
    given |= {f"big_{name}" for name in summarize_plan(batch_size.DECLARATION)}
    row = {"steps": [1.0], "tuning_steps": [[1.0]], "edge": 0, "parameters": 5, "every": 8}
    record: Any = SimpleNamespace(declaration=batch_size.SMALL, rows=[row])
    given |= {f"small_{name}" for name in summarize_batch_size(record)}
    used = set(re.findall(r"\{glue:text\}`([^`]+)`", "\n".join(prose())))
    assert len(used) > 40
    assert used - given == set()


def test_the_gain_is_said_for_each_momentum():
    assert say_gain(made_up([990.0, 100.0], [850.0, 2000.0]), HIGH) == (
        "At batch size 4,096, against SGD, each with the step size best for it: heavy ball takes "
        "10.0 % fewer steps with momentum 0.9, 2 times fewer steps with momentum 0.99 and 10 times "
        "fewer steps with the best momentum; Nesterov takes 10.0 % fewer steps with momentum 0.9, "
        "2 times fewer steps with momentum 0.99 and 2 times as many steps with the best momentum."
    )


@pytest.mark.parametrize(
    ("heavy_ball", "words"),
    [
        ([9.0, 9.0, 9.0], "ahead of heavy ball at none"),
        ([20.0, 15.0, 12.0], "at batch size 8, by a factor of 2.00, and behind it at none."),
        ([11.0, 20.0, 5.0], "From batch size 32 on heavy ball is ahead, at the largest by a "),
        ([20.0, 5.0, 5.0], "From batch size 16 on"),
        ([5.0, 20.0, 5.0], "Heavy ball is ahead at the batch sizes 8, 32."),
    ],
)
def test_the_order_is_said_as_it_is(heavy_ball, words):
    text = say_order(made_up(heavy_ball, [10.0] * 3, sizes=(8, 16, 32)))
    assert words in text
    assert text.endswith(".")
    assert ".." not in text


def test_table_and_figures_show_the_record():
    record = made_up([900.0, 10.0], [800.0, 20.0])
    table = tabulate_noisy_quadratic(record)
    assert table.loc["4,096", "heavy ball"] == "10"
    assert table.loc["16", "1 − β, heavy ball"] == "0.25"
    counts, ratios = draw_noisy_quadratic(record).axes
    assert len([line for line in counts.lines if not str(line.get_label()).startswith("_")]) == 3
    assert np.asarray(ratios.lines[1].get_ydata()) == pytest.approx([900 / 800, 0.5])
    lengths, _ = draw_noisy_settings(record).axes
    assert np.asarray(lengths.lines[1].get_ydata()) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.95])
def test_what_noise_leaves_is_the_fraction_of_the_chapter(nesterov, momentum):
    from nagcore.core import HeavyBall, Nesterov

    curvature, step_size, batch_size = 0.7, 0.9, 5
    rule = Nesterov(momentum) if nesterov else HeavyBall(momentum)
    (loss,) = NoisyQuadratic(np.array([curvature])).losses(
        rule, [10_000], step_size=step_size, batch_size=batch_size
    )
    r = step_size * curvature
    b = momentum * (1 - r) if nesterov else momentum
    left = step_size / batch_size * (1 + b) / ((1 - b) * (2 * (1 + b) - r))
    assert loss == pytest.approx(0.5 * curvature * left, rel=1e-9)


def test_the_noise_scale_rises_as_the_chapter_says():
    """With the parameters of the page, whatever they are."""
    (cell,) = (c for c in cells("code") if "parameters" in c["metadata"].get("tags", []))
    values: dict[str, Any] = {}
    exec("".join(cell["source"]), values)
    scales = measure_noise_scales(
        load_fashion_mnist()[0],
        **{name: values[name] for name in ("looks", "step_size", "batch_size", "seed")},
    )
    found = [each.scale for each in scales]
    assert found == sorted(found)
    assert found[-1] < 1_000  # a mark on every line
    assert scales[-1].noise > scales[0].noise  # "do not become small"
    assert scales[-1].signal < scales[0].signal  # "they cancel"


@pytest.fixture(scope="module")
def record():
    found = load_if_recorded(noisy_quadratic.EXPERIMENT, "cpu", ROOT)
    if found is None:
        pytest.skip("noisy-quadratic is not recorded yet")
    return found


def test_what_the_chapter_says_of_the_model_is_in_the_record(record):
    sizes = np.array(record.declaration.axes["batch_size"])
    steps = {name: steps_of(record, name) for name in ("sgd", "heavy-ball", "nag")}
    low = {row["method"]: row for row in record.rows if row["batch_size"] == LOW}
    lengths = [row["step_size"] / (1 - row["momentum"]) for row in low.values()]
    assert max(lengths) < 1.1 * min(lengths)  # "common to all three"
    middle = [row for row in record.rows if row["batch_size"] == MIDDLE]
    parted = [row["step_size"] / (1 - row["momentum"]) for row in middle]
    assert max(parted) > 1.2 * min(parted)  # "they begin to part"
    for name in ("heavy-ball", "nag"):
        assert low[name]["momentum"] > 0.9999  # "nearer to one than anybody sets it"
        assert low[name]["held_steps"][-1] > 0.95 * low["sgd"]["steps"]  # "does not see it"
    # the alternative texts: one near the other at the left; SGD levels off first and highest
    assert steps["sgd"][0] < 1.3 * steps["nag"][0]
    bends = {name: bend(list(sizes), counts) or 0 for name, counts in steps.items()}
    assert bends["sgd"] == min(bends.values())
    assert steps["sgd"][-1] == max(counts[-1] for counts in steps.values())
    ratio = steps["heavy-ball"] / steps["nag"]
    assert ratio.max() > 1.2
    assert ratio[-1] < 1
    assert sizes[ratio.argmax()] < sizes[-1]
    # the published crossover, coarsely
    assert 0.005 < 1 - low["nag"]["held_steps"][0] / low["sgd"]["steps"] < 0.03
    assert ratio[list(sizes).index(HIGH)] == pytest.approx(1.66, abs=0.1)


def test_what_the_chapter_says_of_networks_is_in_the_record():
    found = load_if_recorded(batch_size.EXPERIMENT, "cuda", ROOT)
    if found is None:
        pytest.skip("batch-size is not recorded yet")
    sizes = list(found.declaration.axes["batch_size"])
    curves = {name: curve_of(found, name) for name in found.declaration.axes["optimizer"]}
    sgd, heavy, nag = (curves[name] for name in ("sgd", "heavy-ball", "nag"))
    bends = {name: bend(sizes, curve.median) or 0 for name, curve in curves.items()}
    for each in (heavy, nag):
        assert each.greatest[0] >= sgd.least[0]  # with the smallest batch momentum gains nothing,
        assert each.median[0] >= sgd.median[0]
        assert each.median[-1] < 0.34 * sgd.median[-1]  # with the largest, two thirds
    assert (nag.median < heavy.median).all()  # and no lead of heavy ball at the largest
    clear = [size for size, ahead in zip(sizes, nag.greatest < heavy.least, strict=True) if ahead]
    assert clear
    assert all(bends["sgd"] < size <= bends["nag"] for size in clear)
    fewest = [min(curves, key=lambda name: curves[name].median[at]) for at in range(len(sizes))]
    assert fewest[:4] == ["nadam"] * 4
    assert fewest[-1] == "adam"
    assert bends["nadam"] == bends["sgd"] == min(bends.values())
    assert curves["nadam"].median[-1] > max(heavy.median[-1], nag.median[-1])


def test_one_setting_of_the_model_is_measured_again(record):
    wanted = {"method": "nag", "batch_size": 16_384}
    (row,) = [row for row in record.rows if wanted.items() <= row.items()]
    (setting,) = [s for s in noisy_quadratic.DECLARATION.settings() if wanted.items() <= s.items()]
    measured = noisy_quadratic.measure(setting, "cpu")
    assert measured["steps"] == pytest.approx(row["steps"], rel=2e-3)


def test_groups_stand_for_ten_thousand_curvatures(record):
    """The recorded settings in the model as declared, each curvature for itself."""
    from nagcore.theory.noise_tuning import NOISY_METHODS
    from nagcore.theory.spectrum import with_momenta

    every = NoisyQuadratic(1 / np.arange(1, 10_001))
    assert harmonic_quadratic().first_loss == pytest.approx(every.first_loss, rel=1e-12)
    for row in record.rows:
        if row["batch_size"] == HIGH:
            rule = with_momenta(NOISY_METHODS[row["method"]], np.array(row["momentum"]))
            given = {"step_size": row["step_size"], "batch_size": HIGH}
            whole = int(np.ceil(row["steps"]))
            early, late = every.losses(rule, [0.998 * whole, 1.002 * whole + 1], **given)
            assert late <= record.declaration.constants["target"] <= early
