"""The race of copies at once against one by one: its work and its columns."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from nagcore.evidence import sweep_race
from nagcore.evidence.experiments.sweep_speed import EXPERIMENT
from nagcore.evidence.experiments.sweep_speed_cuda import EXPERIMENT as ON_GPU
from nagcore.evidence.limits_sweeps import ratios_of
from nagcore.evidence.store import load_if_recorded
from nagcore.evidence.sweep_race import COLUMNS, CONTESTANTS, Race, disagreement, run_race
from nagcore.evidence.sweep_verdicts import AT_ONCE
from nagcore.evidence.sweep_work import (
    NETWORKS,
    copies_step,
    cost_of,
    hyper_of,
    make_work,
    single_step,
)
from nagcore.root import find_root

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
        assert ratios_of(row, AT_ONCE).loop > 0
    assert disagreement(make_work("tiny MLP", 8, "cpu")) < 1e-4
