"""A difference shows on which side of zero it lies."""

from __future__ import annotations

import math

import pytest

from nagcore.evidence.report import points
from nagcore.evidence.signed import with_sign
from nagcore.evidence.statistics import Summary


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-0.0081, -0.0158, -0.0004), ["−0.0081", "−0.0158", "−0.0004"]),
        ((0.012, -0.004, 0.028), ["+0.012", "−0.004", "+0.028"]),
        ((0.00003,), ["+0.00003"]),
        ((1e-9, 0.5), ["0.000000", "+0.500000"]),
        ((0.0, 0.5), ["0.000", "+0.500"]),
        ((-0.0,), ["0.000"]),
        ((0.5, math.nan), ["+0.500", "+nan"]),
    ],
)
def test_only_zero_is_written_as_zero_and_has_no_sign(values, expected):
    assert with_sign(*values, digits=3) == expected


def test_points_say_whether_zero_is_inside():
    # the 95 % interval of five values is the mean ± 1.2416 spreads
    near = points(Summary(mean=0.01277, spread=0.01, n=5))
    assert near == "+1.28 percentage points (95 % interval +0.04 to +2.52, n = 5)"
