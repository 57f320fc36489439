"""One of two processes over which parameters are spread; run by `test_spread_restarts.py`.

Usage: python spread_restarts.py RANK FILE, where FILE is a path at which the two can meet.
"""

from __future__ import annotations

import sys

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from nagcore.core import Backtracking
from nagcore.optim import NAG
from nagcore.optim.step_size_search import StepSizeSearch

H = torch.logspace(0, 3, 7, dtype=torch.float64)  # seven do not fall into two equal parts
CRITERIA = ("gradient", "function", "speed")


def make_parameters(mesh):
    """One that is split, one that both hold, one that is no distributed tensor."""
    points = torch.linspace(-2, 3, 7, dtype=torch.float64)
    parts = [points] * 3
    if mesh is not None:
        parts[0] = distribute_tensor(points, mesh, [Shard(0)])
        parts[1] = distribute_tensor(points, mesh, [Replicate()])
    return [torch.nn.Parameter(part.clone()) for part in parts]


def whole(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def closure_of(parameters, stepper):
    def closure():
        stepper.zero_grad()
        loss = torch.stack([(H * whole(p).square()).sum() / 2 for p in parameters]).sum()
        loss.backward()
        return loss.detach()

    return closure


def require_same(spread, alone):
    for p, q in zip(spread, alone, strict=True):
        torch.testing.assert_close(whole(p).detach(), q.detach(), rtol=1e-9, atol=1e-12)


def check_restarts(mesh, name):
    spread, alone = make_parameters(mesh), make_parameters(None)
    settings = {"lr": 1e-3, "momentum": 0.97, "restart": name}
    optimizers = NAG(spread, **settings), NAG(alone, **settings)
    closures = [closure_of(p, o) for p, o in zip((spread, alone), optimizers, strict=True)]
    for _ in range(50):
        for optimizer, closure in zip(optimizers, closures, strict=True):
            optimizer.step(closure)
    assert optimizers[0].restarts == optimizers[1].restarts > 0
    require_same(spread, alone)


def check_search(mesh):
    spread, alone = make_parameters(mesh), make_parameters(None)
    searches = [
        StepSizeSearch(NAG(p, momentum=0.9), Backtracking(first=1.0)) for p in (spread, alone)
    ]
    for _ in range(5):
        for search, parameters in zip(searches, (spread, alone), strict=True):
            search.step(closure_of(parameters, search))
    assert searches[0].step_size == searches[1].step_size
    require_same(spread, alone)


def main(rank: str, file: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{file}", rank=int(rank), world_size=2
    )
    mesh = init_device_mesh("cpu", (2,))
    for name in CRITERIA:
        check_restarts(mesh, name)
    check_search(mesh)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
