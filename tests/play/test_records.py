"""The explorer shows what the records hold."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from element_modules import MODULES, call, call_all

from nagcore.errors import UsageError
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.figures.bands import band_along
from nagcore.evidence.play.curves import Curves, RecordedTask, read_tasks
from nagcore.evidence.play.records import draw_recorded, pack, records
from nagcore.evidence.record import Record
from nagcore.evidence.store import read_record

# by their full names, since the package has functions of the same ones
curves_module = sys.modules[read_tasks.__module__]
records_module = sys.modules[records.__module__]
MODULE = "bands.mjs"


@pytest.fixture(scope="module")
def tasks() -> Iterator[list[RecordedTask]]:
    """The tasks of the committed records, which nothing here asks whether they are stale."""

    def read(experiment: Experiment, device: str, root: Path) -> Record | None:
        return read_record(experiment.declaration.name, device, root)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves_module, "load_if_recorded", read)
        found = read_tasks(EXPERIMENTS)
        patch.setattr(records_module, "read_tasks", lambda _: found)
        yield found


def test_quantiles_are_those_of_numpy() -> None:
    random = np.random.default_rng(1)
    draws = [random.lognormal(size=size).tolist() for size in (1, 2, 3, 5, 8) for _ in range(4)]
    shares = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)
    calls = [("quantile", [values, share]) for values in draws for share in shares]
    expected = [np.quantile(values, share) for values in draws for share in shares]
    np.testing.assert_allclose(call_all(MODULE, calls), expected, rtol=1e-10)


def test_bands_are_those_of_the_figures() -> None:
    runs = np.random.default_rng(2).lognormal(size=(4, 6))
    runs[0, 3:] = runs[1, 4:] = runs[2, 4:] = np.inf  # one run lost, then three of the four
    lines = [
        {"step": place, "loss": loss} for run in runs for place, loss in enumerate(run.tolist())
    ]
    band = band_along(pd.DataFrame(lines), "step", "loss", higher_is_better=False)
    whole = [[None if np.isinf(value) else value for value in run] for run in runs.tolist()]
    decoded = call_all(MODULE, [("decode", [run, 0]) for run in whole])
    assert decoded[0][3] == "Infinity"
    got = pd.DataFrame(call(MODULE, "bandsOf", whole, 0)).astype(float)
    np.testing.assert_allclose(got["middle"], band.middle, rtol=1e-10)
    np.testing.assert_allclose(got["low"], band.low, rtol=1e-10)
    np.testing.assert_allclose(got["high"], band.high, rtol=1e-10)


def test_the_page_is_given_four_figures_of_every_number(tasks: list[RecordedTask]) -> None:
    packed = pack(tasks)["tasks"]
    pairs = [(packed[task.name], curves) for task in tasks for curves in task.curves]
    calls = [
        ("bandsOf", [given["curves"][curves.method]["runs"], given["digits"]])
        for given, curves in pairs
    ]
    for (given, curves), bands in zip(pairs, call_all(MODULE, calls), strict=True):
        got = np.array([float(band["middle"]) for band in bands])
        whole = np.where(np.isfinite(curves.values), curves.values, np.inf)
        rounding = 0.51 * 10.0 ** -given["digits"]
        np.testing.assert_allclose(got, np.median(whole, axis=0), rtol=0, atol=rounding)


def test_the_records_hold_the_races_and_say_where_seconds_are(tasks: list[RecordedTask]) -> None:
    names = {task.name for task in tasks}
    assert {"race-softmax", "race-cnn", "images", "text", "speech", "cnn-1000"} <= names
    timed = {task.name for task in tasks if all(c.seconds is not None for c in task.curves)}
    assert timed == {"images", "text", "speech"}
    assert {t.name for t in tasks if t.target is not None} == {
        name for name in names if name.startswith("race-")
    }


def test_a_run_that_was_lost_stays_lost(tasks: list[RecordedTask]) -> None:
    lost = np.array([[1.0, np.nan], [2.0, 3.0]])
    task = replace(tasks[0], places=np.arange(2.0), curves=(Curves("nag", 0.1, lost),))
    given = pack([task])["tasks"][task.name]["curves"]["nag"]["runs"]
    assert given == [[1000, None], [2000, 3000]]


def test_the_picture_keeps_the_seeds_that_were_not_lost(tasks: list[RecordedTask]) -> None:
    values = np.array([[3.0, 3.0, np.nan], [2.0, np.nan, np.nan], [4.0, 1.0, 5.0]])
    task = replace(tasks[0], places=np.arange(3.0), curves=(Curves("nag", 0.1, values),))
    (axes,) = draw_recorded(task, ["nag"]).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3.0, 3.0, np.nan])
    (band,) = axes.collections
    corners = set(map(tuple, np.asarray(band.get_paths()[0].vertices).tolist()))
    assert corners >= {(0.0, 2.0), (0.0, 4.0), (1.0, 1.0), (1.0, 3.0), (2.0, 5.0)}


def test_what_is_embedded_is_small_and_names_its_origin(tasks: list[RecordedTask]) -> None:
    packed = pack(tasks)
    assert len(json.dumps(packed, separators=(",", ":"))) <= 60_000
    for task in tasks:
        origin = packed["records"][task.record.declaration.name]
        assert origin["commit"] == task.record.provenance.short_commit
        assert origin["device"] == task.record.provenance.device


def test_every_method_has_a_mark_that_the_page_can_draw(tasks: list[RecordedTask]) -> None:
    looks = pack(tasks)["looks"]
    shapes = (MODULES / "marks.mjs").read_text().partition("SHAPES = {")[2].partition("};")[0]
    drawn = set(re.findall(r'^  "?([a-z-]+)"?: "M', shapes, re.MULTILINE))
    assert {look[3] for look in looks.values()} <= drawn
    race = next(task for task in tasks if task.name == "race-cnn")
    marks = [looks[curves.method][3] for curves in race.curves]
    assert len(set(marks)) == len(marks) == 10


def test_curves_are_marked_at_about_eight_places_each_at_its_own() -> None:
    first, second, few = call_all(MODULE, [("markedPlaces", [n, k]) for n, k in
                                           ((30, 0), (30, 1), (3, 5))])  # fmt: skip
    assert first == list(range(0, 30, 3))
    assert second == list(range(1, 30, 3))
    assert few == [0, 1, 2]


@pytest.mark.usefixtures("tasks")
def test_it_shows_the_element() -> None:
    html = records(EXPERIMENTS, task="text", axis="seconds")._repr_mimebundle_()[0]["text/html"]
    opening = '<nag-records task="text" methods="sgd heavy-ball nag adamw" axis="seconds">'
    assert html.startswith(opening + '<img src="data:image/png')


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"task": "race-cn"}, "those there are: race-cnn"), ({"axis": "hours"}, "axis is 'hours'")],
)
def test_arguments_that_there_are_not(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        records(EXPERIMENTS, **arguments)


def test_the_place_looked_at_is_the_last_one_reached() -> None:
    calls = [("placeAt", [[0, 10, 20], x]) for x in (-1, 0, 9.99, 10, 25)]
    assert call_all(MODULE, calls) == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("limits", [(0.3, 0.85), (0.1, 2.0), (20.0, 3000.0), (0.31, 0.36)])
def test_a_logarithmic_axis_has_ticks(limits: tuple[float, float]) -> None:
    places = [value for value, _ in call(MODULE, "fineTicks", limits)]
    assert 2 <= len(places) <= 9
    assert all(limits[0] <= place <= limits[1] for place in places)
