"""Refuse what copies cannot be trained with, before any work is done."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor, nn

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.copies.examples import Examples
from nagcore.training.copies.layout import Layout, layout_of

_Dropout = nn.modules.dropout._DropoutNd
_Norm = nn.modules.batchnorm._NormBase


def require_seeds(seeds: Sequence[int]) -> list[int]:
    """Return the seeds, one for each copy, if there is at least one.

    Raises:
        UsageError: there is none, or one cannot be used.
    """
    found = [require_seed(seed) for seed in seeds]
    require_count(len(found), "number of seeds")
    return found


def require_hyper(
    hyper: Mapping[str, Sequence[float]], copies: int, device: torch.device
) -> dict[str, Tensor]:
    """Return the hyperparameters as float64 tensors (N,).

    Raises:
        UsageError: "step_size" is missing, or there is not one finite number for each copy.
    """
    if "step_size" not in hyper:
        given = ", ".join(hyper) or "nothing"
        raise UsageError(f"hyper gives {given}; expected 'step_size' too, one number for each copy")
    for name, values in hyper.items():
        numbers = list(values) if isinstance(values, Sequence | Tensor) else values
        try:
            wrong = [v for v in numbers if not isinstance(v, Real | Tensor) or not math.isfinite(v)]  # pyright: ignore
            length = len(numbers)
        except TypeError as error:
            raise UsageError(
                f"hyper[{name!r}]={values!r} cannot be used; expected {copies} numbers"
            ) from error
        if wrong or length != copies:
            raise UsageError(
                f"hyper[{name!r}] has {length} values"
                + (f", among them {wrong[0]!r}" if wrong else "")
                + f"; expected {copies} finite numbers, one for each seed"
            )
    return {
        name: torch.tensor([float(v) for v in values], dtype=torch.float64, device=device)
        for name, values in hyper.items()
    }


def copyable_models(
    make_model: Callable[[int], nn.Module], seeds: Sequence[int]
) -> Iterator[nn.Module]:
    """Yield the models of the copies, if they are of one kind that can be trained at once.

    Raises:
        UsageError: a model has layers whose state changes or that draw random numbers, or its
            parameters are others than those of the first.
    """
    first = None
    for seed in seeds:
        model = make_model(seed)
        if first is None:
            first = _require_copyable(model)
        if layout_of(model) != first:
            raise UsageError(
                f"make_model({seed}) has other parameters than make_model({seeds[0]}); expected "
                "networks of one architecture"
            )
        yield model


def _require_copyable(model: nn.Module) -> Layout:
    for name, module in model.named_modules():
        kind = type(module).__name__
        if isinstance(module, _Dropout) and module.p > 0:
            raise UsageError(
                f"the layer {name!r} ({kind}) draws random numbers, which copies trained at once "
                "cannot reproduce; set p=0 or leave it out"
            )
        if isinstance(module, _Norm) and module.track_running_stats:
            raise UsageError(
                f"the layer {name!r} ({kind}) keeps running averages, which copies trained at "
                "once do not have; use GroupNorm, or track_running_stats=False"
            )
    layout = layout_of(model)
    kinds = {p.dtype for p in model.parameters()}
    if not layout.shapes or len(kinds) > 1:
        raise UsageError(
            f"the model has {len(layout.shapes)} parameters to train, of the types "
            f"{', '.join(map(str, kinds)) or 'none'}; expected some, of one type"
        )
    return layout


def require_mean(
    loss: Callable[[Tensor, Tensor], Tensor],
    network: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    examples: Examples,
) -> None:
    """Raise UsageError unless the loss of the first examples is a single number.

    Args:
        loss: of outputs against targets.
        network: parameters (P,) and inputs to outputs.
        start: parameters (P,).
        examples: training examples.
    """
    with torch.no_grad():
        value = loss(network(start, examples.inputs[:2]), examples.targets[:2])
    if not isinstance(value, Tensor) or value.ndim:
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UsageError(
            f"the loss has the shape {shape}, expected a single number: average it over the "
            "mini-batch (reduction='mean')"
        )
