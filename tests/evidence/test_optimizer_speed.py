"""The race of optimizers times real steps; tables and figure show what it measured."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from nagcore.evidence import optimizer_peers, optimizer_race
from nagcore.evidence.experiments.optimizer_speed import EXPERIMENT
from nagcore.evidence.experiments.optimizer_speed_cuda import EXPERIMENT as ON_GPU
from nagcore.evidence.figures import draw_optimizer_speed
from nagcore.evidence.optimizer_peers import (
    METHODS,
    Contestant,
    Workload,
    bytes_per_parameter,
    contestants,
)
from nagcore.evidence.optimizer_race import Race, choose_contestants, run_race
from nagcore.evidence.optimizer_speed_table import (
    steps_by_optimizer,
    summarize_optimizer_speed,
    tabulate_optimizer_speed,
    tabulate_traffic,
)
from nagcore.evidence.parameter_lists import shapes_of
from nagcore.evidence.record import Record

from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

SHAPES = ((3, 4), (5,), ())
NAN = float("nan")
QUICK = [
    (method, name)
    for method in METHODS
    for name, contestant in contestants(method, "cpu").items()
    if not contestant.compiles
]


# the contestants


@pytest.mark.parametrize(("method", "name"), [case for case in QUICK if "Optax" not in case[1]])
def test_every_step_moves_all_parameters_and_finds_its_gradients_again(method, name):
    work = Workload(SHAPES, "cpu")
    apart = []
    work.apart = lambda: apart.append(Workload.apart(work)) or apart[-1]
    step = METHODS[method][name].build(work)
    moved = apart[0] if apart else work
    for _ in range(2):
        before = [p.detach().clone() for p in moved.parameters]
        step()
        for old, p in zip(before, moved.parameters, strict=True):
            assert not torch.equal(old, p)
            assert p.grad is not None
            assert p.grad.abs().min() > 0
    for p, fresh in zip(work.parameters, Workload(SHAPES, "cpu").parameters, strict=True):
        assert p.grad is not None
        assert fresh.grad is not None
        assert torch.equal(p.grad, fresh.grad), "a gradient that others use was written over"


def test_heavyball_keeps_the_gradients(monkeypatch):
    """By default it clears them, and would be timed at doing nothing."""
    heavyball = pytest.importorskip("heavyball")
    monkeypatch.setattr(heavyball.utils, "compile_mode", None)
    for method, name in (("nesterov", "HeavyBall SGD (heavy ball)"), ("nadam", "HeavyBall NAdam")):
        work = Workload(SHAPES, "cpu")
        step = METHODS[method][name].build(work)
        step()
        before = [p.detach().clone() for p in work.parameters]
        step()
        assert not any(map(torch.equal, before, work.parameters)), name


def test_nesterov_contestants_go_the_same_way():
    ends = {}
    for name in ("NAG", "NAG, flat", "torch SGD, fused", "pytorch_optimizer SGDW"):
        work = Workload(SHAPES, "cpu")
        step = METHODS["nesterov"][name].build(work)
        for _ in range(5):
            step()
        ends[name] = torch.cat([p.detach().reshape(-1) for p in work.parameters])
    for name, end in ends.items():
        torch.testing.assert_close(end, ends["torch SGD, fused"], msg=name)


def test_traffic_counts_what_the_states_hold():
    for method, state in (("nesterov", 1), ("nadam", 2), ("adan", 4)):
        reads, writes = 2 + state, 1 + state
        assert bytes_per_parameter(method) == 4 * (reads + writes)


def test_compiled_contestants_are_left_out_of_long_lists():
    limits = {"compiled_tensors": 100, "left_out": {"small CNN": ("NAG, plain",)}}
    long = choose_contestants("nesterov", "500 tensors", "cpu", limits)
    short = choose_contestants("nesterov", "small CNN", "cpu", limits)
    compiled = {"NAG, compiled", "torch SGD, compiled", "HeavyBall SGD (heavy ball)"}
    assert set(contestants("nesterov", "cpu")) - set(long) == compiled
    assert set(contestants("nesterov", "cpu")) - set(short) == {"NAG, plain"}


def test_graphs_and_kernels_by_name_are_for_the_gpu():
    here, there = (set(contestants("nesterov", device)) for device in ("cpu", "cuda"))
    assert {"NAG, captured", "NAG, kernel", "torch SGD, fused, captured"} <= there - here
    assert not [name for name in there if name.startswith(("Optax", "HeavyBall"))]


def test_what_is_left_out_of_a_billion_parameters_exists():
    left_out = ON_GPU.declaration.constants["limits"]["left_out"]["one billion"]
    known = {name for method in METHODS for name in contestants(method, "cuda")}
    assert set(left_out) <= known
    for method in METHODS:
        limits = {"compiled_tensors": 100, "left_out": {"one billion": left_out}}
        left = choose_contestants(method, "one billion", "cuda", limits)
        assert ON_GPU.declaration.constants["reference"][method] in left
        assert next(iter(METHODS[method])) in left


# the race


def race(*names, method="nesterov", reference="torch SGD, fused", parameters="small CNN", rounds=3):
    return run_race(Race(parameters, method, names, reference, "cpu", rounds, 1e-4, 2))


def test_a_race_holds_all_against_ours_and_the_reference():
    columns = race("NAG", "torch SGD, fused")
    assert set(columns) == set(EXPERIMENT.declaration.columns)
    assert columns["error"] == ["", ""]
    assert columns["against_ours"][0] == columns["against_reference"][1] == 1.0
    # medians of ratios of the same rounds, one way and the other
    assert columns["against_ours"][1] == pytest.approx(columns["against_reference"][0])
    assert columns["elements"] == sum(math.prod(s) for s in shapes_of("small CNN"))
    for us, bandwidth in zip(columns["microseconds"], columns["bandwidth"], strict=True):
        assert bandwidth == pytest.approx(20e-3 * columns["elements"] / us)
    assert all(0 < share < 1 for share in columns["share"])
    assert columns["iteration"] > 0


def test_one_that_fails_says_why_and_the_others_are_timed(monkeypatch):
    def build(work):
        raise MemoryError("no room\nat all")

    field = METHODS["nesterov"] | {"torch SGD, fused": Contestant(build)}
    monkeypatch.setitem(optimizer_peers.METHODS, "nesterov", field)
    columns = race("NAG", "torch SGD, fused", rounds=1)
    assert columns["error"] == ["", "MemoryError: no room"]
    assert columns["microseconds"][0] > 0
    for name in ("microseconds", "against_ours", "fraction", "share"):
        assert math.isnan(columns[name][1])
    assert math.isnan(columns["against_reference"][0])


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("optax", "Optax sgd, jitted"),
        ("heavyball", "HeavyBall SGD (heavy ball)"),
        ("pytorch_optimizer", "pytorch_optimizer SGDW"),
    ],
)
def test_a_peer_that_is_not_installed_is_left_out_with_a_reason(package, name, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    columns = race("NAG", name, rounds=1)
    assert columns["error"][0] == ""
    assert f"the package '{package}', which is not installed" in columns["error"][1]


def test_a_process_that_is_killed_leaves_a_row_that_says_so(monkeypatch):
    def killed(*_, **__):
        raise optimizer_race.BrokenProcessPool("it was killed")

    monkeypatch.setattr(optimizer_race, "call_afresh", killed)
    row = EXPERIMENT.measured(EXPERIMENT.declaration.settings()[0], "cpu")
    assert set(row["error"]) == {"BrokenProcessPool: it was killed"}
    assert all(map(math.isnan, row["microseconds"]))


def test_on_a_gpu_races_share_a_process_and_launches_are_counted_where_it_is_declared(monkeypatch):
    races = []

    def run(race):
        races.append(race)
        return dict.fromkeys(ON_GPU.declaration.columns, 0)

    monkeypatch.setattr(optimizer_race, "run_race", run)
    monkeypatch.setattr(optimizer_race, "call_afresh", None)
    monkeypatch.setattr(optimizer_race.gc, "collect", lambda: 0)
    for setting in ON_GPU.declaration.settings():
        ON_GPU.measured(setting, "cuda")
    assert {race.parameters for race in races if race.counted} == {"500 tensors"}
    assert [race.parameters for race in races] == [
        setting["parameters"] for setting in ON_GPU.declaration.settings()
    ]


def test_a_setting_is_measured_in_a_process_of_its_own():
    keep = ("Adan", "torch AdamW, fused")
    left_out = tuple(name for name in contestants("adan", "cpu") if name not in keep)
    small = EXPERIMENT.declaration.replace(
        parameters=("small CNN",), method=("adan",), threads=(1,), rounds=2, batch_size=2,
        limits={"compiled_tensors": 1, "left_out": {"small CNN": left_out}},
    )  # fmt: skip
    torch.set_grad_enabled(False)  # which a new process does not know of
    try:
        row = EXPERIMENT.measured(small.settings()[0], "cpu")
    finally:
        torch.set_grad_enabled(True)
    assert (row["contestant"], row["error"]) == (list(keep), ["", ""])
    assert all(us > 0 for us in row["microseconds"])


# tables and figure


def made_up(experiment=EXPERIMENT, device="cpu"):
    """The n-th contestant takes n times as long as ours; the reference 3 times, peers fail once."""

    def measure(setting):
        names = choose_contestants(
            setting["method"], setting["parameters"], device, setting["limits"]
        )
        field = contestants(setting["method"], device)
        shapes = shapes_of(setting["parameters"])
        failed = [name.startswith("Optax") for name in names]
        times = [NAN if f else float(n) for n, f in enumerate(failed, start=1)]
        threads = setting.get("threads", 1)
        columns = {
            "contestant": list(names),
            "version": [f"{field[name].package} 1" for name in names],
            "microseconds": [10 * t / threads for t in times],
            "against_ours": times,
            "against_reference": [3 / t for t in times],
            "bandwidth": [20 / t for t in times],
            "fraction": [0.9 / t for t in times],
            "share": [0.004 * t if setting["parameters"] == "small CNN" else NAN for t in times],
            "error": ["MissingExtraError: no" if f else "" for f in failed],
            "tensors": len(shapes),
            "elements": sum(math.prod(shape) for shape in shapes),
            "bytes_per_parameter": 20,
            "kernels": True,
            "pass_bandwidth": 22.0,
            "iteration": 2500.0,
        }
        return columns | ({"launches": [1.0] * len(names)} if device == "cuda" else {})

    declaration = experiment.declaration
    if "threads" in declaration.axes:
        declaration = declaration.replace(threads=(1, 2))
    rows = tuple(
        {axis: setting[axis] for axis in declaration.axes} | measure(setting)
        for setting in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_steps_know_whose_they_are():
    frame = steps_by_optimizer(made_up())
    assert set(frame.loc[frame["ours"], "contestant"]) >= {"NAG", "NAG, flat", "NAdam", "Adan"}
    yard = frame.loc[frame["contestant"] == "torch AdamW, fused"]
    assert not yard["ours"].any()
    assert not yard["rival"].any()
    assert set(frame["threads"]) == {1, 2}
    assert set(steps_by_optimizer(made_up(), threads=2)["threads"]) == {2}


def test_the_table_of_speed():
    table = tabulate_optimizer_speed(made_up(), "nesterov", threads=2)
    assert table.index[0] == "NAG"
    extent = "ResNet-18: 62 tensors, 11.7 M"
    assert table.loc["NAG, foreach", (extent, "µs")] == "10.0"
    assert table.loc["NAG, foreach", (extent, "× ours")] == "2.00"
    assert table.loc["Optax sgd, jitted", (extent, "µs")] == "failed"
    many = "500 tensors: 500 tensors, 5 M"
    assert table.loc["NAG, compiled", (many, "µs")] == "–"
    one_thread = tabulate_optimizer_speed(made_up(), "nesterov")
    assert one_thread.loc["NAG, foreach", (extent, "µs")] == "20.0"


def test_the_table_of_traffic():
    table = tabulate_traffic(made_up())
    assert len(table) == made_up().declaration.size
    assert table.loc[("nadam", "small CNN", 2)].tolist() == [
        20, "5.0", "20.0", "22.0", "90 %", "0.4 %",
    ]  # fmt: skip
    assert table.loc[("nadam", "one tensor", 1), "part of an iteration"] == "–"
    assert tabulate_traffic(made_up(ON_GPU, "cuda")).index.names == ["method", "parameters"]


def test_prose_numbers_of_optimizer_speed():
    numbers = summarize_optimizer_speed(made_up())
    assert numbers["rounds"] == str(EXPERIMENT.declaration.constants["rounds"])
    names = list(contestants("adan", "cpu"))
    assert numbers["adan_one-tensor_1_rival"] == "pytorch_optimizer Adan, foreach"
    assert (
        numbers["adan_one-tensor_1"] == f"{1 + names.index(numbers['adan_one-tensor_1_rival'])}.00"
    )
    assert numbers["adan_one-tensor_1_reference"] == numbers["adan_one-tensor_1"]
    assert numbers["nadam_small-cnn_2_us"] == "5.0"
    assert numbers["nadam_small-cnn_2_fraction"] == "90 %"
    assert numbers["nadam_small-cnn_2_share"] == "0.4 %"
    # on 500 tensors no compiled one comes before torch's, so its place there is lower
    assert numbers["nesterov_least_where"] == "500 tensors"
    on_gpu = summarize_optimizer_speed(made_up(ON_GPU, "cuda"))
    assert on_gpu["nesterov_gpt-2_rival"].startswith("torch SGD")


def test_optimizers_are_drawn_in_rows_with_a_mark_for_each_list():
    record = made_up()
    figure = draw_optimizer_speed(record)
    assert len(figure.axes) == 3
    axes = figure.axes[2]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == list(contestants("adan", "cpu"))
    place = rows.index("Adan, foreach")
    drawn = [line for line in axes.lines if np.asarray(line.get_ydata()).tolist() == [place]]
    assert [float(np.asarray(line.get_xdata())[0]) for line in drawn] == [1.5] * 4
    assert len({str(line.get_marker()) for line in drawn}) == 4
    assert {line.get_markerfacecolor() for line in drawn} != {"none"}, "ours are filled"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[1] == "ResNet-18: 62 tensors, 11.7 M"
    assert axes.texts[0].get_text() == "1 = pytorch_optimizer Adan, foreach"
    assert len(draw_optimizer_speed(made_up(ON_GPU, "cuda")).legends[0].get_texts()) == 7


def test_a_workload_apart_is_a_copy():
    work = Workload(SHAPES, "cpu")
    twin = work.apart()
    for p, q in zip(work.parameters, twin.parameters, strict=True):
        assert p.grad is not None
        assert q.grad is not None
        assert torch.equal(p, q)
        assert torch.equal(p.grad, q.grad)
        assert p.grad.data_ptr() != q.grad.data_ptr()
