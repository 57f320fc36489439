"""The race of copies at once against one by one: work, columns, and what is said of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from nagcore.evidence import sweep_race
from nagcore.evidence.experiments.sweep_speed import EXPERIMENT
from nagcore.evidence.experiments.sweep_speed_cuda import EXPERIMENT as ON_GPU
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.store import load_if_recorded
from nagcore.evidence.sweep_race import COLUMNS, CONTESTANTS, Race, disagreement, run_race
from nagcore.evidence.sweep_speed_table import (
    fastest,
    say_whether_goal_is_reached,
    summarize_sweep_speed,
    sweep_speed_frame,
    sweep_speed_table,
)
from nagcore.evidence.sweep_work import (
    NETWORKS,
    copies_step,
    cost_of,
    hyper_of,
    make_work,
    single_step,
)
from nagcore.root import find_root

MADE = Provenance(None, None, "2026-01-01T00:00:00+00:00", {}, "test", 1, 1.0, "0" * 64)


# the work


@pytest.mark.parametrize("network", NETWORKS)
def test_at_once_and_alone_do_the_same_work(network):
    assert disagreement(make_work(network, 8, "cpu"), copies=2) < 2e-5


def test_a_disagreement_would_be_seen(monkeypatch):
    work = make_work("tiny MLP", 8, "cpu")
    monkeypatch.setattr(sweep_race, "single_step", lambda work, copy: single_step(work, copy + 1))
    assert disagreement(work) > 1e-4


def test_neighbouring_copies_differ_in_what_they_are_given():
    assert len({hyper_of(copy) for copy in range(8)}) == 8
    step = copies_step(make_work("tiny MLP", 8, "cpu"), 4)
    assert step.hyper["momentum"].tolist() == [0.5, 0.9, 0.5, 0.9]
    assert not torch.equal(step.chunk[:, 0], step.chunk[:, 1])


def test_operations_and_bytes_are_counted_from_the_layers():
    cost = cost_of(make_work("MLP", 10, "cpu"))
    weights, biases = 784 * 32 + 32 * 10, 32 + 10
    products = 2 * 10 * (3 * weights - 784 * 32)  # no gradient is needed for the images
    outputs = 10 * (784 + 32 + 32 + 10)  # of Flatten, too
    numbers = 9 * (weights + biases) + 4 * 10 * 784 + 5 * outputs
    assert cost.parameters == weights + biases
    assert cost.megaflops == pytest.approx(1e-6 * products)
    assert cost.megabytes == pytest.approx(4e-6 * numbers)


def test_the_autoencoder_has_its_published_sizes():
    sizes = [784, 400, 200, 100, 50, 25, 6]
    sizes += sizes[-2::-1]
    layers = make_work("autoencoder", 8, "cpu").model.modules()
    found = [(m.in_features, m.out_features) for m in layers if isinstance(m, nn.Linear)]
    assert found == list(pairwise(sizes))


# the race


RACE = Race("tiny MLP", 4, 8, "cpu", ("one by one", "at once"), 3, 1e-3, 2**16)


@pytest.fixture
def _small_product(monkeypatch):
    monkeypatch.setattr(sweep_race, "gemm_peaks", lambda device, rounds: {"float32": 10.0})


@pytest.mark.usefixtures("_small_product")
def test_the_race_returns_its_columns():
    columns = run_race(RACE)
    assert set(columns) == set(COLUMNS)
    assert columns["error"] == ["", ""]
    assert [len(values) for values in columns["microseconds"]] == [3, 3]
    assert columns["difference"] < 1e-5
    assert columns["bandwidth"] > 0


@pytest.mark.usefixtures("_small_product")
def test_what_fails_is_named_and_the_others_go_on(monkeypatch):
    def broken(work, copies):
        raise RuntimeError("no way")

    monkeypatch.setitem(CONTESTANTS, "at once", broken)  # pyright: ignore[reportArgumentType]
    columns = run_race(RACE)
    assert columns["error"] == ["", "RuntimeError: no way"]
    assert [len(values) for values in columns["microseconds"]] == [3, 0]


@pytest.mark.usefixtures("_small_product")
def test_times_at_once_are_shared_among_the_copies(monkeypatch):
    monkeypatch.setattr(
        sweep_race,
        "time_steps",
        lambda steps, device, rounds, least: ({name: [1e-3] * 3 for name in steps}, {}),
    )
    columns = run_race(RACE)
    assert columns["microseconds"] == [[1000.0] * 3, [250.0] * 3]


@pytest.mark.parametrize("experiment", [EXPERIMENT, ON_GPU])
def test_what_is_declared_can_be_run(experiment):
    constants = experiment.declaration.constants
    for network in experiment.declaration.axes["network"]:
        assert network in NETWORKS
        assert constants["batch_size"][network] > 0
        assert set(constants["contestants"][network]) <= set(CONTESTANTS)
    assert set(constants["compiled_copies"]) <= set(experiment.declaration.axes["copies"])


def test_compiled_contestants_run_where_they_are_declared(monkeypatch):
    seen = []
    monkeypatch.setattr(sweep_race, "run_race", lambda race: seen.append(race) or {})
    for setting in ON_GPU.declaration.settings():
        sweep_race.measure_sweeps(setting, "cuda")
    compiled = [race.copies for race in seen if any("compiled" in name for name in race.names)]
    assert compiled == [64]
    assert len(seen) == 6


@pytest.mark.parametrize(("experiment", "device"), [(EXPERIMENT, "cpu"), (ON_GPU, "cuda")])
def test_the_record_is_of_one_computation_done_in_two_ways(experiment, device):
    record = load_if_recorded(experiment, device, find_root())
    if record is None:
        pytest.skip(f"{experiment.declaration.name} has not been recorded yet")
    for row in record.rows:
        assert not any(row["error"]), row["error"]
        assert row["difference"] < 1e-4
    numbers = summarize_sweep_speed(record)
    for network in experiment.declaration.axes["network"]:
        for copies in experiment.declaration.axes["copies"]:
            assert numbers[f"{slug(network)}_{copies}_best_times"] != "–"
    assert disagreement(make_work("tiny MLP", 8, "cpu")) < 1e-4


# what is said


def made_up(at_once=10.0, graph=True, error=""):
    """One by one takes 400 µs, a graph 100 µs; the second round is slow for all alike."""

    def measure(setting):
        own = {"one by one": 400.0, "at once": at_once, "at once, tf32": 1.0}
        own |= {"one by one, graph": 100.0} if graph else {}
        names = list(own)
        failed = dict.fromkeys(names, "") | {"at once": error}
        return {
            "contestant": names,
            "microseconds": [
                [] if failed[n] else [own[n], 10 * own[n], 1.1 * own[n]] for n in names
            ],
            "error": [failed[n] for n in names],
            "parameters": 12_345,
            "megaflops": 1e-3 * setting["copies"],
            "megabytes": 4e-3,
            "bandwidth": 2.0,
            "peak": 1.0,
            "peak_tf32": 8.0,
            "difference": 3e-7,
            "used_threads": 1,
        }

    declaration = ON_GPU.declaration
    rows = tuple(
        {a: setting[a] for a in declaration.axes} | measure(setting)
        for setting in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_frame_holds_medians_and_both_floors():
    frame = sweep_speed_frame(made_up()).set_index(["network", "copies", "contestant"])
    line = frame.loc[("small CNN", 64, "at once")]
    assert line["microseconds"] == pytest.approx(11.0)
    assert (line["least"], line["most"]) == (10.0, 100.0)
    assert line["memory"] == pytest.approx(2.0)  # 4 kB at 2 GB/s
    assert line["arithmetic"] == pytest.approx(64.0)  # 64 thousand at 1 GFLOP/s
    assert line["floor"] == pytest.approx(64.0)
    assert frame.loc[("small CNN", 64, "at once, tf32"), "arithmetic"] == pytest.approx(8.0)
    assert line["times"] == pytest.approx(10.0), "against the fastest one by one"
    table = sweep_speed_table(made_up())
    assert table.loc[("small CNN", 64, "at once"), "speed-up"] == "10"
    assert len(table) == 24


def test_numbers_for_prose_are_those_of_the_record():
    numbers = summarize_sweep_speed(made_up())
    assert numbers["autoencoder_64_best"] == "at once"
    assert numbers["autoencoder_64_best_times"] == "40"
    assert numbers["autoencoder_64_best_times_graph"] == "10"
    assert numbers["autoencoder_64_at-once_us"] == "11"
    assert numbers["autoencoder_16_floor_us"] == "16"
    assert numbers["small-cnn_parameters"] == "12,345"
    assert numbers["difference"] == "3e-07"
    assert numbers["rounds"] == str(ON_GPU.declaration.constants["rounds"])
    without = summarize_sweep_speed(made_up(graph=False))
    assert without["autoencoder_64_best_times_graph"] == "–"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (made_up(), "8 times the speed of one training after the other is reached: 40 times"),
        (made_up(), "and 10 times that of a graph"),
        (made_up(at_once=60.0), "is missed: 6.67 times"),
        (made_up(graph=False), "40 times that of the usual loop (“at once”)."),
        (made_up(error="OutOfMemoryError: no"), "Not everything could be timed: small CNN, 16"),
    ],
)
def test_the_verdict_follows_the_record(record, words):
    assert words in say_whether_goal_is_reached(record)


def test_the_fastest_multiplies_exactly():
    row = made_up().rows[0]
    assert fastest(row, alone=False) == "at once"
    assert fastest(row, alone=True) == "one by one, graph"
    assert fastest(made_up(error="no").rows[0], alone=False) == ""
    assert not any(t != t for t in sweep_speed_frame(made_up(graph=False))["times"].tolist())
