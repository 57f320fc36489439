"""Steps are timed in turns, whatever one of them does; the GPU's clock is called as it should."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import time
import weakref

import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence import device_timing
from nagcore.evidence.device_timing import (
    call_afresh,
    capture,
    count_launches,
    in_short,
    plain_pass,
    time_steps,
)


def test_a_new_process_has_the_threads_that_it_was_given():
    before = dict(os.environ)
    assert call_afresh(os.getenv, "NPROC", threads=7) == "7"
    assert dict(os.environ) == before


class Clock:
    """A clock that only steps move."""

    def __init__(self, monkeypatch):
        self.now, self.calls = 0.0, {}
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def step(self, name, seconds):
        def step():
            self.now += seconds
            self.calls[name] = self.calls.get(name, 0) + 1

        return step


def test_short_steps_are_repeated_and_long_ones_are_not(monkeypatch):
    clock = Clock(monkeypatch)
    steps = {"short": clock.step("short", 1e-5), "long": clock.step("long", 4e-3)}
    seconds, errors = time_steps(steps, "cpu", rounds=3, least=2e-3)
    assert not errors
    # two to make ready, one to estimate, a round to warm up, three rounds
    assert clock.calls == {"short": 3 + 4 * 200, "long": 3 + 4}
    assert seconds["short"] == pytest.approx([1e-5] * 3)
    assert seconds["long"] == pytest.approx([4e-3] * 3)


def test_one_that_fails_on_the_way_does_not_stop_the_others(monkeypatch):
    left, tick = iter(range(5)), Clock(monkeypatch).step("tired", 1e-3)

    def tired():
        tick()
        next(left)

    seconds, errors = time_steps({"tired": tired, "other": tick}, "cpu", rounds=4, least=1e-4)
    assert errors == {"tired": "StopIteration:"}
    assert math.isnan(seconds["tired"][-1])
    assert len(seconds["tired"]) == len(seconds["other"]) == 4


def test_no_rounds_are_refused():
    with pytest.raises(UsageError, match="rounds is 0"):
        time_steps({}, "cpu", rounds=0, least=1e-3)


def test_errors_are_told_in_one_short_line():
    assert in_short(ValueError("one\ntwo")) == "ValueError: one"
    assert len(in_short(ValueError("x" * 1000))) == 200


def test_a_plain_pass_moves_what_it_says(monkeypatch):
    step, moved = plain_pass(2_000, "cpu")
    step()
    assert moved == 2_000
    monkeypatch.setattr(device_timing, "_MOST_BYTES", 500)
    assert plain_pass(2**40, "cpu")[1] == 500


class FakeEvent:
    """An event on a device whose clock shows how many steps were asked for."""

    asked = 0

    def __init__(self, *, enable_timing):
        assert enable_timing

    def record(self):
        self.at = FakeEvent.asked

    def elapsed_time(self, other):
        return float(other.at - self.at)  # a step takes a millisecond


def test_the_gpu_is_timed_by_its_own_events(monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)

    def step():
        FakeEvent.asked += 1

    seconds, errors = time_steps({"step": step}, "cuda", rounds=3, least=5e-3)
    assert (seconds, errors) == ({"step": [1e-3] * 3}, {})


def test_capture_takes_three_prepared_steps_and_replays_what_it_captured(monkeypatch):
    log = []

    class Graph:
        def replay(self):
            log.append("replay")

    class Stream:
        def wait_stream(self, other):
            log.append("wait")

    @contextlib.contextmanager
    def graph_of(graph):
        log.append("begin")
        yield
        log.append("end")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph_of)

    class Optimizer:
        def step(self):
            log.append("step")

    optimizer = Optimizer()
    alive = weakref.ref(optimizer)
    replay = capture(optimizer.step, lambda: log.append("prepare"))
    del optimizer
    gc.collect()
    assert alive() is not None, "the graph works on freed memory"
    replay()
    real = ["prepare", "step"] * 3
    assert log == ["wait", *real, "wait", "begin", "step", "end", "replay"]


def test_launches_are_unknown_without_a_gpu():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert math.isnan(count_launches(int))
