"""Optimizers, ours and other people's, each behind one call that takes a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

import nagcore
from nagcore.errors import MissingExtraError
from nagcore.evidence.device_timing import Step, capture
from nagcore.evidence.parameter_lists import Shapes
from nagcore.optim.adan import Adan
from nagcore.optim.base import RuleOptimizer
from nagcore.optim.nadam import NAdam
from nagcore.optim.nag import NAG

Build = Callable[["Workload"], Step]
_LR = 1e-3  # how large the steps are does not matter to how long they take
_MOMENTUM: dict[str, Any] = {"momentum": 0.9, "nesterov": True}


class Workload:
    """Parameters with gradients, which all optimizers of a comparison move in turns.

    That they are the same tensors is for the sake of fairness: how fast memory is depends on where
    it lies.

    Args:
        shapes: of the parameters.
        device: "cpu" or "cuda".

    Example:
        >>> work = Workload(((2, 3), (4,)), "cpu")
        >>> [p.grad.shape for p in work.parameters]
        [torch.Size([2, 3]), torch.Size([4])]
    """

    def __init__(self, shapes: Shapes, device: str) -> None:
        generator = torch.Generator(device).manual_seed(0)
        self.parameters = [Parameter(_normal(shape, generator)) for shape in shapes]
        for p in self.parameters:
            p.grad = _normal(p.shape, generator)

    def apart(self) -> Workload:
        """Return a copy, for a peer that writes into the gradients."""
        twin = object.__new__(Workload)
        twin.parameters = [Parameter(p.detach().clone()) for p in self.parameters]
        for p, original in zip(twin.parameters, self.parameters, strict=True):
            p.grad = _gradient(original).clone()
        return twin


@dataclass(frozen=True)
class Contestant:
    """An optimizer in a race of steps.

    Attributes:
        build: makes it for a workload and returns what takes a step.
        package: that it comes from.
        devices: where it can run.
        compiles: whether it compiles a step for these shapes, which takes its time.
    """

    build: Build
    package: str = "torch"
    devices: tuple[str, ...] = ("cpu", "cuda")
    compiles: bool = False


def version_of(package: str) -> str:
    """Return a package with its version, or its name alone where it is not installed.

    Example:
        >>> version_of("no such package")
        'no such package'
    """
    if package == "nagcore":
        return f"nagcore {nagcore.__version__}"
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def contestants(method: str, device: str) -> dict[str, Contestant]:
    """Return the contestants of a method that can run on a device, by name.

    Args:
        method: "nesterov", "nadam" or "adan".
        device: "cpu" or "cuda".

    Example:
        >>> list(contestants("adan", "cpu"))[:2]
        ['Adan', 'Adan, foreach']
    """
    return {name: c for name, c in METHODS[method].items() if device in c.devices}


def bytes_per_parameter(method: str) -> int:
    """Return the least memory traffic of a step in float32, in bytes for each parameter.

    Parameter and state are read and written, the gradient is read.

    Example:
        >>> bytes_per_parameter("nesterov"), bytes_per_parameter("nadam")
        (20, 28)
    """
    return 4 * (3 + 2 * len(OURS[method].state_tensors))


def _normal(shape: Iterable[int], generator: torch.Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=generator, device=generator.device)


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise RuntimeError("a parameter of a workload has lost its gradient")
    return parameter.grad


def _ours(
    optimizer: type[RuleOptimizer], execution: str, devices: tuple[str, ...] = ("cpu", "cuda")
) -> Contestant:
    def build(work: Workload) -> Step:
        return optimizer(work.parameters, lr=_LR, execution=execution).step  # pyright: ignore[reportCallIssue]

    return Contestant(build, "nagcore", devices, execution == "compiled")


def _torch(
    optimizer: Callable[..., torch.optim.Optimizer],
    *,
    apart: bool = False,
    compiled: bool = False,
    **options: Any,
) -> Contestant:
    """Return an optimizer of torch.

    Args:
        optimizer: the class.
        apart: whether it writes into the gradients.
        compiled: whether its step goes through `torch.compile`.
        options: arguments of the class.
    """

    def build(work: Workload) -> Step:
        work = work.apart() if apart else work
        step = optimizer(work.parameters, lr=_LR, **options).step
        return torch.compile(step) if compiled else step

    return Contestant(build, compiles=compiled)


def _captured(
    optimizer: Callable[..., torch.optim.Optimizer], package: str = "torch", **options: Any
) -> Contestant:
    def build(work: Workload) -> Step:
        return capture(optimizer(work.parameters, lr=_LR, **options).step)

    return Contestant(build, package, ("cuda",))


def _all_of_ours(
    name: str, optimizer: type[RuleOptimizer], on_cpu: tuple[str, ...]
) -> dict[str, Contestant]:
    """Return all ways to run an optimizer of this package; on a CPU "auto" is the kernel."""
    found = {name: _ours(optimizer, "auto")}
    for execution in ("foreach", "plain", "flat", "compiled", "kernel"):
        devices = ("cpu", "cuda") if execution in on_cpu else ("cuda",)
        found[f"{name}, {execution}"] = _ours(optimizer, execution, devices)
    return found | {f"{name}, captured": _captured(optimizer, "nagcore", capturable=True)}


def _pytorch_optimizer(name: str, **options: Any) -> Contestant:
    def build(work: Workload) -> Step:
        try:
            import pytorch_optimizer
        except ImportError as error:
            raise MissingExtraError("pytorch_optimizer", "benchmarks", "a comparison") from error
        optimizer = getattr(pytorch_optimizer, name)
        # one by one, its steps write into the gradients
        work = work if options.get("foreach", True) else work.apart()
        return optimizer(work.parameters, lr=_LR, **options).step

    return Contestant(build, "pytorch_optimizer")


def _heavyball(name: str) -> Contestant:
    def build(work: Workload) -> Step:
        try:
            import heavyball
        except ImportError as error:
            raise MissingExtraError("heavyball", "benchmarks", "a comparison") from error
        # by default it clears the gradients, and would have nothing to do from the second step on
        optimizer = getattr(heavyball, name)(work.parameters, lr=_LR, consume_grad=False)

        def step() -> None:
            optimizer.step()
            _gradient(work.parameters[0])

        return step

    return Contestant(build, "heavyball", ("cpu",), compiles=True)


def _optax(name: str, **options: Any) -> Contestant:
    def build(work: Workload) -> Step:
        try:
            import jax
            import optax
        except ImportError as error:
            raise MissingExtraError("optax", "benchmarks", "a comparison") from error
        method = getattr(optax, name)(_LR, **options)
        parameters = [jax.numpy.array(p.detach().numpy()) for p in work.parameters]
        gradients = [jax.numpy.array(_gradient(p).numpy()) for p in work.parameters]

        def advance(parameters: Any, state: Any, gradients: Any) -> Any:
            updates, state = method.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state

        compiled = jax.jit(advance, donate_argnums=(0, 1))
        held = [parameters, method.init(parameters)]

        def step() -> None:
            held[:] = jax.block_until_ready(compiled(*held, gradients))

        return step

    return Contestant(build, "optax", ("cpu",))


_SGD, _NADAM, _ADAMW = torch.optim.SGD, torch.optim.NAdam, torch.optim.AdamW
OURS: dict[str, type[RuleOptimizer]] = {"nesterov": NAG, "nadam": NAdam, "adan": Adan}
YARDSTICKS = {
    "torch AdamW, fused": _torch(_ADAMW, fused=True),
    "torch AdamW, fused, captured": _captured(_ADAMW, fused=True, capturable=True),
}
"""Other methods that move about as much memory, to hold the time against."""
METHODS: dict[str, dict[str, Contestant]] = {
    "nesterov": {
        **_all_of_ours("NAG", NAG, ("foreach", "plain", "flat", "compiled")),
        "torch SGD, fused": _torch(_SGD, fused=True, **_MOMENTUM),
        "torch SGD, foreach": _torch(_SGD, apart=True, foreach=True, **_MOMENTUM),
        "torch SGD, one by one": _torch(_SGD, foreach=False, **_MOMENTUM),
        "torch SGD, compiled": _torch(_SGD, apart=True, compiled=True, foreach=True, **_MOMENTUM),
        "torch SGD, fused, captured": _captured(_SGD, fused=True, **_MOMENTUM),
        # it has no Nesterov momentum: one operation fewer
        "HeavyBall SGD (heavy ball)": _heavyball("SGD"),
        "pytorch_optimizer SGDW": _pytorch_optimizer("SGDW", **_MOMENTUM),
        "Optax sgd, jitted": _optax("sgd", **_MOMENTUM),
    },
    "nadam": {
        **_all_of_ours("NAdam", NAdam, ("foreach",)),
        "torch NAdam, foreach": _torch(_NADAM, foreach=True),
        "torch NAdam, one by one": _torch(_NADAM, foreach=False),
        "torch NAdam, compiled": _torch(_NADAM, compiled=True, foreach=True),
        "torch NAdam, captured": _captured(_NADAM, foreach=True, capturable=True),
        "HeavyBall NAdam": _heavyball("NAdam"),
        "Optax nadam, jitted": _optax("nadam"),
        **YARDSTICKS,
    },
    "adan": {
        **_all_of_ours("Adan", Adan, ("foreach",)),
        "pytorch_optimizer Adan, foreach": _pytorch_optimizer("Adan", foreach=True),
        "pytorch_optimizer Adan, one by one": _pytorch_optimizer("Adan", foreach=False),
        "Optax adan, jitted": _optax("adan"),
        **YARDSTICKS,
    },
}
"""The contestants of each method, by name."""
