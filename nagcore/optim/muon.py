"""Muon for torch parameters, with another method for those that are no matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from nagcore.core.checks import require_count, require_momentum
from nagcore.core.muon import MUON_MOMENTA, MUON_SCALES, MuonState
from nagcore.core.muon import Muon as MuonRule
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.optim.base import Decay, RuleOptimizer
from nagcore.optim.cohorts import Cohort
from nagcore.optim.nadam import NAdam
from nagcore.optim.program import with_symbols
from nagcore.optim.tensors import as_number, like_parameter, on_host

METHODS = ("muon", "nadamw")


class Muon(RuleOptimizer):
    r"""Nesterov's momentum made orthogonal: `nagcore.core.Muon` for torch parameters.

    Parameters with two dimensions or more are moved by Muon, a convolution's kernel as the matrix
    of its filters. All others (biases, scales) are moved by `NAdamW`, in a parameter group of
    their own that the constructor makes, with `fallback_lr`. An embedding or the last layer is a
    matrix too, but is better off with the fallback: give it a group with "method": "nadamw".

    The matrix is computed in the precision of the parameter, in float32 where that is half.

    Args:
        params: parameters, or dictionaries of parameter groups.
        lr: step size α of the matrices, 0 or larger; a number or a tensor of one element.
        momentum: β of the matrices in [0, 1).
        weight_decay: λ, 0 or larger: all parameters shrink by 1 − αλ before the step.
        convention: "averaged" for an average of gradients, as the author and `torch.optim.Muon`
            do, or "sum"; the paths are the same while the momentum is constant.
        adjust_lr_fn: how the step depends on the shape of the matrix, a name of
            `nagcore.core.MUON_SCALES`.
        ns_steps: iterations of the orthogonalization, 0 or more.
        fallback_lr: step size of all that is no matrix.
        fallback_betas: β₁ and β₂ of these; β₁ is kept as "momentum" of the group, so that a
            scheduler which cycles the momentum finds it.
        eps: ε of these.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device, for CUDA graphs.
        execution: how the step of the fallback is run, a name of `nagcore.optim.EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range, in the constructor or in a parameter group, or
            a gradient is sparse.

    Source: [jordan2024].

    Example:
        >>> layer = torch.nn.Linear(3, 2)
        >>> optimizer = Muon(layer.parameters())
        >>> [(group["method"], group["lr"]) for group in optimizer.param_groups]
        [('muon', 0.02), ('nadamw', 0.0003)]
    """

    state_tensors = ("buffer",)
    state_scalars = MappingProxyType({})
    hyperparameters = ()

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.02,
        momentum: float = 0.95,
        *,
        weight_decay: float = 0.0,
        convention: str = "averaged",
        adjust_lr_fn: str = "original",
        ns_steps: int = 5,
        fallback_lr: float | Tensor = 3e-4,
        fallback_betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        maximize: bool = False,
        capturable: bool = False,
        execution: str = "auto",
    ) -> None:
        defaults = {
            "method": "muon",
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "convention": convention,
            "adjust_lr_fn": adjust_lr_fn,
            "ns_steps": ns_steps,
            "fallback_lr": fallback_lr,
            "fallback_momentum": fallback_betas[0],
            "beta2": fallback_betas[1],
            "eps": eps,
        }
        super().__init__(
            params, defaults, maximize=maximize, capturable=capturable, execution=execution
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, or two where some of its parameters are matrices and some are not.

        Args:
            param_group: "params", values that differ from the constructor's, and perhaps
                "method", "muon" or "nadamw", for all of them.

        Raises:
            UsageError: a value is out of its range, or one that is no matrix is to be moved by
                Muon.
        """
        before = len(self.param_groups)
        try:
            for part in self._parts(param_group):
                super().add_param_group(part)
        except Exception:
            del self.param_groups[before:]
            raise

    def _parts(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        """Return a group, or that of its matrices and that of all else."""
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        if not all(isinstance(_tensor(p), Tensor) for p in params):
            return [group]  # which torch refuses
        if group.get("method") == "nadamw":
            return [{**self._fallback_values(), **group, "params": params}]
        is_matrix = [_tensor(p).ndim >= 2 for p in params]
        for p, m in zip(params, is_matrix, strict=True):
            if m or "method" in group:
                _require_matrix(_tensor(p))
        if "method" in group or all(is_matrix):
            return [{**group, "params": params}]
        parts = []
        for method, values in (("muon", {}), ("nadamw", self._fallback_values())):
            part = [p for p, m in zip(params, is_matrix, strict=True) if m is (method == "muon")]
            if part:
                parts.append({**group, **values, "params": part, "method": method})
        return parts

    def _fallback_values(self) -> dict[str, Any]:
        defaults = self.defaults
        return {"lr": defaults["fallback_lr"], "momentum": defaults["fallback_momentum"]}

    @classmethod
    def kind(cls, group: Mapping[str, Any]) -> type[RuleOptimizer]:
        """Return the class whose step the group takes."""
        return _Fallback if group["method"] == "nadamw" else cls

    @classmethod
    def check(cls, group: Mapping[str, Any]) -> None:
        """Raise UsageError where a value of the group is out of its range."""
        super().check(group)
        require_momentum(as_number(group["momentum"], "momentum"))
        require_count(group["ns_steps"], "ns_steps")
        for name, known in (
            ("method", METHODS),
            ("convention", MUON_MOMENTA),
            ("adjust_lr_fn", MUON_SCALES),
        ):
            if group[name] not in known:
                raise UsageError(
                    f"{name} is {group[name]!r}, expected one of "
                    f"{closest_first(str(group[name]), known)}"
                )

    def advance(self, cohort: Cohort) -> None:
        """Take the step of Muon with each matrix, or the fallback's with all parameters."""
        group = cohort.group
        if group["method"] == "nadamw":
            super().advance(cohort)
            return
        momentum, lr = on_host(group["momentum"]), on_host(group["lr"])
        rule = with_symbols(
            MuonRule(convention=group["convention"], scale=group["adjust_lr_fn"]),
            momentum=lambda _: momentum,
            steps=group["ns_steps"],
        )
        for p, state in zip(cohort.parameters, cohort.states, strict=True):
            grad = _matrix(like_parameter(p.grad, p))  # pyright: ignore[reportArgumentType]
            decayed = _matrix(p) * (1 - lr * group["weight_decay"])
            before = MuonState(decayed, _matrix(state["buffer"]), 0)
            after = rule.step(before, -grad if group["maximize"] else grad, lr)
            _write(p, after.x)
            _write(state["buffer"], after.buffer)


class _Fallback(NAdam):
    """`NAdamW` on a group of Muon's."""

    @classmethod
    def check(cls, group: Mapping[str, Any]) -> None:
        Muon.check(group)
        super().check(_as_nadam(group))

    @classmethod
    def numbers(cls, group: Mapping[str, Any]) -> tuple[Any, ...]:
        return super().numbers(_as_nadam(group))

    @classmethod
    def variant(cls, group: Mapping[str, Any]) -> str:  # noqa: ARG003
        return "torch"

    @classmethod
    def decay(cls, group: Mapping[str, Any]) -> Decay:
        return "decoupled" if group["weight_decay"] else "none"


def _as_nadam(group: Mapping[str, Any]) -> dict[str, Any]:
    betas = (as_number(group["momentum"], "momentum"), group["beta2"])
    return {**group, "betas": betas, "momentum_decay": None, "convention": "torch"}


def _tensor(parameter: Any) -> Tensor:
    """Return the parameter of a pair with its name, or itself."""
    return parameter[1] if isinstance(parameter, tuple) else parameter


def _require_matrix(parameter: Tensor) -> None:
    if parameter.ndim < 2:
        raise UsageError(
            f"a parameter of shape {tuple(parameter.shape)} is in a group with method 'muon', "
            "expected two dimensions or more: leave 'method' out and it gets the fallback"
        )
    if parameter.is_complex():
        raise UsageError(
            "a parameter is complex, expected real numbers: give it a group with method 'nadamw'"
        )


def _matrix(tensor: Tensor) -> Tensor:
    """Return a whole tensor as the matrix of its rows, in float32 or more."""
    full_tensor = getattr(tensor, "full_tensor", None)
    whole = tensor if full_tensor is None else full_tensor()
    half = whole.dtype in (torch.float16, torch.bfloat16)
    return (whole.float() if half else whole).flatten(1)


def _write(target: Tensor, matrix: Tensor) -> None:
    """Copy a matrix into a tensor of any rank, or into this process's part of it."""
    placements = getattr(target, "placements", None)
    whole = matrix.reshape(target.shape).to(target.dtype)
    if placements is not None:
        from torch.distributed.tensor import distribute_tensor

        whole = distribute_tensor(whole, target.device_mesh, placements)  # pyright: ignore
    target.copy_(whole)
