"""Records of chapter 11 that are made up: each method ends with the error that it is given."""

from __future__ import annotations

import math

from nagcore.evidence.autoencoder_methods import CEILINGS
from nagcore.evidence.experiments.autoencoder_scales import SMALL as SCALES_SMALL
from nagcore.evidence.experiments.autoencoders import SMALL
from nagcore.evidence.published_2013 import TABLE_1
from nagcore.evidence.record import Record

from .made_up import MADE

PUBLISHED = dict(TABLE_1["curves"])
EVEN = dict.fromkeys(PUBLISHED, 1.0)


def columns(after, *, before=1.2, status="budget"):
    return {
        "step": [1, 2, 3], "error": [9.0, before * after, after],
        "cross_entropy": [90.0, 20.0, 10.0], "error_before": before * after,
        "error_after": after, "status": status, "seconds": 2.0, "operations": 1000, "bytes": 500,
    }  # fmt: skip


def made_up(errors, *, noise=0.01, before=1.2, rates=None, seeds=(0, 1, 2), **replaced):
    """A record in which the middle step size is best, and each method ends with its error."""
    declaration = SMALL.declaration.replace(seed=seeds, lr=(0.1, 0.02, 0.004), **replaced)
    rates = {0.1: 3.0, 0.02: 1.0, 0.004: 2.0} if rates is None else rates

    def row(s):
        wobble = 1 + noise * math.sin(7 * s["seed"] + len(s["method"]))
        return columns(errors[s["method"]] * rates[s["lr"]] * wobble, before=before)

    rows = ({axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings())
    return Record(declaration, MADE, tuple(rows))


def made_up_scales(errors):
    declaration = SCALES_SMALL.declaration
    rows = (
        {axis: s[axis] for axis in declaration.axes} | columns(errors[s["scale"]] / s["lr"])
        for s in declaration.settings()
    )
    return Record(declaration, MADE, tuple(rows))


def with_nag(factor):
    """Errors of Nesterov's method as multiples of heavy ball's, by ceiling."""
    return EVEN | {f"nag-{c}": f for c, f in zip(CEILINGS, factor, strict=True)}
