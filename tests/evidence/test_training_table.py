"""The tables of switches and loops, and what is said of them and of a GPU."""

from __future__ import annotations

import math

from nagcore.evidence import gpu_notes, training_table
from nagcore.evidence.experiments.loop_speed import EXPERIMENT as LOOPS
from nagcore.evidence.experiments.loop_speed_cuda import EXPERIMENT as LOOPS_ON_GPU
from nagcore.evidence.experiments.switches_agree import EXPERIMENT as SWITCHES
from nagcore.evidence.loop_speed_table import RIVALS
from nagcore.evidence.record import Record

from .made_up import MADE


def switches(**verdicts):
    rows = [
        {
            "network": network, "switch": switch, "first": 0.0, "last": 2e-5, "loss": math.nan,
            "agrees": verdicts.get(switch, "yes"), "error": "no GPU" if switch == "graph" else "",
        }
        for network in SWITCHES.declaration.axes["network"]
        for switch in SWITCHES.declaration.axes["switch"]
    ]  # fmt: skip
    return Record(SWITCHES.declaration, MADE, tuple(rows))


def test_the_table_of_switches_has_distances_and_verdicts():
    table = training_table.tabulate_switches(switches(compile="no"))
    assert list(table.index) == list(SWITCHES.declaration.axes["switch"])
    line = table.loc["compile"]
    assert line["M", "one step"] == "0"
    assert line["M", "all steps"] == "2.0 × 10⁻⁵"
    assert (line["M", "loss"], line["M", "agrees"]) == ("–", "no")
    limits = SWITCHES.declaration.constants["tolerance"]["compile"]
    assert [float(line["tolerance", w]) for w in training_table._WHERE] == list(limits)


def test_switches_are_summed_up_without_their_controls():
    found = training_table.summarize_switches(switches(graph="–", bfloat16="no", again="no"))
    ways = len(SWITCHES.declaration.axes["switch"]) - len(training_table.CONTROLS)
    assert found["switch_run"] == str(2 * (ways - 1))
    assert found["switch_agree"] == str(2 * (ways - 2))
    assert found["switch_not_run"] == "graph (no GPU)"
    assert found["switch_apart"] == "bfloat16 (M), bfloat16 (repaired CNN)"
    assert training_table.summarize_switches(switches())["switch_apart"] == "none"


def loops(experiment, slower=2.0, absent=()):
    """Every loop takes 2 ms, but for the rivals, which take so many times as long."""
    from nagcore.evidence.loop_contestants import contestants

    names = list(contestants(experiment.declaration.devices[0]))
    times = [
        [] if name in absent else [2.0 * (slower if name in RIVALS else 1.0)] * 3 for name in names
    ]
    axes = [
        {axis: setting[axis] for axis in experiment.declaration.axes}
        for setting in experiment.declaration.settings()
    ]
    numbers = {"parameters": 1000, "steps": 10, "megaflops": 1.0, "peak": 1.0}
    more = {"peak_bfloat16": 1.0, "used_threads": 1}
    lists = {"contestant": names, "milliseconds": times, "first": [0.0] * len(names)}
    rows = [{**each, **numbers, **more, **lists} for each in axes]
    return Record(experiment.declaration, MADE, tuple(rows))


def test_goals_are_counted():
    record = loops(LOOPS, slower=2.0)  # of 2.7, 1.5 and 1.7, and of 3.6, 2.0 and 2.3
    found, settings = training_table.summarize_goals(record), len(record.rows)
    assert found == {
        "goals": str(6 * settings),
        "goals_reached": str(3 * settings),
        "goals_fit": str(3 * settings),
        "goals_reached_fit": str(2 * settings),
        "goals_fit-bfloat16": str(3 * settings),
        "goals_reached_fit-bfloat16": str(settings),
    }
    assert (
        training_table.summarize_goals(loops(LOOPS, slower=9.0))["goals_reached"] == found["goals"]
    )


def test_what_was_not_measured_on_a_gpu_is_not_said(monkeypatch):
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *a: None)
    for say, experiment in (
        (training_table.loops_on_gpu, LOOPS_ON_GPU),
        (training_table.switches_on_gpu, SWITCHES),
    ):
        assert "has not been measured on a GPU yet" in say(experiment)


def test_what_was_measured_on_a_gpu_is_said_with_its_note(monkeypatch):
    record = loops(LOOPS_ON_GPU, slower=3.0)
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *a: record)
    said = training_table.loops_on_gpu(LOOPS_ON_GPU)
    assert "3.00 for the loop over a DataLoader, 3.00 for Lightning, 1.00 for fit" in said
    assert said.endswith(record.note())
    assert "Not timed" not in said
    record = loops(LOOPS_ON_GPU, slower=3.0, absent=("Lightning",))
    said = training_table.loops_on_gpu(LOOPS_ON_GPU)
    assert "3.00 for the loop over a DataLoader, 1.00 for fit without a graph (S);" in said
    assert "Not timed: Lightning." in said
    record = loops(LOOPS_ON_GPU, slower=3.0, absent=("fit, captured",))
    assert "none was timed (S); none was timed (M)" in training_table.loops_on_gpu(LOOPS_ON_GPU)
    record = switches(compile="no")
    said = training_table.switches_on_gpu(SWITCHES)
    assert "compile (M), compile (repaired CNN)" in said
    assert (
        "of “M” are 0 away from those of plain float32 after one step and 2.0 × 10⁻⁵ after" in said
    )
    assert "none is further away than 0 after one step (channels_last)." in said
    assert said.count("With TF32") == 2
    record = switches(tf32="–")
    assert "With TF32" not in training_table.switches_on_gpu(SWITCHES)


def test_tf32_stands_beside_the_furthest_switch_that_was_run(monkeypatch):
    firsts = {"tf32": 3e-4, "channels_last": 4e-7, "compile": 9e-6, "bfloat16": 0.1}
    rows = [
        dict(row) | {"first": firsts.get(row["switch"], 0.0)}
        for row in switches(graph="–", accumulate="–").rows
    ]
    record = Record(SWITCHES.declaration, MADE, tuple(rows))
    monkeypatch.setattr(gpu_notes, "load_if_recorded", lambda *a: record)
    said = training_table.switches_on_gpu(SWITCHES)
    assert "are 3.0 × 10⁻⁴ away from those of plain float32" in said
    assert "none is further away than 9.0 × 10⁻⁶ after one step (compile)." in said
    table = gpu_notes.table_on_gpu(SWITCHES, training_table.tabulate_switches)
    assert table.loc["tf32"]["M", "one step"] == "3.0 × 10⁻⁴"
