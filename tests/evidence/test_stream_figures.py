"""The figures of streaming draw the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from nagcore.evidence.experiments.shuffle_quality import DECLARATION as SHUFFLE
from nagcore.evidence.experiments.stream_memory import DECLARATION as MEMORY
from nagcore.evidence.experiments.stream_speed import DECLARATION as SPEED
from nagcore.evidence.figures.streaming import (
    draw_shuffle_quality,
    draw_stream_memory,
    draw_stream_speed,
)
from nagcore.evidence.stream_table import (
    PEERS,
    summarize_shuffle_quality,
    summarize_stream_speed,
)

from .made_up import record_of

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")


def test_bars_are_the_medians_fastest_on_top():
    def measure(setting):
        return {
            "reader": ["litdata", "nagcore", "grain"],
            "version": ["a", "b", "c"],
            "cold": [[50.0, 100.0, 900.0], [2000.0, 3000.0, 5000.0], [5.0, 6.0, 7.0]],
            "warm": [[200.0] * 3, [4000.0] * 3, [8.0] * 3],
            "bytes_per_image": [784.0] * 3,
        }

    axes = draw_stream_speed(record_of(SPEED, measure)).axes[0]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [6.0, 100.0, 3000.0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["grain", "litdata", "nagcore"]
    assert [text.get_text() for text in axes.texts] == ["6", "100", "3,000"]
    assert axes.get_xscale() == "log"
    hatches = [bar.get_hatch() is None for bar in bars]
    assert hatches == [False, False, True]  # told apart without colour


def test_prose_sets_the_slowest_reader_beside_the_fastest():
    readers = {"nagcore": 3000.0, "nagcore, normalised": 2000.0, "memmap, not shuffled": 9870.0}
    readers |= {"DataLoader on memmap": 500.0} | dict.fromkeys(PEERS, 8.0)

    def measure(setting):
        return {
            "reader": list(readers), "version": ["a"] * len(readers), "images": 10,
            "cold": [[rate] * 3 for rate in readers.values()],
            "warm": [[2 * rate] * 3 for rate in readers.values()],
            "bytes_per_image": [784.0] * len(readers),
        }  # fmt: skip

    numbers = summarize_stream_speed(record_of(SPEED, measure))
    assert numbers["stream_span"] == "1,200"  # 1,234 in two digits
    assert numbers["stream_times_grain"] == "375"


def test_memory_and_speed_are_drawn_by_size():
    def measure(setting):
        size = setting["gigabytes"]
        return {
            "rows": 1, "baseline": 600.0,
            "growth": [100.0, 120.0, 110.0], "growth_normalised": [150.0, 140.0, 160.0],
            "rate": [1e6 / size] * 3, "rate_normalised": [5e5 / size] * 3,
        }  # fmt: skip

    growth, rate = draw_stream_memory(record_of(MEMORY, measure)).axes
    assert np.asarray(growth.lines[0].get_ydata()).tolist() == [110.0] * 3
    sizes = np.array(MEMORY.axes["gigabytes"])
    np.testing.assert_allclose(np.asarray(rate.lines[0].get_ydata()), 1e6 / sizes)
    assert len(growth.lines) == 8  # a median and three rounds, twice
    assert growth.get_ylim()[0] == 0


def test_shuffle_quality_shows_measured_and_predicted():
    def measure(setting):
        share = min(1.0, setting["rows_per_block"] * setting["window_blocks"] / 61_440)
        return {
            "window_share": share, "variance": [2 / share, 4 / share],
            "variance_predicted": 3 / share, "correlation": [0.3, -0.4],
            "correlation_predicted": 0.35, "correlation_full": 0.004,
        }  # fmt: skip

    record = record_of(SHUFFLE, measure)
    said = summarize_shuffle_quality(record)
    assert said["quality_off"] == "0.0 %"
    assert said["quality_places_off"] == "1 %"  # √0.125 against 0.35
    assert said["quality_places_errors"] == "0.1"  # 0.125 ± 0.035 against 0.1225
    variance, correlation = draw_shuffle_quality(record).axes
    predicted, measured = variance.lines[:2]
    np.testing.assert_allclose(np.asarray(measured.get_ydata()), np.asarray(predicted.get_ydata()))
    marks = np.asarray(correlation.lines[1].get_ydata())
    np.testing.assert_allclose(marks, np.sqrt((0.09 + 0.16) / 2))
    assert np.asarray(correlation.lines[-1].get_ydata()).tolist() == [0.004, 0.004]
    # windows over all the data are drawn once
    assert len(np.asarray(variance.lines[-3].get_xdata())) == 5
