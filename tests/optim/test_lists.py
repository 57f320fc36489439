"""A step that was computed in place is not copied onto itself."""

from __future__ import annotations

import pytest
import torch

from nagcore.optim import Adan, NAdam
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.nag import NAG


def copied(optimizer: type[RuleOptimizer], dtype: torch.dtype, monkeypatch) -> int:
    """Take a step with foreach; return how many tensors were copied."""
    pairs, copy = [], torch._foreach_copy_  # pyright: ignore[reportPrivateImportUsage]

    def watched(targets, values):
        pairs.extend(zip(targets, values, strict=True))
        assert all(target is not value for target, value in pairs)
        return copy(targets, values)

    parameters = [torch.nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in ((), (3, 2))]
    for p in parameters:
        p.grad = torch.full_like(p, 0.5)
    monkeypatch.setattr(torch, "_foreach_copy_", watched)
    optimizer(parameters, lr=0.1, execution="foreach").step()  # pyright: ignore[reportCallIssue]
    monkeypatch.undo()
    assert all((p != 1).all() for p in parameters)
    return len(pairs)


@pytest.mark.parametrize("optimizer", [NAG, NAdam, Adan])
def test_only_what_lies_elsewhere_is_copied(optimizer, monkeypatch):
    tensors = 2 * (1 + len(optimizer.state_tensors))
    in_single = copied(optimizer, torch.float32, monkeypatch)
    assert in_single < tensors
    assert copied(optimizer, torch.bfloat16, monkeypatch) == tensors, "they were computed apart"


def test_nag_copies_nothing(monkeypatch):
    assert copied(NAG, torch.float32, monkeypatch) == 0
