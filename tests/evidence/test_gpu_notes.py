"""What the page says of a GPU: nothing that was not recorded."""

from __future__ import annotations

from nagcore.evidence import gpu_notes
from nagcore.evidence.experiments.optimizer_speed_cuda import EXPERIMENT
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record

MADE = Provenance(None, None, "2026-01-01T00:00:00+00:00", {}, "GPU (test)", 1, 1.0, "0" * 64)


def test_without_a_record_the_note_says_how_to_make_one(monkeypatch):
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *a: None)
    said = gpu_notes.speed_on_gpu(EXPERIMENT)
    assert said.startswith("The experiment optimizer-speed-cuda has not been measured on a GPU")


def test_with_a_record_the_note_names_the_worst_of_each_method(monkeypatch):
    numbers = {
        f"{method}_{what}": f"{method} {what}"
        for method in EXPERIMENT.declaration.axes["method"]
        for what in ("least", "least_where")
    }
    record = Record(EXPERIMENT.declaration, MADE, ())
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *a: record)
    monkeypatch.setattr(gpu_notes, "summarize_optimizer_speed", lambda record: numbers)
    said = gpu_notes.speed_on_gpu(EXPERIMENT)
    assert "adan least for Adan (adan least_where)" in said
    assert "nesterov least for NAG (nesterov least_where)" in said
    assert said.endswith(record.note())
