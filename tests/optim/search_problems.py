"""A parameter and a closure, for the tests of the search for a step size."""

from __future__ import annotations

import numpy as np
import torch

CURVATURES = np.geomspace(1.0, 300.0, 7)


class Quadratic:
    """Σ h_i x_i² / 2."""

    x0 = np.linspace(-1.0, 2.0, 7)

    def value(self, x):
        return float(CURVATURES @ (x * x)) / 2

    def grad(self, x):
        return CURVATURES * x

    def loss(self, p):
        return torch.from_numpy(CURVATURES) @ p.square() / 2


def closure_of(loss, p, clear=lambda p: setattr(p, "grad", None)):
    def closure():
        clear(p)
        value = loss(p)
        value.backward()
        return value

    return closure


def parameter(x0, dtype=torch.float64):
    return torch.nn.Parameter(torch.tensor(x0, dtype=dtype))
