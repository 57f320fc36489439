"""A quadratic in several tensors, for the tests of restarts."""

from __future__ import annotations

import pytest
import torch

from nagcore.core import GradientRestart, SpeedRestart

SHAPES = [(3, 2), (2,), ()]
SIZES = [6, 2, 1]
CURVATURES = torch.logspace(0, 3, 9, dtype=torch.float64)
CRITERIA = {"gradient": GradientRestart(), "speed": SpeedRestart()}
MODES = ["plain", "foreach", "flat", "kernel"]
named = pytest.mark.parametrize("name", ["gradient", "function", "speed"])


def start():
    return torch.linspace(-2, 3, 9, dtype=torch.float64)


def split(vector):
    return [v.reshape(s) for v, s in zip(vector.split(SIZES), SHAPES, strict=True)]


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def make_parameters(dtype=torch.float64):
    return [torch.nn.Parameter(v.to(dtype).clone()) for v in split(start())]


def closure_of(parameters, optimizer, curvatures=CURVATURES, sign=1.0):
    """The loss Σ h_i y_i² / 2 in whichever type the parameters have."""
    weights = [h.to(p.dtype) for h, p in zip(split(curvatures), parameters, strict=True)]

    def closure():
        optimizer.zero_grad()
        terms = [(h * p.square()).sum() for h, p in zip(weights, parameters, strict=True)]
        loss = sign * torch.stack(terms).sum() / 2
        loss.backward()
        return loss

    return closure


def run(optimizer, closure, steps):
    for _ in range(steps):
        optimizer.step(closure)
    return flat([p for group in optimizer.param_groups for p in group["params"]])
