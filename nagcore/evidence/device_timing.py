"""Times of steps on a CPU or a GPU, and the memory traffic to hold them against."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

import torch

from nagcore.evidence.timing import time_in_turns

Step = Callable[[], object]
T = TypeVar("T")
# what tells each library, when it is loaded, how many threads it may use
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
_MOST_REPEATS = 1_000
_MOST_BYTES = 2**29
"""Of a plain pass: beyond the caches of any machine, and a small part of any memory."""


def call_afresh(function: Callable[..., T], *arguments: Any, threads: int | None = None) -> T:
    """Return what a function returns when it is called in a new process.

    The process has no memory that others freed and no threads that others started, and what ends
    it leaves this one alive.

    Args:
        function: of a module.
        arguments: its arguments.
        threads: how many each library may use; as many as here if left out.

    Raises:
        concurrent.futures.process.BrokenProcessPool: the process was killed.

    Example:
        >>> call_afresh(abs, -3)
        3
    """
    told = {} if threads is None else {name: str(threads) for name in _THREADS}
    context = multiprocessing.get_context("spawn")
    with _environment(told), ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def time_steps(
    steps: Mapping[str, Step], device: str, *, rounds: int, least: float
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the seconds of one step of each candidate in each round, and what went wrong.

    The candidates run in turns, see `time_in_turns`. In a turn a candidate takes as many steps as
    fit into `least`, so that a short one is not drowned by the clock. On a GPU the time is that
    between two events on the device, before the first step and behind the last.

    Args:
        steps: what to call, by name.
        device: "cpu" or "cuda".
        rounds: number of measured rounds, positive.
        least: seconds of a turn.

    Returns:
        The seconds, NaN for a candidate that failed; and its error in words, by name.

    Raises:
        UsageError: `rounds` is not positive.

    Example:
        >>> seconds, errors = time_steps({"sum": lambda: sum(range(9)), "none": lambda: 1 / 0},
        ...     "cpu", rounds=3, least=1e-5)
        >>> len(seconds["sum"]), seconds["none"], errors["none"]
        (3, [nan, nan, nan], 'ZeroDivisionError: division by zero')
    """
    clock = _time_on_gpu if device == "cuda" else _time_on_cpu
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    errors: dict[str, str] = {}
    repeats: dict[str, int] = {}

    def turn(name: str) -> None:
        elapsed = float("nan")
        if name not in errors:
            try:
                if name not in repeats:
                    clock(steps[name], 2)  # makes its state, compiles
                    once = max(clock(steps[name], 1), 1e-9)
                    repeats[name] = min(max(round(least / once), 1), _MOST_REPEATS)
                elapsed = clock(steps[name], repeats[name]) / repeats[name]
            except Exception as error:
                errors[name] = in_short(error)
        seconds[name].append(elapsed)

    time_in_turns({name: lambda name=name: turn(name) for name in steps}, rounds=rounds)
    return {name: values[-rounds:] for name, values in seconds.items()}, errors


def in_short(error: BaseException) -> str:
    """Return an error in one line of bearable length.

    Example:
        >>> in_short(ValueError("no\\nway"))
        'ValueError: no'
    """
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    return text if len(text) <= 200 else f"{text[:199]}…"


def plain_pass(traffic: int, device: str) -> tuple[Step, int]:
    """Return a pass over memory that computes next to nothing, and the bytes that it moves.

    On a CPU it is torch's fused step of SGD with Nesterov's momentum on one tensor, on a GPU a
    copy within the device.

    Args:
        traffic: how many bytes it should move; at most 2²⁹ will be.
        device: "cpu" or "cuda".

    Example:
        >>> step, moved = plain_pass(4_000, "cpu")
        >>> step(), moved
        (None, 4000)
    """
    traffic = min(traffic, _MOST_BYTES)
    if device == "cuda":
        source = torch.ones(max(traffic // 8, 1), device=device)
        target = torch.zeros_like(source)
        return lambda: target.copy_(source), 8 * source.numel()
    weight = torch.nn.Parameter(torch.ones(max(traffic // 20, 1)))
    weight.grad = torch.ones_like(weight)
    sgd = torch.optim.SGD([weight], lr=1e-3, momentum=0.9, nesterov=True, fused=True)
    return sgd.step, 20 * weight.numel()


def capture(step: Step, prepare: Step = lambda: None) -> Step:
    """Return the replay of a step that is captured in a CUDA graph, after three real steps.

    Args:
        step: what to capture; it works on the same tensors every time.
        prepare: called before each of the real steps.
    """
    current, aside = torch.cuda.current_stream(), torch.cuda.Stream()
    aside.wait_stream(current)
    with torch.cuda.stream(aside):
        for _ in range(3):
            prepare()
            step()
    current.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay() -> Step:
        graph.replay()
        return step  # whose tensors the graph knows by address only, so they have to live on

    return replay


def count_launches(step: Step) -> float:
    """Return how often a step asks the GPU for work, NaN where the profiler cannot tell.

    A replay of a graph counts as one, however many kernels are in it.
    """
    from torch.profiler import ProfilerActivity, profile

    try:
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
            step()
            torch.cuda.synchronize()
        counts = {event.key: event.count for event in profiled.key_averages()}
    except (RuntimeError, AssertionError):
        return float("nan")
    asked = ("cudaLaunch", "cuLaunch", "cudaGraphLaunch", "cudaMemcpy", "cudaMemset")
    total = sum(number for name, number in counts.items() if name.startswith(asked))
    return float(total) if total else float("nan")


def _time_on_cpu(step: Step, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    return time.perf_counter() - started


def _time_on_gpu(step: Step, repeats: int) -> float:
    before, behind = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    before.record()
    for _ in range(repeats):
        step()
    behind.record()
    torch.cuda.synchronize()
    return before.elapsed_time(behind) / 1e3


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let processes started meanwhile find these environment variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
