"""A race of training loops on one network."""

from __future__ import annotations

import gc
import os
import random
import statistics
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nagcore.evidence.device_timing import call_afresh, in_short
from nagcore.evidence.loop_contestants import contestants
from nagcore.evidence.loop_floor import count_flops, gemm_peaks, one_batch
from nagcore.evidence.loop_work import Loop, Turn, Workload, silence
from nagcore.evidence.optimizer_peers import version_of
from nagcore.training.evaluation import evaluate
from nagcore.training.models import count_parameters

_NAN = float("nan")
LISTS = {
    "contestant": "names, in the order of the lists that follow",
    "version": "package and version",
    "milliseconds": "of a step, in each round: the time of an epoch / its steps",
    "beside": "median seconds that a call takes beside its epochs; nan where it failed",
    "first": "seconds of its first turn beyond the median of the others; likewise",
    "loss": "mean cross-entropy on the images after all rounds, nats; nan where it does not train",
    "error": "why it could not be timed; empty where it was",
}
"""Columns of a race that hold a list with an entry for each contestant."""
COLUMNS = LISTS | {
    "parameters": "number of parameters of the network",
    "steps": "in an epoch",
    "megaflops": "floating-point operations of forward and backward on one batch, millions",
    "peak": "what a product of large matrices reaches in float32, GFLOP/s",
    "peak_bfloat16": "the same in bfloat16",
    "used_threads": "threads that torch used",
}
"""All columns of a race."""


class Race(NamedTuple):
    """What is to be timed.

    Attributes:
        work: what all of them train.
        names: keys of `nagcore.evidence.loop_contestants.CONTESTANTS`.
        rounds: number of measured rounds.
        seed: of the order in each round.
    """

    work: Workload
    names: tuple[str, ...]
    rounds: int
    seed: int = 0


class Timed(NamedTuple):
    """What the turns of a contestant took; without turns where it failed."""

    first: Turn
    turns: tuple[Turn, ...]


def measure_loops(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Time all contestants of a device on one network, in a process of its own.

    Args:
        setting: with "network", "images" (by network), "batch_size", "epochs", "optimizer",
            "rounds" and, where they are limited, "threads".
        device: "cpu" or "cuda".
    """
    network = setting["network"]
    work = Workload(
        network,
        setting["images"][network],
        *(setting[name] for name in ("batch_size", "epochs", "optimizer")),
        device=device,
    )
    race = Race(work, tuple(contestants(device)), setting["rounds"])
    try:
        return call_afresh(run_race, race, threads=setting.get("threads"))
    except BrokenProcessPool as error:
        nothing = dict.fromkeys(race.names, in_short(error))
        scalars = dict.fromkeys(set(COLUMNS) - set(LISTS), _NAN)
        return _lists(race, {}, nothing, {}) | scalars


def run_race(race: Race) -> dict[str, Any]:
    """Time the contestants in turns and return the columns."""
    # What was compiled in an earlier run would make the first turn look cheap.
    with silence(), TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        loops, errors = build(race)
        timed, failed = time_in_rounds(loops, rounds=race.rounds, seed=race.seed)
    errors |= failed
    losses = {name: _loss(loop.model, race.work) for name, loop in loops.items() if loop.model}
    trainee = race.work.trainee("ours")
    peaks = gemm_peaks(race.work.device, rounds=race.rounds)
    return _lists(race, timed, errors, losses) | {
        "parameters": count_parameters(trainee.model),
        "steps": race.work.steps,
        "megaflops": 1e-6 * count_flops(trainee, *one_batch(race.work)),
        "peak": peaks["float32"],
        "peak_bfloat16": peaks["bfloat16"],
        "used_threads": torch.get_num_threads(),
    }


def build(race: Race) -> tuple[dict[str, Loop], dict[str, str]]:
    """Return the loops that could be made, and why the others could not, by name."""
    field = contestants(race.work.device)
    loops, errors = {}, {}
    for name in race.names:
        try:
            loops[name] = field[name].build(race.work)
        except Exception as error:
            errors[name] = in_short(error)
    return loops, errors


def time_in_rounds(
    loops: Mapping[str, Loop], *, rounds: int, seed: int
) -> tuple[dict[str, Timed], dict[str, str]]:
    """Give each loop one turn to warm up and then one in every round, in an order drawn anew.

    So whatever slows the machine down for a while slows all of them, and no loop always follows
    the same other one.

    Args:
        loops: by name.
        rounds: number of measured rounds.
        seed: of the order.

    Returns:
        The turns of those that failed in none, and the error of the others in words, by name.

    Example:
        >>> loops = {"a": Loop(lambda: Turn(2.0, 0.0)), "b": Loop(lambda: Turn(1 / 0, 0.0))}
        >>> timed, errors = time_in_rounds(loops, rounds=3, seed=0)
        >>> [turn.seconds for turn in timed["a"].turns], errors
        ([2.0, 2.0, 2.0], {'b': 'ZeroDivisionError: division by zero'})
    """
    turns: dict[str, list[Turn]] = {name: [] for name in loops}
    errors: dict[str, str] = {}
    shuffle = random.Random(seed).shuffle
    gc.freeze()  # what is there now stays, and need not be looked at in every collection
    for _ in range(1 + rounds):
        order = [name for name in loops if name not in errors]
        shuffle(order)
        for name in order:
            gc.collect()  # what one leaves behind is not cleared away in another's turn
            try:
                turns[name].append(loops[name].turn())
            except Exception as error:
                errors[name] = in_short(error)
    gc.unfreeze()
    done = {name: own for name, own in turns.items() if name not in errors}
    return {name: Timed(own[0], tuple(own[1:])) for name, own in done.items()}, errors


def _loss(model: nn.Module, work: Workload) -> float:
    # Lightning leaves a model on the CPU.
    return evaluate(model.to(work.device), cross_entropy, work.data().to(work.device)).loss


def _lists(
    race: Race, timed: Mapping[str, Timed], errors: Mapping[str, str], losses: Mapping[str, float]
) -> dict[str, list[Any]]:
    """Return the columns with an entry for each contestant."""
    field = contestants(race.work.device)
    entries = [_entry(race.work, timed[name]) if name in timed else _NOTHING for name in race.names]
    return {
        "contestant": list(race.names),
        "version": [version_of(field[name].package) for name in race.names],
        **{column: [entry[column] for entry in entries] for column in _NOTHING},
        "loss": [_NAN if name in errors else losses.get(name, _NAN) for name in race.names],
        "error": [errors.get(name, "") for name in race.names],
    }


_NOTHING: dict[str, Any] = {"milliseconds": [], "beside": _NAN, "first": _NAN}


def _entry(work: Workload, timed: Timed) -> dict[str, Any]:
    whole = statistics.median(work.epochs * turn.seconds + turn.beside for turn in timed.turns)
    first = work.epochs * timed.first.seconds + timed.first.beside
    return {
        "milliseconds": [1e3 * turn.seconds / work.steps for turn in timed.turns],
        "beside": statistics.median(turn.beside for turn in timed.turns),
        "first": first - whole,
    }
