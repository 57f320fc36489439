"""Two processes take the steps that one takes on the same mini-batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.optim import NAG, NAdam
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.history import History
from nagcore.training.models import make_cnn
from nagcore.training.processes import Processes
from nagcore.training.rates import RateSetter, parse_limiter, parse_schedule
from nagcore.training.run import Run
from nagcore.training.seeds import private_random_state
from nagcore.training.sharding import shard, whole
from nagcore.training.stopping import Epochs, Target
from nagcore.training.stream import ShardStream, write_shards
from nagcore.training.switches import Switches

CPU = torch.device("cpu")
WAYS = ("ddp", "fsdp")
# Four batches of 7, which two cannot share evenly, and one of 1, which leaves nothing for one.
COUNT, BATCH = 29, 7
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "NAG": partial(NAG, lr=0.02, momentum=0.9),
    "NAG, restart by gradient": partial(NAG, lr=0.08, momentum=0.95, restart="gradient"),
    "NAG, restart by function": partial(NAG, lr=0.1, momentum=0.95, restart="function"),
    "SGD of torch": partial(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True),
    "L-BFGS": partial(torch.optim.LBFGS, max_iter=3, line_search_fn="strong_wolfe"),
    "NAdam": partial(NAdam, lr=1e-3, eps=1e-4),
}


def images() -> ImageData:
    return load_fashion_mnist()[0].subset(list(range(COUNT)))


def network() -> nn.Module:
    """Return a network whose layers have odd sizes, which two cannot share evenly."""
    with private_random_state(0):
        return nn.Sequential(
            nn.Conv2d(1, 3, 5, stride=3), nn.Tanh(), nn.Flatten(), nn.Linear(192, 5), nn.Tanh(),
            nn.Linear(5, 10),
        )  # fmt: skip


def trained(
    processes: Processes,
    way: str = "ddp",
    *,
    optimizer: str = "NAG",
    epochs: int = 3,
    data: Any = None,
    model: nn.Module | None = None,
    **options: Any,
) -> tuple[list[torch.Tensor], History]:
    """Train the network in these processes; return the whole parameters, and what came of it."""
    model = network() if model is None else model
    if way == "fsdp":
        shard(model, processes, CPU)
    chosen = OPTIMIZERS[optimizer](model.parameters())
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        images() if data is None else data,
        chosen,
        processes=processes,
        **{"batch_size": BATCH, "until": Epochs(epochs), "evaluate_on": images(), **options},
    )
    with torch.no_grad():
        return [whole(p).clone() for p in model.parameters()], history


def close(some: list[torch.Tensor], others: list[torch.Tensor], atol: float = 1e-6) -> None:
    for a, b in zip(some, others, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


def equal(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def alike(processes: Processes, parameters: list[torch.Tensor]) -> None:
    """Check that the processes hold the same bits."""
    said = processes.gathered([p.tolist() for p in parameters])
    assert all(other == said[0] for other in said)


def same_steps(
    processes: Processes, folder: Path, *, way: str, optimizer: str, **options: Any
) -> None:
    """Check parameters and history against those of one process."""
    parameters, history = trained(processes, way, optimizer=optimizer, **options)
    alone, single = trained(Processes(), optimizer=optimizer, **options)
    close(parameters, alone)
    alike(processes, parameters)
    assert history.status == single.status
    for row, other in zip(history.rows, single.rows, strict=True):
        assert (row.step, row.examples, row.restarts) == (
            other.step,
            other.examples,
            other.restarts,
        )
        for name in ("train_loss", "eval_loss"):
            assert abs(row.value(name) - other.value(name)) < 1e-5, (name, row, other)
    if "restart" in optimizer:
        assert history.final.restarts > 0


def full_batch(processes: Processes, folder: Path) -> None:
    """L-BFGS, which evaluates the loss several times a step, is the same; sharded it is refused."""
    options: dict[str, Any] = {"optimizer": "L-BFGS", "batch_size": COUNT}
    parameters, _ = trained(processes, **options)
    alike(processes, parameters)
    close(parameters, trained(Processes(), **options)[0], atol=1e-5)
    with pytest.raises(UsageError, match="LBFGS with a sharded model"):
        trained(processes, "fsdp", **options)


def with_switches(processes: Processes, folder: Path, *, way: str) -> None:
    """Accumulation, clipping, the norm and the range of the gradient are those of one process."""

    def rate() -> RateSetter:
        return RateSetter(parse_schedule("cosine(steps=20)"), limiter=parse_limiter(LIMIT))

    switches = Switches(accumulate=2, clip_norm=0.5)
    until = Target("gradient_norm", at_most=0.0) | Epochs(3)
    options: dict[str, Any] = {"optimizer": "NAG", "switches": switches, "until": until}
    parameters, history = trained(processes, way, rate=rate(), **options)
    alone, single = trained(Processes(), rate=rate(), **options)
    close(parameters, alone)
    for row, other in zip(history.rows[1:], single.rows[1:], strict=True):
        assert abs(row.gradient_norm - other.gradient_norm) < 1e-5
        assert abs(row.rate - other.rate) < 1e-9


LIMIT = "gradient_range(K=0.2, most=0.05)"


def uneven_parts(processes: Processes, folder: Path, *, way: str) -> None:
    """The processes take as many parts of a batch as each other, with or without examples."""
    switches = Switches(accumulate=4)
    parameters, _ = trained(processes, way, switches=switches)
    close(parameters, trained(Processes(), switches=switches)[0])


def half_precision(processes: Processes, folder: Path, *, way: str) -> None:
    """With a scaled loss all processes leave out the same steps, though one alone overflows."""
    scales: list[float] = []

    class Noting(Callback):
        def on_step(self, run: Run) -> None:
            assert run.scaler is not None
            scales.append(run.scaler.get_scale())

    switches = Switches(precision="float16")
    parameters, history = trained(processes, way, switches=switches, callbacks=[Noting()])
    alike(processes, parameters)
    assert scales[-1] < scales[0]
    assert processes.gathered(scales) == [scales, scales]
    assert history.final.train_loss < history.rows[0].train_loss


def of_configuration(processes: Processes, folder: Path, *, way: str) -> None:
    """A network of the table, its memory laid out for convolutions, is the same in two."""
    data = images()
    parameters, _ = trained(processes, way, data=data, model=make_cnn(0, width=3))
    close(parameters, trained(Processes(), data=data, model=make_cnn(0, width=3))[0])


def from_shards(processes: Processes, folder: Path, *, way: str) -> None:
    """Two processes read each row once, and step along the mean of their weighted gradients."""
    data = load_fashion_mnist()[0]
    pixels = torch.arange(COUNT * 28 * 28).view(COUNT, 1, 28, 28).remainder(251).byte().numpy()
    if processes.is_first:
        write_shards(
            folder / "shards",
            [(pixels, data.labels[:COUNT].numpy())],
            classes=data.classes,
            rows_per_shard=11,
            rows_per_block=3,
            progress=False,
        )
    processes.gathered(None)
    stream = ShardStream(folder / "shards", window_blocks=2)
    own = [b.inputs for b in batches(stream, epoch=0, rank=processes.rank) if b.weight]
    parts = processes.gathered([row.tolist() for row in torch.cat(own)])
    rows = [row for part in parts for row in part]
    assert len(rows) == COUNT
    every = torch.cat([b.inputs for b in batches(stream, epoch=0, rank=0, ranks=1)])
    assert sorted(rows) == sorted(row.tolist() for row in every)
    parameters, _ = trained(processes, way, data=stream, evaluate_on=None)
    close(parameters, averaged(stream))


def batches(stream: ShardStream, *, epoch: int, rank: int, ranks: int = 2) -> Any:
    return stream.batches(BATCH, seed=0, epoch=epoch, rank=rank, ranks=ranks)


def averaged(stream: ShardStream) -> list[torch.Tensor]:
    """Emulate the two in one process: a plain loop over both of their batches."""
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = OPTIMIZERS["NAG"](model.parameters())
    for epoch in range(3):
        both = [batches(stream, epoch=epoch, rank=rank) for rank in (0, 1)]
        for pair in zip(*both, strict=True):
            optimizer.zero_grad()
            for batch in pair:
                (loss(model(batch.inputs), batch.targets) * batch.weight / 2).backward()
            optimizer.step()
    return [p.detach() for p in model.parameters()]


def noting() -> tuple[nn.Module, list[Any]]:
    """Return a network with dropout, and the list in which it notes what it drops of an image."""
    seen: list[Any] = []

    class Noting(nn.Dropout):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            output = super().forward(input)
            if self.training:
                seen.append((output == 0)[0].tolist())
            return output

    with private_random_state(0):
        return nn.Sequential(nn.Flatten(), Noting(0.5), nn.Linear(784, 10)), seen


def masks(processes: Processes, folder: Path) -> None:
    """Dropout draws other numbers in each process, and the same again from the same seed."""

    def run(seed: int) -> list[Any]:
        model, seen = noting()
        before = torch.get_rng_state()
        trained(processes, model=model, seed=seed, epochs=1)
        assert torch.equal(before, torch.get_rng_state())
        return seen

    first, again, other = run(1), run(1), run(2)
    assert first == again
    assert first != other
    one, two = processes.gathered(first)
    assert all(a != b for a, b in zip(one, two, strict=True))


def checked_often(processes: Processes, folder: Path) -> None:
    """Reports and checkpoints in between change no step."""
    options: dict[str, Any] = {"checkpoints": Checkpoints(folder, every_steps=2), "report_every": 3}
    assert equal(trained(processes, **options)[0], trained(processes)[0])


_BY_WAY: dict[str, Callable[..., None]] = {
    "accumulation, clipping and rates": with_switches,
    "parts without examples": uneven_parts,
    "float16": half_precision,
    "repaired CNN": of_configuration,
    "shards": from_shards,
}
STEPS: dict[str, Callable[[Processes, Path], None]] = {
    **{
        f"{way}: {name}": partial(same_steps, way=way, optimizer=name)
        for way in WAYS
        for name in OPTIMIZERS
        if name != "L-BFGS"
    },
    "L-BFGS": full_batch,
    **{f"{way}: {name}": partial(run, way=way) for way in WAYS for name, run in _BY_WAY.items()},
    "dropout": masks,
    "reports in between": checked_often,
}
