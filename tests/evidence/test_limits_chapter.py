"""What chapter 15 says in words; a record that contradicts it asks to rewrite it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nagcore.evidence.floors import METHODS, count_step
from nagcore.evidence.limits import (
    gradient_limits,
    layers_of,
    loop_limits,
    rates_of,
    step_limits,
    stream_limits,
)
from nagcore.evidence.limits_roof import roof_of_sweeps
from nagcore.evidence.limits_sweeps import ratios_of, times_of
from nagcore.evidence.limits_table import FAR, summarize_loops
from nagcore.evidence.sweep_verdicts import AT_ONCE, GOAL

from .committed import recorded

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "chapters" / "15-speed-and-limits.ipynb"
_ROLE = re.compile(r"\{[a-z:]+\}`[^`]*`")
_MATHEMATICS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)
_CODE = re.compile(r"`[^`]*`")
_NAMES = re.compile(r"28 × 28|b?float(?:16|32)|TF32")
_MARKERS = re.compile(r"@[0-9a-z]+|^\(.*\)=$", re.MULTILINE)


def cells(kind):
    notebook = json.loads(CHAPTER.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def without_glue(text):
    for pattern in (_ROLE, _MATHEMATICS, _CODE, _NAMES, _MARKERS):
        text = pattern.sub("", text)
    return text


def test_no_numeral_is_typed_into_prose():
    """But in the exercises, which compute with numbers of their own."""
    prose = "\n".join(cells("markdown"))
    before, rest = prose.split("## Exercises")
    text = without_glue(before + rest.split("## Summary")[1])
    typed = [line for line in text.splitlines() if re.search(r"\d", line)]
    ends = [line for line in typed if "ends at 1 " not in line]  # of an axis
    assert ends == []


def test_the_search_for_numerals_finds_them():
    assert re.search(r"\d", without_glue("it takes {glue:text}`n_2` of 3 $x_1$ in float32"))
    assert not re.search(r"\d", without_glue("it takes {glue:text}`n_2` of $x_1$ in float32"))


def test_every_number_in_prose_is_handed_to_it():
    code = "\n".join(cells("code"))
    used = set(re.findall(r"\{glue:text\}`([^`]+)`", "\n".join(cells("markdown"))))
    parts = ("step", "loop", "gradient", "solver", "stream")
    given = set(re.findall(r'glue\("([a-z_]+)"', code))
    given |= {f"{part}_{what}" for part in parts for what in ("said", "all_said", "note")}
    given |= {f"rate_{name}" for name in ("bandwidth", "peak", "ridge")}
    given |= {f"added_{name}" for name in ("least", "most", "short", "long")}
    given |= {"memory_most", "memory_growth"}
    given |= {f"loops_{name}" for name in summarize_loops([])}
    assert used - given == set()


def test_an_optimizer_waits_for_memory_and_a_network_for_arithmetic():
    rates = rates_of(recorded("optimizer-speed"), loops := recorded("loop-speed"))
    assert max(count_step(method).intensity for method in METHODS) < 1 < rates.ridge
    for network in loops.declaration.axes["network"]:
        layers = layers_of(network, loops.declaration.constants["batch_size"])
        intensity = sum(layer.operations for layer in layers) / sum(x.bytes for x in layers)
        assert 10 < intensity < 100, "tens of operations for each byte"
        assert intensity > rates.ridge


def test_operation_by_operation_nag_moves_three_times_the_bytes_in_six_operations():
    cost = count_step("nesterov")
    assert (cost.one_by_one, cost.operations) == (3 * cost.bytes, 6)


def test_slower_ways_to_run_a_step_are_further_from_its_floor():
    found = {(each.who, each.case): each.times for each in step_limits(recorded("optimizer-speed"))}
    for (who, case), times in found.items():
        if who.endswith(", foreach") and who.partition(",")[0] in ("NAG", "NAdam", "Adan"):
            assert times > found[who.partition(",")[0], case]


def test_smaller_networks_are_further_from_their_floor_and_so_is_bfloat16():
    record = recorded("loop-speed")
    bandwidth = rates_of(recorded("optimizer-speed"), record).bandwidth
    found = {(each.who, each.case): each for each in loop_limits(record, bandwidth)}
    for who in ("fit", "fit, bfloat16"):
        small, medium, large = (found[who, n].times for n in ("S", "M", "repaired CNN"))
        assert small > medium > large
    faster = [
        network
        for network in record.declaration.axes["network"]
        if found["fit, bfloat16", network].seconds < found["fit", network].seconds
    ]
    assert faster, "a network can become faster"
    for network in faster:
        assert found["fit, bfloat16", network].times > found["fit", network].times


def test_two_products_are_further_than_one_reading():
    bandwidth = rates_of(recorded("optimizer-speed"), recorded("loop-speed")).bandwidth
    found = {
        (each.who, each.case): each.times
        for each in gradient_limits(recorded("gradient-speed"), bandwidth)
    }
    for problem in ("least squares", "logistic"):
        assert found["two products", problem] > found["in blocks", problem]


def test_warm_files_leave_a_stream_further_from_its_floor():
    found = {(e.who, e.case): e.times for e in stream_limits(recorded("stream-speed"))}
    for who in ("nagcore", "nagcore, normalised"):
        assert found[who, "warm files"] > found[who, "cold files"]


def test_on_a_processor_the_sign_of_the_gain_depends_on_the_network():
    gains = {
        row["network"]: {who: ratios_of(row, who).loop for who in times_of(row)}
        for row in recorded("sweep-speed").rows
    }
    compiled = {network: own["at once, compiled step"] for network, own in gains.items()}
    plain = {network: own["at once"] for network, own in gains.items()}
    assert compiled["tiny MLP"] > plain["tiny MLP"] > 1
    assert compiled["tiny MLP"] > compiled["MLP"] > max(1, plain["MLP"])
    assert plain["tiny MLP"] > plain["MLP"] > plain["small CNN"]
    assert max(compiled["small CNN"], plain["small CNN"]) < 1


def test_on_a_gpu_a_part_of_the_gain_is_the_graph_s():
    record = recorded("sweep-speed-cuda", "cuda")
    for row in record.rows:
        at_once, graph = ratios_of(row, AT_ONCE), ratios_of(row, "one by one, graph").loop
        assert at_once.loop > GOAL
        assert 1 < at_once.graph < at_once.loop / 2
        assert graph > 2
    roof = roof_of_sweeps(record)
    rates = {mark.label: mark.rate / roof.rates.ceiling(mark.intensity) for mark in roof.marks}
    for network in record.declaration.axes["network"]:
        alone, graph, many = (rates[network + way] for way in ("", ", graph", ", at once"))
        assert alone < 0.01 < graph < many < 1


def test_on_a_gpu_a_step_as_it_comes_is_far_and_a_kernel_near():
    limits = step_limits(recorded("optimizer-speed-cuda", "cuda"))
    found = {(limit.who, limit.case): limit.times for limit in limits}
    for case in ("one tensor", "GPT-2", "one billion"):
        assert 2.5 < found["NAG", case] / found["torch SGD, fused", case] < 3.5
        assert found["NAG, kernel", case] < found["torch SGD, fused", case] < FAR
        for who in ("NAG", "NAdam", "Adan"):
            assert found[f"{who}, kernel", case] < 1.5 < FAR < found[who, case]
    assert min(times for (_, case), times in found.items() if case == "500 tensors") > 10


def test_on_a_gpu_small_networks_are_bound_by_starts():
    record = recorded("loop-speed-cuda", "cuda")
    found = {(limit.who, limit.case): limit for limit in loop_limits(record)}
    for network in record.declaration.axes["network"]:
        for half in ("", ", bfloat16"):
            loop, graph = found[f"fit{half}", network], found[f"fit{half}, captured", network]
            assert loop.times > 3 * graph.times > 3 * FAR
        whole, half = (found[f"gradient alone{way}", network] for way in ("", ", bfloat16"))
        assert half.seconds > whole.seconds
        assert whole.floor > 10 * half.floor
    least = {n: found[f"fit{n}, captured", "repaired CNN"].seconds for n in ("", ", bfloat16")}
    assert 0.8 < least[", bfloat16"] / least[""] < 1


def test_a_part_with_a_high_bar_may_be_worth_less():
    """As the solution of an exercise says."""
    gains = [1 / (1 - s * (1 - 1 / c)) for s, c in ((0.01, 10), (0.5, 1.3))]
    assert [round(gains[0], 3), round(gains[1], 2)] == [1.009, 1.13]
