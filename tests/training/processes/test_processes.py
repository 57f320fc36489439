"""What a process can do alone, and how it finds the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.distributed import HashStore  # pyright: ignore[reportPrivateImportUsage]

from nagcore.errors import UsageError
from nagcore.training.meeting import fresh_store
from nagcore.training.processes import Processes, joined_processes, own_device
from nagcore.training.sharding import is_sharded, shard, whole

CPU = torch.device("cpu")


@pytest.mark.parametrize(("rank", "count"), [(1, 1), (-1, 1), (0, 0), (2, 2)])
def test_a_rank_is_below_the_count(rank, count):
    with pytest.raises(UsageError, match=f"rank={rank} of count={count}"):
        Processes(rank, count)


def test_several_processes_need_a_group():
    with pytest.raises(UsageError, match=r"torch\.distributed was not started"):
        Processes(0, 2)


def test_alone_everything_is_as_it_was():
    alone, model = Processes(), nn.Linear(2, 2)
    value = torch.tensor(3.0)
    assert alone.is_first
    assert alone.mean(value) is value
    assert alone.largest((1, 2), CPU) == [1, 2]
    assert alone.gathered("x") == ["x"]
    assert alone.from_first("x") == "x"
    assert alone.replicated(model) is model
    assert shard(model, alone, CPU) is model
    assert not is_sharded(model)
    assert whole(value) is value


def test_alone_an_error_in_an_agreed_block_is_itself():
    with pytest.raises(KeyError, match="mine"), Processes().agreed():
        raise KeyError("mine")


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes() as processes:
        assert processes == Processes()
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), "long"])
def test_a_timeout_is_positive(timeout):
    with pytest.raises(UsageError, match="timeout="), joined_processes(timeout=timeout):
        pass


@contextmanager
def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[list[int]]:
    """Pretend that there are so many GPUs; yield those that were chosen."""
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    yield chosen


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with gpus(monkeypatch, 2) as chosen:
        assert own_device("cuda") == torch.device("cuda", 1)
        assert own_device("cpu") == CPU
        assert chosen == [1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with gpus(monkeypatch, 2), pytest.raises(UsageError, match=r"process 3 .* there are 2"):
        own_device("cuda")


def test_one_process_takes_the_gpu_that_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    with gpus(monkeypatch, 4) as chosen:
        assert own_device("cuda:3") == torch.device("cuda", 3)
        assert own_device("cuda") == torch.device("cuda")
        assert chosen == []


@pytest.mark.parametrize(("name", "why"), [("gpu", "not known"), ("cuda", "sees no GPU here")])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name, why):
    with gpus(monkeypatch, 0), pytest.raises(UsageError, match=why):
        own_device(name)


def test_what_dead_processes_left_in_a_store_is_not_seen():
    store = HashStore()
    dead = [fresh_store(store, 0, 1, timeout=1.0)]
    dead[0].set("address", "of the dead")
    for _ in range(3):
        # The one comes late, the other greets late: both read what is there already.
        with ThreadPoolExecutor(3) as pool:
            jobs = []
            for rank in (2, 0, 1):
                jobs.append(pool.submit(fresh_store, store, rank, 3, timeout=10.0))
                time.sleep(0.02)
            two, zero, one = (job.result() for job in jobs)
        assert not one.check(["address"])
        zero.set("address", "of the living")
        assert one.get("address") == two.get("address") == b"of the living"


def test_who_waits_for_the_others_in_vain_says_for_whom():
    with pytest.raises(UsageError, match="process 1, 2 did not come within"):
        fresh_store(HashStore(), 0, 3, timeout=0.05)
