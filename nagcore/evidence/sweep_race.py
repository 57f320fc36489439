"""A race of copies trained at once against trainings one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch

from nagcore.evidence.device_timing import (
    Step,
    call_afresh,
    in_short,
    plain_pass,
    time_steps,
)
from nagcore.evidence.loop_floor import gemm_peaks
from nagcore.evidence.sweep_work import Work, copies_step, cost_of, make_work, single_step
from nagcore.training.copies.compiled import COMPILERS
from nagcore.training.copies.graphed import Graphed
from nagcore.training.copies.precision import multiplying_in
from nagcore.training.graphed_step import GraphedStep

COLUMNS = {
    "contestant": "names, in the order of the lists that follow",
    "microseconds": "of one step of one copy, in each round: of all copies / their number",
    "error": "why it could not be timed; empty where it was",
    "parameters": "of one copy",
    "megaflops": "floating-point operations of the products in one step of one copy, millions",
    "megabytes": "what one step of one copy moves at least if nothing stays in a cache",
    "bandwidth": "of a plain pass over memory, GB/s",
    "peak": "what a product of large matrices reaches in float32, GFLOP/s",
    "peak_tf32": "the same in TF32; on a CPU that of float32",
    "difference": "largest relative difference of a loss between copies trained at once and "
    "those of the same seeds alone, in the first steps",
    "used_threads": "threads that torch used",
}
"""Columns of a race."""
ONE_BY_ONE = ("one by one", "one by one, graph")
_COMPARED = 3
"""Copies whose losses are compared, over so many steps and two more."""


class Race(NamedTuple):
    """What is to be timed.

    Attributes:
        network: a key of `nagcore.evidence.sweep_work.NETWORKS`.
        copies: trained at once.
        batch_size: examples of a step of one copy.
        device: "cpu" or "cuda".
        names: of the contestants.
        rounds: number of measured rounds.
        least: seconds of a turn.
        traffic: bytes of the plain pass.
    """

    network: str
    copies: int
    batch_size: int
    device: str
    names: tuple[str, ...]
    rounds: int
    least: float
    traffic: int


def measure_sweeps(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Time one network with so many copies, in a process of its own where threads are limited.

    Args:
        setting: with "network", "copies", "batch_size" and "contestants" (by network),
            "compiled_copies", "rounds", "least", "traffic" and, where limited, "threads".
        device: "cpu" or "cuda".
    """
    network, copies = setting["network"], setting["copies"]
    compiles = copies in setting["compiled_copies"]
    names = [n for n in setting["contestants"][network] if compiles or "compiled" not in n]
    race = Race(
        network,
        copies,
        setting["batch_size"][network],
        device,
        tuple(names),
        *(setting[name] for name in ("rounds", "least", "traffic")),
    )
    if "threads" not in setting:
        return run_race(race)
    return call_afresh(run_race, race, threads=setting["threads"])


def run_race(race: Race) -> dict[str, Any]:
    """Time the contestants in turns and return the columns."""
    work = make_work(race.network, race.batch_size, race.device)
    steps, errors = _build(race, work)
    seconds, failed = time_steps(steps, race.device, rounds=race.rounds, least=race.least)
    errors |= failed
    share = {name: 1 if name in ONE_BY_ONE else race.copies for name in race.names}
    times = {
        name: [] if name in errors else [1e6 * value / share[name] for value in seconds[name]]
        for name in race.names
    }
    with multiplying_in("float32"):
        difference = disagreement(work)
    return {
        "contestant": list(race.names),
        "microseconds": [times[name] for name in race.names],
        "error": [errors.get(name, "") for name in race.names],
        **cost_of(work)._asdict(),
        **_peaks(race),
        "difference": difference,
        "used_threads": torch.get_num_threads(),
    }


def disagreement(work: Work, copies: int = _COMPARED) -> float:
    """Return the largest relative difference between losses at once and alone, at first steps.

    Each copy has its own step size, momentum and order of examples.

    Example:
        >>> disagreement(make_work("tiny MLP", 8, "cpu")) < 1e-5
        True
    """
    at_once = copies_step(work, copies)
    losses: list[list[float]] = []
    for _ in range(copies + 2):
        at_once.total.zero_()
        at_once()
        losses.append(at_once.total.tolist())
    worst = 0.0
    for copy in range(copies):
        step, batches = single_step(work, copy), work.batches(seed=copy)
        for number, row in enumerate(losses):
            alone = step(next(batches), number).loss.item()
            worst = max(worst, abs(row[copy] - alone) / abs(alone))
    return worst


def _build(race: Race, work: Work) -> tuple[dict[str, Step], dict[str, str]]:
    """Return the steps that could be made, and why the others could not, by name."""
    steps, errors = {}, {}
    for name in race.names:
        precision = "tf32" if "tf32" in name else "float32"
        try:
            with multiplying_in(precision):
                steps[name] = _in_precision(CONTESTANTS[name](work, race.copies), precision)
        except Exception as error:
            errors[name] = in_short(error)
    return steps, errors


def _in_precision(step: Step, precision: str) -> Step:
    def stepped() -> None:
        with multiplying_in(precision):
            step()

    return stepped


def _one_by_one(work: Work, copies: int) -> Step:  # noqa: ARG001
    step, batches = single_step(work, 0), work.batches(seed=0)
    return lambda: step(next(batches), 0)


def _one_by_one_graph(work: Work, copies: int) -> Step:  # noqa: ARG001
    step, batches = GraphedStep(single_step(work, 0), None), work.batches(seed=0)
    return lambda: step(next(batches), 0)


def _at_once(work: Work, copies: int, compiled: str = "") -> Step:
    step = copies_step(work, copies)
    if compiled:
        COMPILERS[compiled](step)
    take = Graphed(step) if work.device.type == "cuda" else step

    def stepped() -> None:
        take()
        step.place.zero_()  # there are indices for a few steps only

    return stepped


CONTESTANTS: Mapping[str, Callable[[Work, int], Step]] = {
    "one by one": _one_by_one,
    "one by one, graph": _one_by_one_graph,
    "at once": _at_once,
    "at once, tf32": _at_once,
    "at once, compiled rule": partial(_at_once, compiled="rule"),
    "at once, compiled step": partial(_at_once, compiled="step"),
    "at once, compiled step, tf32": partial(_at_once, compiled="step"),
}
"""By name, of work and number of copies what takes one step: of one training by `fit`'s loop, or
of all copies. "graph" replays the step as one CUDA graph, as all of those at once do on a GPU;
"tf32" multiplies in TF32."""


def _peaks(race: Race) -> dict[str, float]:
    """Return what memory and arithmetic reach."""
    step, moved = plain_pass(race.traffic, race.device)
    seconds, _ = time_steps({"pass": step}, race.device, rounds=race.rounds, least=race.least)
    with multiplying_in("float32"):
        peak = gemm_peaks(race.device, rounds=3)["float32"]
    with multiplying_in("tf32"):
        tf32 = gemm_peaks(race.device, rounds=3)["float32"] if race.device == "cuda" else peak
    return {
        "bandwidth": 1e-9 * moved / sorted(seconds["pass"])[len(seconds["pass"]) // 2],
        "peak": peak,
        "peak_tf32": tf32,
    }
