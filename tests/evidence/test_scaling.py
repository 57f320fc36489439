"""The model of scaling on a record that follows it, and the figure."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nagcore.evidence.experiments.scaling import EXPERIMENT
from nagcore.evidence.figures.scaling import draw_scaling
from nagcore.evidence.scaling_table import fit_scaling, summarize_scaling, tabulate_extrapolation
from nagcore.training.scaling import Compute, Network, Scaling

COMPUTE, NETWORK = Compute(2e-3, 1e-4), Network(1e-4, 1e9)
CONSTANTS = EXPERIMENT.declaration.constants


@pytest.fixture
def record():
    def row(width, parameters):
        scaling = Scaling(COMPUTE, NETWORK, size=4.0 * parameters)
        return {
            "width": width,
            "parameters": parameters,
            "single": [[scaling.seconds(b, 1)] * 3 for b in CONSTANTS["batch_sizes"]],
            "double": [[scaling.seconds(b, 2)] * 3 for b in CONSTANTS["batch_sizes"]],
            "all_reduce": [
                [NETWORK.all_reduce_seconds(size, 2)] * 3 for size in CONSTANTS["message_bytes"]
            ],
        }

    return SimpleNamespace(
        declaration=EXPERIMENT.declaration, rows=[row(4, 100_000), row(32, 1_600_000)]
    )


def test_the_constants_are_found_again(record):
    for fitted in fit_scaling(record):
        assert fitted.scaling.compute.fixed == pytest.approx(COMPUTE.fixed)
        assert fitted.scaling.compute.each == pytest.approx(COMPUTE.each)
        assert fitted.scaling.network.latency == pytest.approx(NETWORK.latency)
        assert fitted.scaling.network.bandwidth == pytest.approx(NETWORK.bandwidth)
        assert fitted.predicted == pytest.approx(fitted.speedups)


def test_prose_and_extrapolation(record):
    numbers = summarize_scaling(record)
    assert numbers["scaling_off"] == "0 %"
    assert numbers["scaling_latency"] == "100"
    assert numbers["scaling_large_megabytes"] == "6.4"
    table = tabulate_extrapolation(record, batch_size=512, efficiency=0.5)
    counts = dict(zip(table.index, table["processes"], strict=True))
    for name, count in counts.items():
        if "Ethernet" in name:
            other = name.replace("10 Gb/s Ethernet, 50 µs", "200 Gb/s InfiniBand, 5 µs")
            assert counts[other] >= count


def test_prose_counts_the_steps_that_two_processes_take_slower(record):
    numbers = summarize_scaling(record)
    assert (numbers["scaling_steps"], numbers["scaling_slower"]) == ("10", "3")
    assert numbers["scaling_slower_longest"] == "14.8"  # 2 ms and 128 examples of 0.1 ms
    assert numbers["scaling_small_promised"] == numbers["scaling_small_first"]
    for row in record.rows:
        row["double"] = [[0.9 * each for each in rounds] for rounds in row["single"]]
    assert summarize_scaling(record)["scaling_slower"] == "0"
    assert summarize_scaling(record)["scaling_slower_longest"] == "–"


def test_figure_shows_measured_and_predicted(record):
    gain, more = draw_scaling(record).axes
    assert len(gain.lines) == 2 * 2 + 1
    for line in more.lines[:2]:
        assert np.asarray(line.get_ydata())[0] == pytest.approx(1.0)
