"""The step of all copies, or the rule in it, as generated code."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from nagcore.training.copies.step import CopiesStep


def compile_rule(step: CopiesStep) -> None:
    """Let `torch.compile` generate the code of a step's rule; where it cannot, warn and go on.

    The rule then reads and writes each number of the state once, in place of once for each
    operation.

    Args:
        step: it is not taken.
    """
    given = step.given()
    grad = torch.zeros_like(step.query)
    arguments = given["leaves"], given["query"], grad, given["hyper"], given["k"]
    step.move = _compiled(step.store, *arguments)


def compile_step(step: CopiesStep) -> None:
    """Likewise of the whole step: gradient, losses and rule.

    Args:
        step: it is not taken.
    """
    step.take = _compiled(step.advance, step.given())


COMPILERS: Mapping[str, Callable[[CopiesStep], None]] = MappingProxyType(
    {"rule": compile_rule, "step": compile_step}
)
"""By what of a step is compiled."""


def _compiled(function: Callable[..., None], *arguments: Any) -> Callable[..., None]:
    """Return a compiled function that does the same with arguments of these shapes."""

    def copied() -> tuple:
        return pytree.tree_map(
            lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, arguments
        )

    try:
        # The rule is traced here and not by Dynamo, which need not understand its classes.
        traced = make_fx(lambda *given: function(*given))(*copied())
        compiled = torch.compile(traced, dynamic=False)
        compiled(*copied())
    except Exception as error:
        warnings.warn(
            "compile: the step could not be compiled and runs as it is; a C++ compiler or "
            f"Triton may be missing ({type(error).__name__}: {str(error)[:200]})",
            UserWarning,
            stacklevel=4,
        )
        return function
    return compiled
