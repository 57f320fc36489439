"""Floors are counted rightly, and times stand beside them as they were measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nagcore.errors import UsageError
from nagcore.evidence import gpu_notes, limits_roof
from nagcore.evidence.experiments.gradient_speed import EXPERIMENT as GRADIENTS
from nagcore.evidence.experiments.loop_speed import EXPERIMENT as LOOPS
from nagcore.evidence.experiments.loop_speed_cuda import EXPERIMENT as LOOPS_ON_GPU
from nagcore.evidence.experiments.optimizer_speed import EXPERIMENT as STEPS
from nagcore.evidence.experiments.optimizer_speed_cuda import EXPERIMENT as STEPS_ON_GPU
from nagcore.evidence.experiments.solver_overhead import EXPERIMENT as SOLVER
from nagcore.evidence.experiments.stream_speed import EXPERIMENT as STREAM
from nagcore.evidence.experiments.sweep_speed_cuda import EXPERIMENT as SWEEPS
from nagcore.evidence.figures.limits import draw_limits, draw_roofline
from nagcore.evidence.floors import METHODS, Rates, count_layers, count_step, trace_step
from nagcore.evidence.limits import (
    Limit,
    gradient_limits,
    layers_of,
    loop_limits,
    of_ours,
    rates_of,
    solver_limits,
    step_limits,
    stream_limits,
)
from nagcore.evidence.limits_roof import Mark, Roof, roof_of, roof_on_gpu, say_ceilings
from nagcore.evidence.limits_table import (
    say_limits,
    summarize_added,
    summarize_loops,
    summarize_rates,
    tabulate_layers,
    tabulate_limits,
    tabulate_steps,
)
from nagcore.evidence.loop_nets import NETWORKS, make_twins
from nagcore.evidence.optimizer_peers import bytes_per_parameter

from .made_up import record_of

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")


def steps(
    experiment=STEPS, names=("NAG", "NAG, foreach", "torch SGD, fused", "torch AdamW, fused")
):
    """Ten million parameters in a millisecond per contestant, in order; 100 GB/s for the pass."""

    def measure(setting):
        own = [METHODS[setting["method"]].__name__, *names[1:]]
        count = 10_000_000 if setting["parameters"] == "one tensor" else 1_000
        return {
            "contestant": own,
            "version": ["nagcore 1", "nagcore 1", "torch 2", "torch 2"],
            "microseconds": [1e3 * (n + 1) for n in range(4)],
            "against_ours": [1.0, 2.0, 3.0, 4.0],
            "against_reference": [3.0, 1.5, 1.0, 0.75],
            **dict.fromkeys(("bandwidth", "fraction", "share", "launches"), [0.5] * 4),
            "error": [""] * 4,
            "elements": count,
            "tensors": 1,
            "pass_bandwidth": 100.0 if count > 1_000 else 7.0,
        }

    return record_of(experiment.declaration, measure)


def loops(experiment=LOOPS, names=("fit", "fit, bfloat16", "gradient alone")):
    """A step of `fit` takes 8 ms, and each of the others a millisecond less than the last."""

    def measure(setting):
        return {
            "contestant": [*names, "Lightning"],
            "milliseconds": [*([8.0 - n, 9.0 - n, 7.0 - n] for n in range(len(names))), []],
            "megaflops": 100.0,
            "peak": 50.0,
            "peak_bfloat16": 200.0,
        }

    return record_of(experiment.declaration, measure)


# what is counted


@pytest.mark.parametrize("method", METHODS)
def test_the_traffic_of_a_step_is_that_of_its_state(method):
    assert count_step(method).bytes == bytes_per_parameter(method)


@pytest.mark.parametrize("method", METHODS)
def test_operation_by_operation_each_intermediate_result_is_moved(method):
    """Against a walk over the program that reads and writes."""
    program, moved = trace_step(method), 0
    for operation in program.operations:
        operands = [o for o in (operation.first, operation.second) if o is not None]
        moved += 4 * len({o.index for o in operands if o.of == "value"}) + 4
    assert count_step(method).one_by_one == moved > count_step(method).bytes


def test_a_method_without_a_rule_is_refused():
    with pytest.raises(UsageError, match="no method 'adam'; the methods: "):
        count_step("adam")


@pytest.mark.parametrize("network", NETWORKS)
def test_layers_have_the_operations_that_torch_counts(network):
    model, images = make_twins(network, 0).ours, torch.zeros(3, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        model(images).sum().backward()
    assert sum(layer.operations for layer in count_layers(model, images)) == (
        counter.get_total_flops()
    )


def test_bytes_of_a_layer_are_its_tensors_each_once():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(32, 5))
    convolution, linear = count_layers(model, torch.zeros(7, 1, 4, 4))
    x, w, y = 7 * 16, 2 * 9, 7 * 2 * 16
    assert convolution.bytes == 4 * ((x + w + y) + (x + y + w))  # forward, and of the weights
    assert linear.bytes == 3 * 4 * (7 * 32 + 32 * 5 + 7 * 5)
    assert not model[0]._forward_hooks


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_the_ceiling_is_the_floor_seen_from_above(bandwidth, peak, operations, traffic):
    rates = Rates(bandwidth, peak)
    seconds = rates.floor(operations, traffic)
    assert operations / seconds == pytest.approx(rates.ceiling(operations / traffic))
    memory = operations / traffic < rates.ridge
    assert seconds == pytest.approx(traffic / bandwidth if memory else operations / peak)


# times beside their floors


def test_rates_are_those_of_the_longest_list_and_of_the_products():
    assert rates_of(steps(), loops()) == Rates(100e9, 50e9)


def test_a_step_is_held_against_its_own_traffic_and_the_pass_beside_it():
    found = {(each.who, each.case): each for each in step_limits(steps())}
    assert found["NAG", "one tensor"].times == pytest.approx(1e-3 / (20 * 1e7 / 100e9))
    assert found["NAG", "small CNN"].floor == pytest.approx(20 * 1e3 / 7e9)
    assert found["torch SGD, fused", "one tensor"].seconds == pytest.approx(3e-3)
    assert ("torch AdamW, fused", "one tensor") not in found, "it is no reference on a CPU"


def test_a_yardstick_is_held_against_the_bytes_that_it_moves():
    found = [e for e in step_limits(steps(STEPS_ON_GPU)) if e.who == "torch AdamW, fused"]
    largest = [each for each in found if each.case == "one tensor"]
    assert [each.floor for each in largest] == pytest.approx([28 * 1e7 / 100e9])


def test_loops_are_held_against_the_sum_over_their_layers():
    layers = layers_of("S", 64)
    found = {(each.who, each.case): each for each in loop_limits(loops())}
    expected = sum(layer.operations for layer in layers) / 50e9
    assert found["fit", "S"].floor == pytest.approx(expected)
    assert found["fit, bfloat16", "S"].floor == pytest.approx(expected / 4)
    assert found["fit", "S"].seconds == pytest.approx(8e-3)
    assert {each.bound for each in found.values()} == {"arithmetic"}
    assert "Lightning" not in {who for who, _ in found}
    slow = {(each.who, each.case): each for each in loop_limits(loops(), bandwidth=1e6)}
    assert slow["fit", "S"].floor == pytest.approx(sum(layer.bytes for layer in layers) / 1e6)
    assert slow["fit", "S"].bound == "memory"


def test_gradients_are_held_against_one_reading():
    record = record_of(
        GRADIENTS.declaration, lambda s: {"blocks": 2.0 * s["threads"], "two_products": 4.0}
    )
    found = gradient_limits(record, bandwidth=1e12)
    rows = max(GRADIENTS.declaration.axes["rows"])
    unknowns = GRADIENTS.declaration.constants["unknowns"]
    assert {each.floor for each in found} == {8 * rows * unknowns / 1e12}
    assert [each.seconds for each in found] == pytest.approx([2e-3, 4e-3] * 2)


def test_the_solver_is_held_against_the_bare_loop():
    record = record_of(
        SOLVER.declaration,
        lambda s: {"loop": 10.0, "solver": (t := 10.0 + s["unknowns"] / 1e4), "ratio": t / 8},
    )
    found = solver_limits(record)
    # that of the rounds, as recorded, and not the quotient of the medians
    assert [each.times for each in found] == pytest.approx([1.250125, 1.2625, 2.5] * 2)
    shown = summarize_added(found)
    assert (shown["added_least"], shown["added_most"]) == ("1 ns", "10 µs")
    assert (shown["added_short"], shown["added_long"]) == ("20 %", "60 %")


def stream():
    return record_of(
        STREAM.declaration,
        lambda _: {
            "reader": ["nagcore", "grain", "memmap, not shuffled"],
            "cold": [[40.0, 50.0, 60.0], [1.0] * 3, [100.0] * 3],
            "warm": [[100.0] * 3, [2.0] * 3, [400.0] * 3],
        },
    )


def test_streams_are_held_against_the_sequential_read():
    found = {(each.who, each.case): each.times for each in stream_limits(stream())}
    assert found == pytest.approx(
        {
            ("nagcore", "cold files"): 2.0, ("grain", "cold files"): 100.0,
            ("nagcore", "warm files"): 4.0, ("grain", "warm files"): 200.0,
        }
    )  # fmt: skip
    ours = of_ours(stream_limits(stream()))
    assert {each.who for each in ours} == {"nagcore"}


# words and tables


def limit(times, who="NAG", case="a list"):
    return Limit("optimizer", who, case, times, 1.0, "memory")


def test_what_is_said_of_limits_is_counted():
    said = say_limits(
        [limit(1.25), limit(1.26, case="b"), limit(2.0, "fit"), limit(2.01, case="z")]
    )
    assert said.startswith("1 of 4 takes at most 1.25 times its floor and 1 more than 2 times;")
    assert said.endswith("the least is 1.25 times (NAG, a list), the most 2.01 times (NAG, z)")
    assert say_limits([limit(0.9), limit(1.0)]).startswith("2 of 2 take at most 1.25 times their")
    assert say_limits([]) == "nothing of it was timed"


def test_what_a_graph_and_bfloat16_change_is_said_from_least_to_most():
    seconds = {
        "fit": (12.0, 8.0), "fit, captured": (2.0, 4.0),
        "fit, bfloat16": (9.0, 9.0), "fit, bfloat16, captured": (3.0, 3.0),
        "gradient alone": (5.0, 6.0), "gradient alone, bfloat16": (10.0, 9.0),
    }  # fmt: skip
    limits = [
        Limit("loop", who, case, each, 0.1 if "bfloat16" in who else floor, "arithmetic")
        for who, both in seconds.items()
        for case, each, floor in zip("SM", both, (1.0, 2.0), strict=True)
    ]
    assert summarize_loops(limits) == {
        "graph_least": "2.00", "graph_most": "6.00",
        "half_floor_least": "10.0", "half_floor_most": "20.0",
        "half_captured_least": "0.75", "half_captured_most": "1.50",
        "half_gradient_least": "1.50", "half_gradient_most": "2.00",
    }  # fmt: skip
    assert set(summarize_loops([]).values()) == {"–"}


def test_tables_have_a_line_for_each():
    table = tabulate_limits([limit(1234.0), limit(1e-3, "fit")])
    assert table.loc[("a list", "fit")].tolist() == ["1 ms", "1 s", "0.00", "memory"]
    assert table["times its floor"].iloc[0] == "1,234"
    assert tabulate_steps(["nesterov"]).loc["NAG"].tolist() == [3, 2, 20, 6, "0.30", 60]
    layers = tabulate_layers("repaired CNN", 64, Rates(1e9, 2e10))
    assert layers["bound by"].tolist() == ["memory", "arithmetic", "arithmetic", "memory"]
    assert summarize_rates(Rates(4e10, 1e11)) == {
        "bandwidth": "40 GB/s",
        "peak": "100 GFLOP/s",
        "ridge": "2.5",
    }


def test_a_single_image_makes_the_linear_layers_wait_for_memory():
    """As the exercise says."""
    rates = Rates(40e9, 100e9)
    many, one = (tabulate_layers("repaired CNN", n, rates)["bound by"] for n in (64, 1))
    assert many.tolist() == ["arithmetic"] * 4
    assert one.tolist() == ["arithmetic", "arithmetic", "memory", "memory"]


# on a GPU


def found(monkeypatch, **records):
    monkeypatch.setattr(
        gpu_notes, "load_if_recorded", lambda e, *_: records.get(e.declaration.name)
    )


def test_without_records_of_a_gpu_that_is_said(monkeypatch):
    found(monkeypatch)
    assert roof_on_gpu(STEPS_ON_GPU, LOOPS_ON_GPU, SWEEPS) is None
    assert say_ceilings(None) == "On a GPU they were not measured yet."
    for say, experiment in (
        (limits_roof.steps_on_gpu, STEPS_ON_GPU),
        (limits_roof.loops_on_gpu, LOOPS_ON_GPU),
    ):
        assert "has not been measured on a GPU yet" in say(experiment)


def test_with_records_of_a_gpu_they_are_summed_up(monkeypatch):
    own, theirs = steps(STEPS_ON_GPU), loops(LOOPS_ON_GPU, ("fit", "step alone, captured"))
    both = {"optimizer-speed-cuda": own, "loop-speed-cuda": theirs}
    found(monkeypatch, **both)
    roof = roof_on_gpu(STEPS_ON_GPU, LOOPS_ON_GPU, SWEEPS)
    assert roof == roof_of(own, theirs)
    assert roof is not None
    assert "50 GFLOP/s and 100 GB/s, with the corner at 0.5." in say_ceilings(roof)
    assert "S, captured" in {mark.label for mark in roof.marks}
    said = limits_roof.steps_on_gpu(STEPS_ON_GPU)
    assert said.startswith("Of the steps of this package on a GPU 3 of 21 take at most")
    assert "As one kernel" not in said
    assert "of this package on a GPU 2 of 3 take" in limits_roof.loops_on_gpu(LOOPS_ON_GPU)
    found(monkeypatch, **{"optimizer-speed-cuda": own})
    assert roof_on_gpu(STEPS_ON_GPU, LOOPS_ON_GPU, SWEEPS) is None, "one alone is no roof"


# the figures


def test_marks_are_counted_operations_over_measured_time():
    record = record_of(GRADIENTS.declaration, lambda s: {"blocks": 2.0, "two_products": 4.0})
    marks = {mark.label: mark for mark in roof_of(steps(), loops(), record).marks}
    assert marks["NAG"][:3] == ("optimizer", "NAG", 0.3)
    assert marks["NAG"].rate == pytest.approx(6 * 1e7 / 1e-3)
    assert marks["M"].rate == pytest.approx(100e6 / 6e-3)
    numbers = max(GRADIENTS.declaration.axes["rows"]) * 50
    assert marks["logistic"].rate == pytest.approx(4 * numbers / 2e-3)
    assert marks["logistic"].intensity == 0.5


def test_the_roofline_has_a_panel_for_each_machine():
    roof = Roof(Rates(100e9, 50e9), [Mark("loop", "S", 10.0, 2e10)])
    left, right = draw_roofline({"CPU": roof, "GPU": None}).axes
    line, mark = left.lines
    assert np.max(line.get_ydata()) == pytest.approx(50)
    assert np.array(mark.get_xydata()).tolist() == [[10.0, 20.0]]
    assert "not measured yet" in [text.get_text() for text in right.texts]
    assert not right.lines


def test_no_label_of_the_roofline_stands_on_another_or_on_a_mark():
    crowd = [(10, 20), (11, 20), (14, 21), (10, 24), (8, 20)]
    marks = [Mark("sweep", "a network, at once", x, 1e9 * y) for x, y in crowd]
    figure = draw_roofline({"CPU": Roof(Rates(100e9, 50e9), marks)})
    axes = figure.axes[0]
    labels = [text for text in axes.texts if text.get_text().startswith("a network")]
    boxes = [label.get_window_extent() for label in labels]
    places = axes.transData.transform(crowd)
    assert len(boxes) == 5
    for box in boxes:
        assert box.count_overlaps(boxes) == 1, "itself"
        assert not any(box.contains(*place) for place in places)


@pytest.mark.parametrize("reached", [50e9, 49e9, 51e9])
def test_no_label_of_the_roofline_stands_on_the_ceiling(reached):
    marks = [Mark("loop", "repaired CNN", 10.0, reached)]
    axes = draw_roofline({"CPU": Roof(Rates(100e9, 50e9), marks)}).axes[0]
    (box,) = (t.get_window_extent() for t in axes.texts if t.get_text() == "repaired CNN")
    ceiling = axes.transData.transform((10.0, 50.0))[1]
    assert not box.y0 <= ceiling <= box.y1


def test_bars_reach_from_the_floor_to_the_time():
    axes = draw_limits([limit(4.0), limit(0.5, "grain")]).axes[0]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert ends == [(1, 4.0), (1, 0.5)]
    assert [bar.get_hatch() for bar in axes.patches] == ["", "//"], "told apart in grey"
    assert [text.get_text() for text in axes.texts] == ["4.00", "0.50"]
    assert np.array(axes.lines[0].get_xdata()).tolist() == [1, 1]
