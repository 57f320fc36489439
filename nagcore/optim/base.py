"""A torch optimizer made from a rule's step."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache, partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from nagcore.core.checks import require_not_negative
from nagcore.optim.cohorts import Cohort, Memory, Plan, collect
from nagcore.optim.execution import choose, require_execution
from nagcore.optim.lists import new_values
from nagcore.optim.program import Program, Update, trace
from nagcore.optim.tensors import as_number, on_host
from nagcore.optim.transfer import own_scalars, require_fit, scalar_on

_NOTHING_REMEMBERED = {"_checked": {}, "_memory": None}
Decay = Literal["none", "coupled", "decoupled"]


class RuleOptimizer(Optimizer):
    """What the optimizers of this package share; each declares its state and its step.

    A step is traced once from the rule and then run over lists of tensors, see
    `nagcore.optim.execution`. Gradients are read and never written. A parameter whose gradient is
    None stands still, and starts from rest when its first gradient comes. All groups are looked
    through before one parameter is moved, so that bad input leaves no half a step.

    Args:
        params: parameters, or dictionaries of parameter groups.
        defaults: the values that a group has if it does not say otherwise.
        maximize: climb instead of descend.
        capturable: keep the numbers of the state on the device of the parameters, so that the
            step can be captured in a CUDA graph. A step size that shall change between two
            replays has to be a tensor.
        differentiable: let gradients flow through the step.
        execution: how the step is run, a name of `EXECUTIONS`.

    Raises:
        UsageError: a value is out of its range.
    """

    state_tensors: ClassVar[tuple[str, ...]]
    """Names of what is kept for each parameter, in its shape."""
    state_scalars: ClassVar[Mapping[str, float]]
    """Numbers that are kept for each parameter, with their first values."""
    hyperparameters: ClassVar[tuple[str, ...]]
    """Names of the numbers that the step takes from the group."""

    def __init__(
        self,
        params: Iterable[Any],
        defaults: dict[str, Any],
        *,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        execution: str = "auto",
    ) -> None:
        self._checked: dict[int, list[Any]] = {}
        self._memory: Memory | None = None
        common = {
            "maximize": maximize,
            "capturable": capturable,
            "differentiable": differentiable,
            "execution": execution,
        }
        super().__init__(params, {**defaults, **common})

    # what a subclass says of itself

    @classmethod
    def update(cls, variant: Hashable) -> Update:
        """Return the rule's step on tensors and scalars by name.

        The tensors are "parameter", "grad" (of what is to be descended) and those of the state.
        """
        raise NotImplementedError

    @classmethod
    def check(cls, group: Mapping[str, Any]) -> None:
        """Raise UsageError where a value of the group is out of its range."""
        require_not_negative(as_number(group["lr"], "lr"), "lr")
        require_not_negative(group["weight_decay"], "weight_decay")
        require_execution(group)

    @classmethod
    def variant(cls, group: Mapping[str, Any]) -> Hashable:  # noqa: ARG003
        """Return what of the group decides which step it is, beyond the numbers in it."""
        return None

    @classmethod
    def names(cls) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of the tensors and of the scalars of a state."""
        return cls.state_tensors, tuple(cls.state_scalars)

    @classmethod
    def numbers(cls, group: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the hyperparameters, in the order of their names."""
        return tuple(group[name] for name in cls.hyperparameters)

    @classmethod
    def decay(cls, group: Mapping[str, Any]) -> Decay:
        """Return how weight decay enters the step."""
        if not group["weight_decay"]:
            return "none"
        return "decoupled" if group["decoupled_weight_decay"] else "coupled"

    @classmethod
    def first_tensors(cls, parameter: Tensor, descent: Tensor) -> dict[str, Tensor]:  # noqa: ARG003
        """Return the tensors of the state before the first step, along the gradient `descent`."""
        return {
            name: torch.zeros_like(parameter, memory_format=torch.preserve_format)
            for name in cls.state_tensors
        }

    @classmethod
    def kind(cls, group: Mapping[str, Any]) -> type[RuleOptimizer]:  # noqa: ARG003
        """Return the class whose step the group takes; another one for groups of a fallback."""
        return cls

    def adapt(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return a state to be loaded in the form of this optimizer's."""
        return state_dict

    def require_ready(self, action: str) -> None:
        """Raise UsageError where the optimizer is in no state to do this."""

    def move(self, cohorts: list[Cohort], loss: Any) -> None:  # noqa: ARG002
        """Move all parameters; a subclass may do more, before and after.

        Args:
            cohorts: the parameters that have a gradient.
            loss: what the closure returned, None where there was none.
        """
        for cohort in cohorts:
            self.advance(cohort)

    # the step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step.

        Args:
            closure: clears the gradients, computes the loss where the parameters are, calls
                backward and returns the loss.

        Returns:
            The loss returned by `closure`, or None.

        Raises:
            UsageError: a gradient is sparse, or a value was set out of its range.
        """
        # What torch wraps around every step, for hooks and profilers, takes longer than the step
        # of a small network; where nobody looks on it is left out.
        if self._is_watched():
            return self._watched_step(closure)
        return self._step(closure)

    step.hooked = True  # pyright: ignore[reportFunctionMemberAccess]

    def _is_watched(self) -> bool:
        return bool(
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or _global_optimizer_pre_hooks
            or _global_optimizer_post_hooks
            or torch.autograd.profiler._is_profiler_enabled
        )

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        self.require_ready("step()")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        before = torch.is_grad_enabled()
        torch._C._set_grad_enabled(self.defaults["differentiable"])
        try:
            self.move(self._cohorts(), loss)
        finally:
            torch._C._set_grad_enabled(before)
        return loss

    _watched_step = Optimizer.profile_hook_step(_step)

    def _cohorts(self) -> list[Cohort]:
        changed = [group for group in self.param_groups if self._check_changes(group)]
        if self._memory is not None:
            cohorts = self._memory.again(self.param_groups, self.state)
            if cohorts is not None:
                for cohort in cohorts if changed else ():
                    cohort.plan = None
                return cohorts
        cohorts = []
        for group in self.param_groups:
            kind, newcomers = self.kind(group), {}
            first = partial(_first_state, kind, group, newcomers)
            cohorts += collect(group, self.state, kind.names(), first)
        fits = Memory.fits(cohorts)
        self._memory = Memory(cohorts, self.param_groups, self.state) if fits else None
        return cohorts

    def _check_changes(self, group: dict[str, Any]) -> bool:
        """Check the values of a group unless they are those of the last step."""
        values = [
            tuple(value) if isinstance(value, list) else value  # a list may be written over
            for name, value in group.items()
            if name != "params"
        ]
        if self._checked.get(id(group)) == values:
            return False
        self.kind(group).check(group)
        self._checked[id(group)] = values
        return True

    def advance(self, cohort: Cohort) -> None:
        """Take the rule's step with the parameters of a cohort."""
        if cohort.plan is None:
            cohort.plan = self._plan(cohort)
        program, numbers, run = cohort.plan
        if numbers is None:
            numbers = self._numbers(cohort.group)
        coefficients, scalars = program.scalars(*numbers, *cohort.scalars)
        if cohort.group["differentiable"]:
            _advance_differentiably(program, cohort, coefficients)
        else:
            run(program, cohort.columns, coefficients)
        cohort.keep(program.scalar_outputs, scalars)

    def _plan(self, cohort: Cohort) -> Plan:
        """Return what stays the same from step to step while the group does."""
        group = cohort.group
        kind = self.kind(group)
        program = _program(kind, kind.variant(group), group["maximize"], kind.decay(group))
        numbers = self._numbers(group)
        on_device = any(isinstance(n, Tensor) for n in (*numbers, *cohort.scalars))
        run = choose(group["execution"], program, cohort.columns[0][0], on_device=on_device)
        # a tensor may be written over between two steps
        may_change = any(isinstance(value, Tensor) for value in group.values())
        return Plan(program, None if may_change else numbers, run)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        numbers = (*self.kind(group).numbers(group), group["weight_decay"])
        return numbers if group["capturable"] else tuple(on_host(value) for value in numbers)

    # what is kept and moved

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, checked like the constructor's arguments.

        Args:
            param_group: "params", and values that differ from the constructor's.

        Raises:
            UsageError: a value is out of its range.
        """
        full = {**self.defaults, **param_group}
        self.kind(full).check(full)
        super().add_param_group(param_group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of another run of this optimizer.

        The learning rate and all other values of the groups are taken over too, except how the
        step is run (`execution`, `capturable`, `differentiable`).

        Args:
            state_dict: what `state_dict()` returned.

        Raises:
            UsageError: a value is out of its range, the state belongs to another optimizer, or
                to other parameters; nothing is taken over.
        """
        state_dict = state_dict.copy()
        hooks = self._optimizer_load_state_dict_pre_hooks
        for hook in hooks.values():  # which may mend what is about to be checked
            state_dict = hook(self, state_dict) or state_dict
        state_dict = self.adapt(state_dict)
        own = [
            {name: group[name] for name in ("execution", "capturable", "differentiable")}
            for group in self.param_groups
        ]
        require_fit(state_dict, self)
        for group, how in zip(state_dict["param_groups"], own, strict=True):
            full = {**self.defaults, **group, **how}
            self.kind(full).check(full)
        self._optimizer_load_state_dict_pre_hooks = OrderedDict()
        try:
            super().load_state_dict(state_dict)
        finally:
            self._optimizer_load_state_dict_pre_hooks = hooks
        for group, how in zip(self.param_groups, own, strict=True):
            group.update(how)
        self._checked.clear()
        self._memory = None
        own_scalars(self, state_dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds."""
        return {**super().__getstate__(), **_NOTHING_REMEMBERED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickle."""
        super().__setstate__({**state, **_NOTHING_REMEMBERED, "_checked": {}})


@cache
def _program(kind: type[RuleOptimizer], variant: Hashable, maximize: bool, decay: Decay) -> Program:
    """Return the traced step, with what the optimizer does to gradient and parameter before."""
    rule_step = kind.update(variant)

    def update(t: Mapping[str, Any], s: Mapping[str, Any]) -> tuple[Any, Any]:
        parameter, grad = t["parameter"], t["grad"]
        if maximize:
            grad = -grad
        if decay == "coupled":
            grad = grad + s["weight_decay"] * parameter
        if decay == "decoupled":
            parameter = parameter * (1 - s["lr"] * s["weight_decay"])
        return rule_step({**t, "parameter": parameter, "grad": grad}, s)

    tensors = ("parameter", "grad", *kind.state_tensors)
    return trace(update, tensors, (*kind.hyperparameters, "weight_decay", *kind.state_scalars))


def _first_state(
    kind: type[RuleOptimizer],
    group: Mapping[str, Any],
    newcomers: dict[torch.device, dict[str, Any]],
    p: Tensor,
    grad: Tensor,
) -> dict[str, Any]:
    tensors = kind.first_tensors(p, -grad if group["maximize"] else grad)
    if not group["capturable"]:
        return {**tensors, **kind.state_scalars}
    if p.device not in newcomers:  # those who start together share their numbers
        newcomers[p.device] = {
            name: scalar_on(p.device, value) for name, value in kind.state_scalars.items()
        }
    return {**tensors, **newcomers[p.device]}


def _advance_differentiably(program: Program, cohort: Cohort, coefficients: Any) -> None:
    for p, state, row in zip(
        cohort.parameters, cohort.states, zip(*cohort.columns, strict=True), strict=True
    ):
        # What is saved for the way back must not be written over.
        new = new_values(program, [row[0].clone(), *row[1:]], coefficients)
        for name, value in new.items():
            whole = torch.view_as_complex(value) if p.is_complex() else value
            if name == "parameter":
                p.copy_(whole)
            else:
                state[name] = whole
