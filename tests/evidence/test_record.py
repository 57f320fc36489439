"""A record survives its file, and a file that is not one is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import RecordError, UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record

DECLARATION = Declaration(
    name="toy",
    question="What?",
    axes={"method": ("gd", "nag"), "seed": (0, 1, 2)},
    constants={"epochs": 2},
    columns={"loss": "nats", "epoch": "number", "curve": "loss by epoch", "note": "words"},
)
PROVENANCE = Provenance(
    commit="abcdef0123456789abcdef0123456789abcdef01",
    clean=True,
    time="2025-11-23T10:00:00Z",
    versions={"python": "3.12.1", "torch": "2.15.0"},
    device="CPU (a model)",
    threads=1,
    seconds=1.5,
    code_hash="0" * 64,
)


def record(**columns: Any) -> Record:
    measured = {"loss": 0.5, "epoch": [1, 2], "curve": [0.25, math.inf], "note": "x", **columns}
    rows = tuple(
        {"method": setting["method"], "seed": setting["seed"], **measured}
        for setting in DECLARATION.settings()
    )
    return Record(DECLARATION, PROVENANCE, rows)


def read(text: str) -> Record:
    return Record.from_json(text, "results/toy/cpu.json", "renew it with: nagcore record toy")


CELLS = st.recursive(
    st.one_of(st.integers(), st.floats(), st.text(), st.booleans()),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(CELLS)
def test_it_comes_back_from_strict_json_as_it_was(value: Any):
    before = record(note=value)
    text = before.to_json()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not strict JSON"))
    after = read(text)
    assert repr(after.rows) == repr(before.rows)
    assert after.declaration == before.declaration
    assert after.provenance == before.provenance
    assert (after.stale, after.fresh) == (False, False)
    assert after.to_json() == text


def test_the_file_has_one_line_for_each_row():
    lines = record().to_json().splitlines()
    assert sum('"method"' in line and '"curve"' in line for line in lines) == 6


def test_every_truncation_is_refused_with_file_and_remedy():
    text = record().to_json()
    for end in range(0, len(text.rstrip()), 17):
        with pytest.raises(
            RecordError, match=r"results/toy/cpu\.json is not a record: .*nagcore record toy"
        ):
            read(text[:end])


CORRUPTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a row is missing": lambda content: content["rows"].pop(),
    "a row stands twice": lambda content: content["rows"].__setitem__(1, content["rows"][0]),
    "a column is missing": lambda content: content["rows"][3].pop("loss"),
    "a column is not declared": lambda content: content["rows"][3].update(more=1),
    "a cell is null": lambda content: content["rows"][3].update(loss=None),
    "a cell is bare NaN": lambda content: content["rows"][3].update(loss=math.nan),
    "an axis holds text": lambda content: content["rows"][0].update(seed="0"),
    "rows are no list": lambda content: content.update(rows={}),
    "the format is another": lambda content: content.update(format=2),
    "there is a field more": lambda content: content.update(more=1),
    "there is no provenance": lambda content: content.update(provenance=None),
    "no columns are declared": lambda content: content["declaration"].update(columns={}),
}


def test_the_corruptions_start_from_a_good_file():
    assert read(json.dumps(json.loads(record(curve=[1.0]).to_json()))) == record(curve=[1.0])
    with pytest.raises(RecordError, match=r"cpu\.json is not a record"):
        read("[]")


@pytest.mark.parametrize("change", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_file_that_does_not_hold_what_it_declares_is_refused(change):
    content = json.loads(record().to_json())
    change(content)
    with pytest.raises(RecordError, match=r"cpu\.json is not a record"):
        read(json.dumps(content))


def test_the_number_of_rows_is_told():
    content = json.loads(record().to_json())
    content["rows"].pop()
    with pytest.raises(RecordError, match="expected 6 rows, one for each setting"):
        read(json.dumps(content))


def test_a_frame_has_a_line_for_each_setting():
    frame = record().frame()
    assert list(frame.columns) == ["method", "seed", "loss", "epoch", "curve", "note"]
    assert len(frame) == 6
    assert frame.groupby("method")["seed"].count().to_dict() == {"gd": 3, "nag": 3}


def test_curves_in_long_form_along_a_column():
    table = record().long("curve", x="epoch")
    assert list(table.columns) == ["method", "seed", "curve", "epoch"]
    assert len(table) == 12
    assert table["curve"].tolist() == [0.25, math.inf] * 6
    assert table["epoch"].tolist() == [1, 2] * 6
    assert table["curve"].dtype == "float64"
    assert table["seed"].tolist() == [0, 0, 1, 1, 2, 2] * 2


def test_curves_in_long_form_along_a_counter():
    table = record().long("curve", x="step")
    assert table["step"].tolist() == [0, 1] * 6


@pytest.mark.parametrize(
    ("columns", "x", "message"),
    [
        (("curv",), "step", "toy has no column 'curv'; its columns: curve, "),
        (("loss",), "step", "loss of toy do not all hold lists"),
        (("curve",), "seed", "x is 'seed'"),
        ((), "step", r"columns are \(\)"),
    ],
)
def test_columns_that_have_no_long_form_are_refused(columns: tuple, x: str, message: str):
    with pytest.raises(UsageError, match=message):
        record().long(*columns, x=x)
    with pytest.raises(UsageError, match="equal length"):
        record(curve=[1.0]).long("curve", x="epoch")


def test_the_note_names_device_date_n_and_commit():
    assert record().note() == "Measured on a CPU (a model), 2025-11-23, n = 3, commit abcdef0."


def test_the_note_warns():
    stale = replace(record(), stale=True)
    assert stale.note() == (
        "Measured on a CPU (a model), 2025-11-23, n = 3; made by earlier code "
        "(commit abcdef0); the code has changed since."
    )
    dirty = replace(record(), provenance=replace(PROVENANCE, clean=False))
    assert "; the working tree held changes that were not committed." in dirty.note()
    fresh = replace(record(), fresh=True)
    assert fresh.note().startswith("Measured afresh in this run on a CPU (a model), 2025-11-23")
    unknown = replace(record(), provenance=replace(PROVENANCE, commit=None, clean=None))
    assert unknown.note().endswith("n = 3, commit unknown.")


def test_without_seeds_there_is_no_n():
    declaration = Declaration("toy", "What?", {"x": (1,)}, {}, {"y": "none"})
    assert "n =" not in Record(declaration, PROVENANCE, ({"x": 1, "y": 2},)).note()


def test_staleness_is_another_hash():
    assert not record().is_stale("0" * 64)
    assert record().is_stale("1" * 64)
