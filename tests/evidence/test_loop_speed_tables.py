"""Tables, figure and numbers for prose say what the record of the loops holds."""

from __future__ import annotations

import math
from typing import TypeGuard

import numpy as np
import pytest
from matplotlib.patches import Patch, Rectangle

from nagcore.evidence.experiments.loop_speed import EXPERIMENT
from nagcore.evidence.experiments.loop_speed_cuda import EXPERIMENT as ON_GPU
from nagcore.evidence.figures.loop_speed import draw_loop_speed
from nagcore.evidence.loop_contestants import CONTESTANTS, contestants
from nagcore.evidence.loop_speed_table import (
    GOALS,
    RIVALS,
    loops_of,
    ratio,
    row_of,
    summarize_loop_speed,
    tabulate_loop_floor,
    tabulate_loop_goals,
    tabulate_loop_speed,
    times_by_loop,
    trained_alike,
)
from nagcore.evidence.record import Record

from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

NAN = float("nan")


def made_up(experiment=EXPERIMENT, device="cpu", without=()):
    """The n-th loop takes n ms on one thread and half of it on two; gradients take 0.5 ms."""
    names = list(contestants(device))

    def milliseconds(name, threads):
        if name in without:
            return []
        own = 0.5 if CONTESTANTS[name].floor == name else 1.0 + names.index(name)
        # a slow round slows all of them alike
        return [own / threads, 10 * own / threads, 0.9 * own / threads]

    def measure(setting):
        threads = setting.get("threads", 1)
        return {
            "contestant": names,
            "version": ["test 1"] * len(names),
            "milliseconds": [milliseconds(name, threads) for name in names],
            "beside": [0.1] * len(names),
            "first": [20.0 if name == "fit, compiled" else 0.0 for name in names],
            "loss": [NAN if CONTESTANTS[n].floor == n else 0.5 + 0.01 * i
                     for i, n in enumerate(names)],
            "error": ["MissingExtraError: no" if name in without else "" for name in names],
            "parameters": 20_490, "steps": 63, "megaflops": 100.0,
            "peak": 400.0 * threads, "peak_bfloat16": 800.0 * threads, "used_threads": threads,
        }  # fmt: skip

    declaration = experiment.declaration
    rows = tuple(
        {axis: setting[axis] for axis in declaration.axes} | measure(setting)
        for setting in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def place(name, device="cpu"):
    return 1 + list(contestants(device)).index(name)


def test_ratios_are_medians_of_rounds():
    times = {"a": [2.0, 40.0, 3.0], "b": [1.0, 10.0, 1.0]}
    assert ratio(times, "a", "b") == 3.0, "not the ratio of the medians, 3 / 1, but of the rounds"
    assert ratio({"a": [1.0, 8.0, 9.0], "b": [1.0, 2.0, 9.0]}, "a", "b") == 1.0
    assert math.isnan(ratio(times, "a", "c"))


def test_rows_are_found_by_network_and_threads():
    record = made_up()
    assert row_of(record, "M")["threads"] == 1
    assert row_of(record, "S", 2)["peak"] == 800.0
    assert times_by_loop(record, "M", 2)["gradient alone"] == [0.25, 2.5, 0.225]
    assert "Lightning" not in times_by_loop(made_up(without=("Lightning",)), "M")


def test_the_table_of_speed():
    record = made_up(without=("Lightning",))
    table = tabulate_loop_speed(record)
    head = "M: 20.5 k parameters"
    assert list(table.index) == [name for name in CONTESTANTS if name in contestants("cpu")]
    assert table.loc["torchvision dataset", (head, "ms a step")] == "1.00"
    assert table.loc["fit", (head, "× fit")] == "1.00"
    expected = f"{1 / place('fit'):.2f}"
    assert table.loc["torchvision dataset", (head, "× fit")] == expected
    assert table.loc["gradient alone", (head, "ms a step")] == "0.500"
    assert table.loc["Lightning", (head, "ms a step")] == "–"
    assert table.loc["Lightning", (head, "× fit")] == "–"
    two = tabulate_loop_speed(record, threads=2)
    assert two.loc["torchvision dataset", (head, "ms a step")] == "0.500"
    assert "fit, captured" in tabulate_loop_speed(made_up(ON_GPU, "cuda")).index


def test_the_table_of_goals():
    table = tabulate_loop_goals(made_up())
    assert len(table) == len(GOALS) * made_up().declaration.size
    for ours, goals in GOALS.items():
        line = table.loc[(ours, "repaired CNN", 2)]
        for rival, goal in zip(RIVALS, goals, strict=True):
            assert line[rival, "measured"] == f"{place(rival) / place(ours):.2f}"
            assert line[rival, "goal"] == f"{goal:.1f}"
    on_gpu = tabulate_loop_goals(made_up(ON_GPU, "cuda"))
    assert on_gpu.index.names == ["ours", "network"]
    assert set(on_gpu["torchvision dataset", "measured"]) == {"–"}


def test_the_table_of_the_floor():
    table = tabulate_loop_floor(made_up())
    assert table.loc[("M", 1)].tolist() == [
        "100",
        # 100 MFLOP at 400 and 800 GFLOP/s
        *("0.250", "0.500", f"{place('fit')}.00", f"{100 * (1 - 0.5 / place('fit')):.1f} %"),
        *("0.125", "0.500", "9.00", "94.4 %"),
    ]
    assert table.loc[("M", 2), ("float32", "peak")] == "0.125"
    lost = tabulate_loop_floor(made_up(without=("fit", "gradient alone, bfloat16")))
    assert lost.loc[("S", 1), "float32"].tolist() == ["0.250", "0.500", "–", "–"]
    assert lost.loc[("S", 1), "bfloat16"].tolist() == ["0.125", "–", "9.00", "–"]


def test_prose_numbers():
    numbers = summarize_loop_speed(made_up())
    assert numbers["rounds"] == str(EXPERIMENT.declaration.constants["rounds"])
    assert numbers["m_1_fit_torchvision-dataset"] == f"{1 / place('fit'):.2f}"
    assert numbers["repaired-cnn_2_torchvision-dataset_ms"] == "0.500"
    assert numbers["s_1_fit_peak"] == "50 %"  # 0.25 ms of 0.5 ms
    assert numbers["s_1_fit-bfloat16_peak"] == "25 %"
    assert numbers["s_2_compile_first"] == "20"
    assert "s_1_fit_peak" not in summarize_loop_speed(made_up(without=("gradient alone",)))
    captured = summarize_loop_speed(made_up(ON_GPU, "cuda"))
    assert float(captured["m_fit-captured_fit"]) < 1
    assert "m_compile_first" not in captured


def test_losses_are_compared_within_a_network():
    alike = trained_alike(made_up())
    training = [n for n in contestants("cpu") if CONTESTANTS[n].floor != n]
    assert alike == pytest.approx((0.5 + 0.01 * (len(training) - 1)) / 0.5)


def is_bar(patch: Patch) -> TypeGuard[Rectangle]:
    return isinstance(patch, Rectangle)


def numbers(values):
    return np.asarray(values, dtype=float).tolist()


def test_loops_are_drawn_over_their_gradients():
    record = made_up(without=("Lightning",))
    figure = draw_loop_speed(record)
    assert len(figure.axes) == 3
    axes = figure.axes[1]
    names = loops_of(record)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    bars = {}
    for patch in filter(is_bar, axes.patches):
        middle = round(patch.get_y() + patch.get_height() / 2)
        bars.setdefault(names[middle], []).append(patch.get_width())
    assert bars["fit"] == [place("fit"), 0.5]
    assert "Lightning" not in bars
    assert [text.get_text() for text in axes.texts] == ["not timed", "M"]
    peak = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert numbers(peak.get_xdata()) == [0.25, 0.25]
    spans = [numbers(line.get_xdata()) for line in axes.lines if line is not peak]
    assert [0.95, 5.5] in spans, "from quartile to quartile"
    first = next(filter(is_bar, draw_loop_speed(record, threads=2).axes[0].patches))
    assert first.get_width() == 0.5
    on_gpu = draw_loop_speed(made_up(ON_GPU, "cuda"))
    labels = [label.get_text() for label in on_gpu.axes[0].get_yticklabels()]
    assert labels[-1] == "fit, bfloat16, captured"
    assert on_gpu.legends
