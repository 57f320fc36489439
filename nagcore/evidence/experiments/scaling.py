"""The seconds of a step in one and in two processes, and of what passes between them."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch.nn.functional import cross_entropy

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.optim import NAG
from nagcore.training.data import load_fashion_mnist
from nagcore.training.models import count_parameters, make_cnn
from nagcore.training.processes import Processes
from nagcore.training.switches import Switches
from nagcore.training.training_step import TrainingStep

DECLARATION = Declaration(
    name="scaling",
    question="How much faster are two processes than one, and what do they say to each other?",
    axes={"width": (4, 32)},
    constants={
        "batch_sizes": (32, 64, 128, 256, 512),
        "message_bytes": (4_096, 65_536, 1_048_576, 8_388_608, 33_554_432),
        "rounds": 5,
        "seconds": 0.4,  # of a turn
        "threads": 1,  # of each process
    },
    columns={
        "parameters": "numbers of the network",
        "single": "per batch size and round: seconds of a step in one process",
        "double": "per batch size and round: seconds of a step in two processes, same batch",
        "all_reduce": "per message and round: seconds until two processes have the sum",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Take steps in one process and in two, in turns: alone, together, alone, together."""
    values = dict(setting)
    single: list[Any] = [[] for _ in setting["batch_sizes"]]
    double: list[Any] = [[] for _ in setting["batch_sizes"]]
    travel: list[Any] = [[] for _ in setting["message_bytes"]]
    for count in (1, 2, 2, 1):
        steps, messages = _run_together(values, count)
        for into, found in zip(single if count == 1 else double, steps, strict=True):
            into.extend(found)
        for into, found in zip(travel, messages, strict=False):
            into.extend(found)
    parameters = count_parameters(make_cnn(0, width=setting["width"]))
    return {"parameters": parameters, "single": single, "double": double, "all_reduce": travel}


def _run_together(setting: dict[str, Any], count: int) -> tuple[list[Any], list[Any]]:
    """Return what the first of so many new processes measured."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        answer = context.SimpleQueue()
        workers = [
            context.Process(target=_work, args=(setting, rank, count, f"{name}/meeting", answer))
            for rank in range(count)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(worker.exitcode for worker in workers):
            raise RuntimeError(f"a process ended with {[w.exitcode for w in workers]}")
        return answer.get()


def _work(setting: dict[str, Any], rank: int, count: int, meeting: str, answer: Any) -> None:
    os.environ["OMP_NUM_THREADS"] = str(setting["threads"])
    torch.set_num_threads(setting["threads"])
    if count > 1:
        store = Path(meeting).as_uri()
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=count)
    steps = [_time_steps(setting, size, rank, count) for size in setting["batch_sizes"]]
    messages = []
    if count > 1:
        messages = [_time_messages(setting, size) for size in setting["message_bytes"]]
        dist.destroy_process_group()
    if rank == 0:
        answer.put((steps, messages))


def _time_steps(setting: dict[str, Any], batch_size: int, rank: int, count: int) -> list[float]:
    model = make_cnn(0, width=setting["width"])
    step = TrainingStep(
        model,
        cross_entropy,
        NAG(model.parameters(), lr=1e-3, momentum=0.9),
        rate=None,
        switches=Switches(),
        processes=Processes(rank, count),
        norm=False,
    )
    data = load_fashion_mnist()[0]
    batch = next(data.batches(batch_size, seed=0, epoch=0, rank=rank, ranks=count))
    return _rounds(lambda: step(batch, 0), setting, count)


def _time_messages(setting: dict[str, Any], size: int) -> list[float]:
    tensor = torch.zeros(size // 4)
    return _rounds(lambda: dist.all_reduce(tensor), setting, 2)


def _rounds(act: Callable[[], Any], setting: dict[str, Any], count: int) -> list[float]:
    """Return the seconds of an action in each round; all processes repeat it as often."""
    act()
    started = time.perf_counter()
    act()
    once = torch.tensor(time.perf_counter() - started)
    if count > 1:
        dist.broadcast(once, 0)
    repeats = max(1, round(setting["seconds"] / setting["rounds"] / max(once.item(), 1e-6)))
    seconds = []
    for _ in range(setting["rounds"]):
        if count > 1:
            dist.barrier()
        started = time.perf_counter()
        for _ in range(repeats):
            act()
        seconds.append((time.perf_counter() - started) / repeats)
    return seconds


EXPERIMENT = Experiment(DECLARATION, measure)
