"""One of two processes that train together; run by test_optimizer_distributed.py.

Every optimizer is walked through every way to share work, in one start of the processes. What
came out is written as JSON: for each case None, or the traceback.
"""

from __future__ import annotations

import json
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from optimizer_table import ROWS, Row
from torch import Tensor
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.nn import Parameter
from torch.nn.parallel import DistributedDataParallel
from walking import advance, equal, make_parameters, values, varied

STEPS = 5
# odd sizes: one process has more of them than the other, or all
WIDTHS = (4, 3, 1)


class Net(torch.nn.Module):
    """A small network, the same in all processes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Linear(WIDTHS[0], WIDTHS[1]).double()
        self.outer = torch.nn.Linear(WIDTHS[1], WIDTHS[2]).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(torch.tanh(self.inner(x)))


def batch(k: int) -> Tensor:
    generator = torch.Generator().manual_seed(k)
    return torch.randn(6, WIDTHS[0], generator=generator, dtype=torch.float64)


def mine(x: Tensor) -> Tensor:
    return x.chunk(2)[dist.get_rank()]


def train(row: Row, model: Any, optimizer: Any, steps: int, start: int = 0, share: Any = mine):
    for k in range(start, start + steps):
        for group in optimizer.param_groups:
            group.update(varied(row, group, k))
        optimizer.zero_grad()
        (model(share(batch(k))).square().mean() + model(share(batch(k))).mean()).backward()
        optimizer.step()


def whole(tensors: Any) -> list[Tensor]:
    """Return all of tensors of which each process may hold a part."""
    return [t.full_tensor() if isinstance(t, DTensor) else t for t in values(tensors)]


def placements(tensor: Any) -> Any:
    return tensor.placements


def alone(row: Row, arguments: dict[str, Any], steps: int = STEPS) -> tuple[Any, Any]:
    model = Net()
    optimizer = row.build(model.parameters(), **arguments)
    train(row, model, optimizer, steps, share=lambda x: x)
    return model, optimizer


def close(some: Any, others: Any) -> None:
    for a, b in zip(whole(some), whole(others), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


def sharded(mesh: DeviceMesh) -> Net:
    model = Net()
    fully_shard(model.inner, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def data_parallel(row: Row, arguments: dict[str, Any], mesh: DeviceMesh, folder: Path) -> None:
    """DDP on halves of a batch is one process on the whole."""
    model = DistributedDataParallel(Net())
    train(row, model, row.build(model.parameters(), **arguments), STEPS)
    close(model.parameters(), alone(row, arguments)[0].parameters())


def fully_sharded(row: Row, arguments: dict[str, Any], mesh: DeviceMesh, folder: Path) -> None:
    """FSDP2 on halves of a batch is one process on the whole, at the iterate too."""
    model = sharded(mesh)
    optimizer = row.build(model.parameters(), **arguments)
    train(row, model, optimizer, STEPS)
    single, other = alone(row, arguments)
    close(model.parameters(), single.parameters())
    if row.has_iterate:
        before = whole(model.parameters())
        with optimizer.at_iterate(), other.at_iterate():
            close(model.parameters(), single.parameters())
        assert equal(whole(model.parameters()), before)


def checkpointed(row: Row, arguments: dict[str, Any], mesh: DeviceMesh, folder: Path) -> None:
    """A sharded run that is saved and loaded goes on to the same bits."""
    straight = sharded(mesh)
    train(row, straight, row.build(straight.parameters(), **arguments), STEPS)
    first = sharded(mesh)
    optimizer = row.build(first.parameters(), **arguments)
    train(row, first, optimizer, 3)
    model_state, state = get_state_dict(first, optimizer)
    state_dict_saver.save({"model": model_state, "optimizer": state}, checkpoint_id=folder)

    second = sharded(mesh)
    resumed = row.build(second.parameters(), **{**arguments, "lr": 0.7})
    model_state, state = get_state_dict(second, resumed)
    saved = {"model": model_state, "optimizer": state}
    state_dict_loader.load(saved, checkpoint_id=folder)
    set_state_dict(
        second, resumed, model_state_dict=saved["model"], optim_state_dict=saved["optimizer"]
    )
    train(row, second, resumed, STEPS - 3, start=3)
    assert equal(whole(straight.parameters()), whole(second.parameters()))


def gathered(row: Row, arguments: dict[str, Any], mesh: DeviceMesh, folder: Path) -> None:
    """The whole state of a sharded run goes on in one process, and back."""
    options = StateDictOptions(full_state_dict=True)
    model = sharded(mesh)
    optimizer = row.build(model.parameters(), **arguments)
    train(row, model, optimizer, 2)
    single = Net()
    for p, q in zip(single.parameters(), whole(model.parameters()), strict=True):
        p.data.copy_(q)
    one = row.build(single.parameters(), **arguments)
    state = get_optimizer_state_dict(model, optimizer, options=options)
    set_optimizer_state_dict(single, one, state, options=options)
    train(row, single, one, 2, start=2, share=lambda x: x)

    again = sharded(mesh)
    for p, q in zip(again.parameters(), single.parameters(), strict=True):
        p.data.copy_(distribute_tensor(q.data, mesh, placements(p)))
    last = row.build(again.parameters(), **arguments)
    state = get_optimizer_state_dict(single, one, options=options)
    set_optimizer_state_dict(again, last, state, options=options)
    train(row, again, last, STEPS - 4, start=4)
    close(again.parameters(), alone(row, arguments)[0].parameters())


def tensors_over_a_mesh(
    row: Row, arguments: dict[str, Any], mesh: DeviceMesh, folder: Path
) -> None:
    """Distributed parameters are stepped as whole ones, in every way to run a step."""
    shapes = [(3, 2), (5,), (), (1, 4)]
    kinds = [(Shard(0),), (Shard(0),), (Replicate(),), (Shard(1),)]
    for mode in ("plain", "foreach", "flat", "auto"):
        plain = make_parameters(shapes=shapes)
        spread = [
            Parameter(distribute_tensor(p.detach(), mesh, kind))
            for p, kind in zip(plain, kinds, strict=True)
        ]
        one = row.build(plain, **arguments)
        many = row.build(spread, **arguments, execution=mode)
        for k in range(STEPS):
            advance(one, plain, 1, start=k)
            for p, q in zip(spread, plain, strict=True):
                grad = q.grad
                assert grad is not None
                # once laid out as the parameter, once otherwise
                kind = placements(p) if k % 2 else (Replicate(),)
                p.grad = distribute_tensor(grad, mesh, kind)
            many.step()
        close(spread, plain)
        for p in spread:
            held = [t for t in many.state[p].values() if isinstance(t, Tensor) and t.dim()]
            assert all(placements(t) == placements(p) for t in held)


CASES = {
    "DDP": data_parallel,
    "FSDP2": fully_sharded,
    "checkpoint": checkpointed,
    "gathered": gathered,
    "DTensor": tensors_over_a_mesh,
}


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    mesh = init_device_mesh("cpu", (2,))
    found = {}
    for name, row in ROWS.items():
        for case, run in CASES.items():
            try:
                for number, arguments in enumerate((row.plain, *row.beyond)):
                    run(row, arguments, mesh, folder / f"{case} {name} {number}")
                found[f"{case} {name}"] = None
            except Exception:
                found[f"{case} {name}"] = traceback.format_exc()
    (folder / f"found{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
