"""What the page says of a GPU: nothing that was not recorded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nagcore.evidence import gpu_notes
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.experiments.execution_modes import EXPERIMENT as MODES
from nagcore.evidence.experiments.optimizer_speed_cuda import EXPERIMENT
from nagcore.evidence.experiments.overflow_on_first_step import EXPERIMENT as OVERFLOW
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record

STUDY = EXPERIMENTS["cnn-60000"]
NOT_YET = "has not been measured on a GPU yet; “make gpu” does it."


def made(seconds=1.0, threads=1):
    date = "2026-01-01T00:00:00+00:00"
    return Provenance(None, None, date, {}, "GPU (test)", threads, seconds, "0" * 64)


def found(monkeypatch, **records):
    """Let these records be the ones of the devices, None where there is none."""
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda e, device, _: records.get(device))


def record_of(experiment, measure, provenance=None):
    places = [
        {axis: setting[axis] for axis in experiment.declaration.axes}
        for setting in experiment.declaration.settings()
    ]
    rows = tuple(place | measure(place) for place in places)
    return Record(experiment.declaration, provenance or made(), rows)


@pytest.mark.parametrize(
    ("say", "experiment"),
    [
        (gpu_notes.speed_on_gpu, EXPERIMENT),
        (gpu_notes.modes_on_gpu, MODES),
        (gpu_notes.overflow_on_gpu, OVERFLOW),
        (gpu_notes.accuracies_on_gpu, STUDY),
    ],
)
def test_without_a_record_the_note_says_how_to_make_one(say, experiment, monkeypatch):
    found(monkeypatch)
    name = experiment.declaration.name
    assert say(experiment) == f"The experiment {name} {NOT_YET}"


# the speed of optimizers


def summary(**changes):
    numbers = {
        f"{method}_{what}": f"{method} {what}"
        for method in EXPERIMENT.declaration.axes["method"]
        for what in ("least", "least_where")
    }
    return lambda record: numbers | changes


def test_with_a_record_the_note_names_the_worst_of_each_method(monkeypatch):
    record = Record(EXPERIMENT.declaration, made(), ())
    found(monkeypatch, cuda=record)
    monkeypatch.setattr(gpu_notes, "summarize_optimizer_speed", summary())
    said = gpu_notes.speed_on_gpu(EXPERIMENT)
    assert "adan least for Adan (adan least_where)" in said
    assert "nesterov least for NAG (nesterov least_where)" in said
    assert said.endswith(record.note())


def test_where_no_peer_was_there_the_note_says_so(monkeypatch):
    found(monkeypatch, cuda=Record(EXPERIMENT.declaration, made(), ()))
    monkeypatch.setattr(gpu_notes, "summarize_optimizer_speed", summary(adan_least="nan"))
    said = gpu_notes.speed_on_gpu(EXPERIMENT)
    assert "nan" not in said.replace("nadam", "").replace("adan", "")
    assert "For Adan there was no other to be timed." in said
    alone = {f"{method}_least": "nan" for method in EXPERIMENT.declaration.axes["method"]}
    monkeypatch.setattr(gpu_notes, "summarize_optimizer_speed", summary(**alone))
    said = gpu_notes.speed_on_gpu(EXPERIMENT)
    assert said.startswith("On a GPU ours were timed alone. For NAG and NAdam and Adan there")


# ways to run a step


def test_modes_that_failed_are_counted_with_their_reason(monkeypatch):
    def measure(place):
        failed = place["mode"] == "compiled"
        return {
            "distance": math.nan if failed else float(place["mode"] == "kernel"),
            "overflow": "yes",
            "resumes": "no" if place == {"optimizer": "NAG", "mode": "flat"} else "yes",
            "error": "Unsupported: no" if failed else "",
        }

    found(monkeypatch, cuda=record_of(MODES, measure))
    said = gpu_notes.modes_on_gpu(MODES)
    optimizers = len(MODES.declaration.axes["optimizer"])
    modes = len(MODES.declaration.axes["mode"])
    assert f"{optimizers * (modes - 1)} of {optimizers * modes} pairs were run" in said
    assert f"{optimizers * (modes - 2)} end in the bits" in said
    assert (
        "largest distance is 1 (NAG, kernel, that of the next 1). Contracts broken: NAG, flat."
        in said
    )
    assert f"Not run: compiled for {optimizers} optimizers (Unsupported: no)." in said


# the overflow


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0.0, "All others end in the bits of the run without overflow."),
        (2.5e-5, "No parameter of the others ends further than 2.5 × 10⁻⁵ from the run"),
        (math.nan, "Not all of the others end near the run without overflow."),
    ],
)
def test_the_overflow_says_how_far_the_others_are(distance, words, monkeypatch):
    def measure(place):
        fused = place["optimizer"] == "torch.optim.SGD, fused"
        return {
            "state": 0.0,
            "moved": 0.0,
            "losses": [1.0, math.nan if fused else 1.0],
            "distance": math.nan if fused else distance * (place["seed"] == 3),
            "share": float(fused),
            "medians": [0.1],
        }

    found(monkeypatch, cuda=record_of(OVERFLOW, measure))
    said = gpu_notes.overflow_on_gpu(OVERFLOW)
    assert "10 of 10 runs, and its state holds the number in 10." in said
    assert words in said


# accuracies on two devices


def study(device, shift=0.0, provenance=None):
    def measure(place):
        wave = 0.01 * math.sin(7 * place["seed"] + len(place["optimizer"]) + (device == "cuda"))
        value = 0.8 + wave + shift * (place["optimizer"] == "nag")
        return dict.fromkeys(STUDY.declaration.columns, value)

    return record_of(STUDY, measure, provenance)


def test_accuracies_stand_side_by_side_and_agree_within_their_spread(monkeypatch):
    cpu, gpu = study("cpu", provenance=made(600.0)), study("cuda", provenance=made(20.0))
    found(monkeypatch, cpu=cpu, cuda=gpu)
    said, table = gpu_notes.accuracies_on_gpu(STUDY), gpu_notes.tabulate_accuracies(STUDY)
    count = len(STUDY.declaration.axes["optimizer"])
    assert f"for {count} of {count} methods the 95 % interval" in said
    own, other = (gpu_notes.accuracy_by_method(each) for each in (gpu, cpu))
    ends = [stats.ttest_rel(own[n], other[n]).confidence_interval(0.95) for n in own]
    widest = max(100 * (end.high - end.low) / 2 for end in ends)
    assert f"with n = {len(own['nag'])} the widest reaches {widest:.1f} points to either" in said
    assert "took 20 seconds on the GPU and 600 on 1 thread of the CPU, 30 times as long" in said
    assert list(table.index) == ["SGD", "Nesterov", "Adam"]
    own = own["nag"]
    mean, spread = 100 * np.mean(own), 100 * np.std(own, ddof=1)
    assert table.loc["Nesterov", "GPU"] == f"{mean:.1f} ± {spread:.1f} % (n = {len(own)})"


def test_a_difference_beyond_the_spread_is_counted(monkeypatch):
    cpu, gpu = study("cpu"), study("cpu", shift=0.05)
    found(monkeypatch, cpu=cpu, cuda=gpu)
    said, count = gpu_notes.accuracies_on_gpu(STUDY), len(STUDY.declaration.axes["optimizer"])
    assert "at most 5.0 percentage points" in said
    assert f"for {count - 1} of {count} methods" in said
    assert "1 times" in said


def test_the_interval_is_that_of_paired_runs(monkeypatch):
    cpu, gpu = study("cpu"), study("cuda", shift=0.02)
    found(monkeypatch, cpu=cpu, cuda=gpu)
    shown = gpu_notes.tabulate_accuracies(STUDY).loc["Nesterov", "GPU − CPU, points (95 %)"]
    some, others = (gpu_notes.accuracy_by_method(each)["nag"] for each in (gpu, cpu))
    ends = stats.ttest_rel(some, others).confidence_interval(0.95)
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in (ends.low, ends.high))
    assert shown.endswith(f" ({low} to {high})")


def test_a_device_without_a_record_is_said_in_the_table(monkeypatch):
    found(monkeypatch, cpu=study("cpu"))
    table = gpu_notes.tabulate_accuracies(STUDY)
    assert set(table["GPU"]) == {gpu_notes.NOT_YET}
    assert set(table["GPU − CPU, points (95 %)"]) == {"–"}


def test_below_a_caption_it_is_not_said_again_where_it_was_measured(monkeypatch):
    record = record_of(STUDY, lambda place: {"accuracy": 0.5})
    found(monkeypatch, cuda=record)
    assert gpu_notes.say_on_gpu(STUDY, lambda _: "It is so.") == "It is so."
    assert gpu_notes.note_on_gpu(STUDY, lambda _: "It is so.") == f"It is so. {record.note()}"
    found(monkeypatch)
    assert gpu_notes.say_on_gpu(STUDY, lambda _: "It is so.").endswith(NOT_YET)
