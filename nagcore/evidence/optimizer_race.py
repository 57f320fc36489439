"""A race of optimizers over one list of parameters."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import statistics
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from nagcore.evidence.device_timing import (
    Step,
    call_afresh,
    count_launches,
    in_short,
    plain_pass,
    time_steps,
)
from nagcore.evidence.optimizer_peers import (
    Contestant,
    Workload,
    bytes_per_parameter,
    contestants,
    version_of,
)
from nagcore.evidence.parameter_lists import count, network_of, shapes_of
from nagcore.evidence.timing import median_ratio
from nagcore.optim.kernels import kernels_are_available

_NAN = float("nan")
_PASS, _ITERATION = "plain pass", "forward and backward"  # timed in turns with the contestants
LISTS = {
    "contestant": "names, in the order of the lists that follow",
    "version": "package and version",
    "microseconds": "median time of a step, microseconds; nan where it could not be timed",
    "against_ours": "median over the rounds of its time / that of this package's, as it comes",
    "against_reference": "median over the rounds of the reference's time / its own",
    "bandwidth": "least traffic of a step / median time, GB/s",
    "fraction": "median over the rounds of its bandwidth / that of the plain pass",
    "share": "its time in that of a training iteration; nan where there is no network",
    "error": "why it could not be timed; empty where it was",
}
"""Columns of a race that hold a list with an entry for each contestant."""
COLUMNS = LISTS | {
    "tensors": "number of tensors",
    "elements": "number of parameters",
    "bytes_per_parameter": "least traffic of a step in float32, bytes",
    "kernels": "whether there was a compiler for this package's kernels",
    "pass_bandwidth": "traffic / median time of a plain pass over as many bytes, GB/s",
    "iteration": "median time of forward and backward, microseconds; nan without a network",
}
"""All columns of a race."""


class Race(NamedTuple):
    """What is to be timed.

    Attributes:
        parameters: a key of `nagcore.evidence.parameter_lists.PARAMETER_LISTS`.
        method: a key of `nagcore.evidence.optimizer_peers.METHODS`.
        names: the contestants.
        reference: the contestant that the others are held against.
        device: "cpu" or "cuda".
        rounds: number of rounds.
        least: seconds of a contestant's turn.
        batch_size: images of a training iteration.
        counted: whether launches are counted on a GPU, which takes longer than the race.
    """

    parameters: str
    method: str
    names: tuple[str, ...]
    reference: str
    device: str
    rounds: int
    least: float
    batch_size: int
    counted: bool = True


def choose_contestants(
    method: str, parameters: str, device: str, limits: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the names of those that can be timed within reason.

    Args:
        method: a key of `nagcore.evidence.optimizer_peers.METHODS`.
        parameters: a key of `nagcore.evidence.parameter_lists.PARAMETER_LISTS`.
        device: "cpu" or "cuda".
        limits: "compiled_tensors", the longest list that is compiled, and "left_out", with the
            names of those that are left out for a list.
    """
    shapes = shapes_of(parameters)
    left_out = limits["left_out"].get(parameters, ())
    return tuple(
        name
        for name, contestant in contestants(method, device).items()
        if not (contestant.compiles and len(shapes) > limits["compiled_tensors"])
        and name not in left_out
    )


def measure_race(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Time the contestants of a setting in turns.

    On a CPU they have a process of their own, with memory that nobody has used. On a GPU, where a
    new process takes longer than a race, they get what memory the last ones left.

    Args:
        setting: with "parameters", "method", "limits" (see `choose_contestants`; beside that
            "counted", the lists for which launches are counted), "reference" by method, "rounds",
            "least", "batch_size" and, where they are limited, "threads".
        device: "cpu" or "cuda".
    """
    method, parameters = setting["method"], setting["parameters"]
    race = Race(
        parameters,
        method,
        choose_contestants(method, parameters, device, setting["limits"]),
        setting["reference"][method],
        device,
        *(setting[name] for name in ("rounds", "least", "batch_size")),
        counted=parameters in setting["limits"].get("counted", ()),
    )
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        return run_race(race)
    try:
        return call_afresh(run_race, race, threads=setting.get("threads"))
    except BrokenProcessPool as error:
        return _columns(race, {}, dict.fromkeys(race.names, in_short(error)), {}, _NAN)


def run_race(race: Race) -> dict[str, Any]:
    """Time the contestants in turns and return the columns."""
    field = contestants(race.method, race.device)
    with _silence():
        shapes = shapes_of(race.parameters)
        work = Workload(shapes, race.device)
        traffic = bytes_per_parameter(race.method) * count(shapes)
        plain, moved = plain_pass(traffic, race.device)
        steps, errors = _build({name: field[name] for name in race.names}, work)
        candidates = {_PASS: plain, **steps, **_iteration(race)}
        seconds, failed = time_steps(candidates, race.device, rounds=race.rounds, least=race.least)
        errors |= failed
        counted = race.counted and race.device == "cuda"
        timed = [name for name in steps if name not in errors and counted]
        launches = {name: count_launches(steps[name]) for name in timed}
    return _columns(race, seconds, errors, launches, traffic / moved)


def _build(
    field: Mapping[str, Contestant], work: Workload
) -> tuple[dict[str, Step], dict[str, str]]:
    steps, errors = {}, {}
    for name, contestant in field.items():
        try:
            steps[name] = contestant.build(work)
        except Exception as error:
            errors[name] = in_short(error)
    return steps, errors


def _iteration(race: Race) -> dict[str, Step]:
    """Return forward and backward of the network that has these parameters, if there is one."""
    network = network_of(race.parameters)
    if network is None:
        return {}
    network = network.to(race.device)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(race.batch_size, 1, 28, 28, generator=generator).to(race.device)
    classes = torch.randint(10, (race.batch_size,), generator=generator).to(race.device)

    def step() -> None:
        network.zero_grad()
        cross_entropy(network(images), classes).backward()

    return {_ITERATION: step}


def _columns(
    race: Race,
    seconds: Mapping[str, list[float]],
    errors: Mapping[str, str],
    launches: Mapping[str, float],
    share: float,
) -> dict[str, Any]:
    """Return all columns.

    Args:
        race: what was timed.
        seconds: of a step, in each round, by name.
        errors: by name.
        launches: by name.
        share: traffic of a step / that of the plain pass.
    """
    field, names = contestants(race.method, race.device), race.names
    shapes, bytes_each = shapes_of(race.parameters), bytes_per_parameter(race.method)
    gigabytes = bytes_each * count(shapes) / 1e9
    timed = {name: values for name, values in seconds.items() if name not in errors}

    def median(name: str) -> float:
        return statistics.median(timed[name]) if name in timed else _NAN

    def ratio(one: str, other: str) -> float:
        both = one in timed and other in timed
        return median_ratio(timed[one], timed[other]) if both else _NAN

    ours = next(iter(field))
    columns = {
        "contestant": list(names),
        "version": [version_of(field[name].package) for name in names],
        "microseconds": [1e6 * median(name) for name in names],
        "against_ours": [ratio(name, ours) for name in names],
        "against_reference": [ratio(race.reference, name) for name in names],
        "bandwidth": [gigabytes / median(name) for name in names],
        "fraction": [share * ratio(_PASS, name) for name in names],
        "share": [1 / (1 + ratio(_ITERATION, name)) for name in names],
        "error": [errors.get(name, "") for name in names],
        "tensors": len(shapes),
        "elements": count(shapes),
        "bytes_per_parameter": bytes_each,
        "kernels": kernels_are_available(torch.device(race.device)),
        "pass_bandwidth": gigabytes / share / median(_PASS),
        "iteration": 1e6 * median(_ITERATION),
    }
    if race.device == "cuda":
        columns["launches"] = [launches.get(name, _NAN) for name in names]
    return columns


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what peers and compilers print and warn of to themselves."""
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
