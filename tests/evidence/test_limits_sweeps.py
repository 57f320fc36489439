"""What is said and drawn of copies at once follows from the record, whatever it holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nagcore.evidence import gpu_notes, sweep_verdicts
from nagcore.evidence.experiments.sweep_speed_cuda import EXPERIMENT
from nagcore.evidence.figure_data import figure_data
from nagcore.evidence.figures.limits import draw_sweeps
from nagcore.evidence.limits_roof import roof_of_sweeps
from nagcore.evidence.limits_sweeps import (
    ratios_of,
    sweep_frame,
    sweep_limits,
    tabulate_sweeps,
)
from nagcore.evidence.record import Record
from nagcore.evidence.sweep_verdicts import (
    say_gains,
    say_goal,
    say_goal_in_short,
    say_more_copies,
)

from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")


def made_up(at_once=10.0, compiled=None, graph=True, error=""):
    """One by one takes 400 µs, a graph 100 µs; the second round is slow for all alike."""

    def measure(setting):
        own = {"one by one": 400.0, "at once": at_once, "at once, tf32": 1.0}
        own |= {"one by one, graph": 100.0} if graph else {}
        own |= {"at once, compiled step": compiled} if compiled else {}
        failed = dict.fromkeys(own, "") | {"at once": error}
        return {
            "contestant": list(own),
            "microseconds": [[] if failed[n] else [t, 10 * t, 1.1 * t] for n, t in own.items()],
            "error": list(failed.values()),
            "megaflops": 1e-3 * setting["copies"],
            "megabytes": 4e-3,
            "bandwidth": 2.0,
            "peak": 1.0,
            "peak_tf32": 32.0,
        }

    declaration = EXPERIMENT.declaration
    rows = tuple(
        {axis: setting[axis] for axis in declaration.axes} | measure(setting)
        for setting in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_copies_are_held_against_operations_or_bytes():
    found = {(each.who, each.case): each for each in sweep_limits(made_up())}
    exact = found["at once", "small CNN, 64 copies"]
    assert (exact.floor, exact.bound) == (pytest.approx(64e-6), "arithmetic")  # at 1 GFLOP/s
    assert exact.seconds == pytest.approx(11e-6), "the median"
    short = found["at once, tf32", "small CNN, 64 copies"]
    assert (short.floor, short.bound) == (pytest.approx(2e-6), "memory")  # 4 kB at 2 GB/s


def test_the_frame_holds_all_rounds():
    frame = sweep_frame(made_up()).set_index(["network", "copies", "trained"])
    line = frame.loc[("small CNN", 64, "at once")]
    assert line.tolist() == pytest.approx([11.0, 10.0, 100.0, 64.0])
    assert len(frame) == 24


def test_ratios_are_taken_round_by_round():
    row = made_up().rows[0]
    assert ratios_of(row, "at once") == pytest.approx((40.0, 10.0))
    assert ratios_of(row, "one by one, graph") == pytest.approx((4.0, 1.0))
    assert ratios_of(row, "at once, compiled step") == pytest.approx((math.nan,) * 2, nan_ok=True)
    assert math.isnan(ratios_of(made_up(graph=False).rows[0], "at once").graph)


def test_the_table_has_the_floor_and_both_gains():
    table = tabulate_sweeps(made_up())
    line = table.loc[("small CNN", 64, "at once")].tolist()
    assert line == ["11 µs", "64 µs", "arithmetic", "0.17", "40.0", "10.0"]
    assert len(table) == 24
    without = tabulate_sweeps(made_up(graph=False))
    assert without.loc[("autoencoder", 16, "at once"), "gain on a graph"] == "–"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (made_up(), "are 40.0 times as fast as one after the other in the usual loop, and the"),
        (made_up(), "and the goal of 8 times is reached."),
        (made_up(), "is 4.00 times as fast as the loop. Against that one they are 10.0 times"),
        (made_up(), "10.0 times as fast; by this measure the goal is reached."),
        (made_up(at_once=20.0), "are 20.0 times"),
        (made_up(at_once=20.0), "5.00 times as fast; by this measure the goal is missed."),
        (made_up(at_once=60.0), "6.67 times as fast as one after the other in the usual loop, and"),
        (made_up(at_once=60.0), "and the goal of 8 times is missed."),
        (made_up(), "takes 11 µs, 0.17 times its floor of 64 µs, which is set by arithmetic."),
        (made_up(compiled=5.0), "it takes 5.5 µs, 0.09 times the floor (80.0 times as fast as the"),
        (made_up(compiled=5.0), "the loop, 20.0 times as fast as the graph)."),
        (made_up(error="OutOfMemoryError: no"), "Not everything could be timed: small CNN, 16"),
    ],
)
def test_the_verdict_follows_the_record(record, words):
    assert words in say_goal(record)


def test_nothing_is_said_of_what_was_not_timed():
    assert "graph" not in say_goal(made_up(graph=False))
    assert "graph" not in say_gains(made_up(graph=False))
    empty = Record(EXPERIMENT.declaration, MADE, ())
    assert say_goal(empty) == "Nothing was timed with 64 copies."
    assert say_gains(empty).startswith("nothing was timed both at once and one by one")
    assert say_more_copies(empty) == ""


def test_in_short_both_gains_are_said_of_each_network():
    said = say_goal_in_short(made_up(at_once=20.0))
    assert said.startswith("On a GPU 64 of them at once are this many times as fast as one after")
    assert said.endswith("as a graph: small CNN, 20.0 and 5.00; autoencoder, 20.0 and 5.00.")


def test_gains_are_said_of_every_case_in_float32():
    said = say_gains(made_up())
    assert "at once: 40.0, as a graph 10.0 (16 copies of the small CNN, “at once”);" in said
    assert "tf32" not in said
    assert said.count("as a graph") == 6


def test_the_fewest_and_the_most_copies_are_compared():
    record = made_up()
    for row in record.rows:
        for times in row["microseconds"]:
            times[:] = [each / row["copies"] for each in times]
    said = say_more_copies(record)
    assert "takes 687 ns with 16 copies and 43 ns with 256 (small CNN), 687 ns with" in said


def test_on_a_gpu_the_record_is_summed_up_or_missed(monkeypatch):
    for record in (made_up(), None):
        monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *_, found=record: found)
        said = sweep_verdicts.sweeps_on_gpu(EXPERIMENT)
        assert gpu_notes.recorded_on_gpu(EXPERIMENT) is record
        table = gpu_notes.table_on_gpu(EXPERIMENT, tabulate_sweeps)
        if record is None:
            assert "has not been measured on a GPU yet" in said
            assert table.to_numpy().tolist() == [[gpu_notes.NOT_YET]]
        else:
            assert "Of all the ways to train at once on the GPU 12 of 12 take at most" in said
            assert said.endswith(record.note())
            assert len(table) == 24


def test_the_figure_has_all_rounds_and_the_floor():
    record = made_up(compiled=5.0)
    figure = draw_sweeps(record)
    left, right = figure.axes
    lines = dict(zip(*left.get_legend_handles_labels()[::-1], strict=True))
    assert next(iter(lines)) == "floor"
    assert np.array(lines["floor"].get_ydata()).tolist() == pytest.approx([16, 64, 256])
    middle, _, (bars,) = lines["at once"]
    assert np.array(middle.get_xydata()).tolist() == [[16, 11], [64, 11], [256, 11]]
    assert [s[:, 1].tolist() for s in bars.get_segments()] == [[10, 100]] * 3
    assert len(right.containers) == 5
    assert len(figure_data(figure)) == 30
    (missing,) = draw_sweeps(None).axes
    assert "not measured yet" in [text.get_text() for text in missing.texts]


def test_the_roof_has_the_goal_s_copies_under_it():
    roof = roof_of_sweeps(made_up())
    assert roof.rates == (2e9, 1e9)
    assert [mark.label for mark in roof.marks[:3]] == [
        "small CNN", "small CNN, graph", "small CNN, at once",
    ]  # fmt: skip
    assert roof.marks[2].intensity == pytest.approx(64e-3 / 4e-3)
    assert roof.marks[2].rate == pytest.approx(64e3 / 11e-6)
    assert len(roof.marks) == 6
