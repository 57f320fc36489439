"""The forms in which Nesterov's iteration is written, and translations between them.

Each form has its own stored state and its own step, and two translations: `enter` brings a
`NesterovState` into the form, `leave` brings it back. Between them one step of the form is one step
of `Nesterov`, whatever the step size and the momentum are. What differs is whether the stored state
may simply stay in place when they change: `carry` is the factor by which it must be multiplied
between two steps, and a library that does not do so departs from Nesterov's iteration wherever
the factor is not 1.

>>> changed = Coefficients(0.1, 0.9, 0.9), Coefficients(0.01, 0.9, 0.9)
>>> for name, form in FORMS.items():
...     print(f"{name}: {form.carry(*changed):.3g}")
two points: 1
look-ahead: 1
shifted: 1
torch: 10
keras: 1
averaged: 10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from nagcore.core.nesterov import NesterovState
from nagcore.errors import UsageError


class Coefficients(NamedTuple):
    """α_k, β_k and β_{k+1}: what one step needs where the parameters are query points."""

    step_size: float
    momentum: float
    next_momentum: float


class FormState(NamedTuple):
    """The parameters that a form keeps, what it stores beside them, and the number k of steps."""

    parameters: Any
    stored: Any
    k: int


class Form(Protocol):
    """A way of writing Nesterov's iteration."""

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:
        """Return the state of this form from which a step with `now` is Nesterov's."""
        ...

    def query(self, state: FormState, now: Coefficients) -> Any:
        """Return the point at which this form takes the gradient."""
        ...

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Return the state after the step that this form makes."""
        ...

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:
        """Return the iterate and the displacement after a step with `last`."""
        ...

    def carry(self, last: Coefficients, now: Coefficients) -> float:
        """Return the factor that the stored state needs between steps with `last` and `now`."""
        ...


@dataclass(frozen=True)
class TwoPoints:
    r"""y = x_k + β_k (x_k − x_{k−1}),  x_{k+1} = y − α ∇f(y): parameters x_k, stored x_{k−1}.

    Source: [nesterov1983].

    Example:
        >>> TwoPoints().enter(NesterovState(x=3.0, displacement=-1.0, k=1), Coefficients(1, 0, 0))
        FormState(parameters=3.0, stored=4.0, k=1)
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:  # noqa: ARG002
        """Store the iterate before."""
        return FormState(state.x, state.x - state.displacement, state.k)

    def query(self, state: FormState, now: Coefficients) -> Any:
        """Return x_k + β_k (x_k − x_{k−1})."""
        return state.parameters + now.momentum * (state.parameters - state.stored)

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Step from the query point."""
        x = self.query(state, now) - now.step_size * grad
        return FormState(x, state.parameters, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:  # noqa: ARG002
        """Subtract the iterate before."""
        return NesterovState(state.parameters, state.parameters - state.stored, state.k)

    def carry(self, last: Coefficients, now: Coefficients) -> float:  # noqa: ARG002
        """Return 1: two points hold under any schedule."""
        return 1.0


@dataclass(frozen=True)
class LookAhead:
    r"""v_{k+1} = β_k v_k − α ∇f(θ_k + β_k v_k),  θ_{k+1} = θ_k + v_{k+1}.

    The form of 2013: θ_k is the iterate and v_k the displacement.

    Source: [sutskever2013], equations (3) and (4).

    Example:
        >>> state = FormState(parameters=3.0, stored=-1.0, k=1)
        >>> LookAhead().query(state, Coefficients(0.25, 0.5, 0.5))
        2.5
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:  # noqa: ARG002
        """Store the displacement."""
        return FormState(state.x, state.displacement, state.k)

    def query(self, state: FormState, now: Coefficients) -> Any:
        """Return θ_k + β_k v_k."""
        return state.parameters + now.momentum * state.stored

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Change the displacement, then the parameters by it."""
        v = now.momentum * state.stored - now.step_size * grad
        return FormState(state.parameters + v, v, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:  # noqa: ARG002
        """Return both as they are."""
        return NesterovState(state.parameters, state.stored, state.k)

    def carry(self, last: Coefficients, now: Coefficients) -> float:  # noqa: ARG002
        """Return 1: the form holds under any schedule."""
        return 1.0


class _AtQueryPoint:
    """What the forms share whose parameters are the query points."""

    def query(self, state: FormState, now: Coefficients) -> Any:  # noqa: ARG002
        """Return the parameters: the gradient is wanted where they are."""
        return state.parameters


def _query_point(state: NesterovState, now: Coefficients) -> Any:
    return state.x + now.momentum * state.displacement


def _iterate(parameters: Any, displacement: Any, k: int, last: Coefficients) -> NesterovState:
    return NesterovState(parameters - last.next_momentum * displacement, displacement, k)


@dataclass(frozen=True)
class Shifted(_AtQueryPoint):
    r"""d_{k+1} = β_k d_k − α ∇f(y_k),  y_{k+1} = y_k − α ∇f(y_k) + β_{k+1} d_{k+1}.

    Parameters are the query points, the displacement is stored. The form needs two momenta, β_k
    and β_{k+1}, and holds under any schedule of both and of the step size.

    Source: [bengio2013].

    Example:
        >>> form, now = Shifted(), Coefficients(0.25, 0.5, 0.5)
        >>> state = form.enter(NesterovState(x=3.0, displacement=-1.0, k=1), now)
        >>> form.leave(form.step(state, 2.5, now), now)
        NesterovState(x=1.875, displacement=-1.125, k=2)
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:
        """Move to the query point."""
        return FormState(_query_point(state, now), state.displacement, state.k)

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Step, and carry the result on by its momentum."""
        d = now.momentum * state.stored - now.step_size * grad
        y = state.parameters - now.step_size * grad + now.next_momentum * d
        return FormState(y, d, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:
        """Take the last momentum back."""
        return _iterate(state.parameters, state.stored, state.k, last)

    def carry(self, last: Coefficients, now: Coefficients) -> float:  # noqa: ARG002
        """Return 1: the form holds under any schedule."""
        return 1.0


@dataclass(frozen=True)
class TorchBuffer(_AtQueryPoint):
    r"""b_{k+1} = β_{k+1} b_k + ∇f(y_k),  y_{k+1} = y_k − α (∇f(y_k) + β_{k+1} b_{k+1}).

    What `torch.optim.SGD(nesterov=True)` and Optax's `trace(nesterov=True)` do: a sum of
    gradients is stored, and one momentum does the work of two. It is Nesterov's step if
    b_k = −(β_k / (α β_{k+1})) d_k; after it b_{k+1} = −d_{k+1}/α. The factor between the two is 1
    while step size and momentum are constant, and the libraries never apply it.

    Source: [paszke2019].

    Example:
        Step size ten times smaller: the buffer should grow tenfold.

        >>> TorchBuffer().carry(Coefficients(1.0, 0.9, 0.9), Coefficients(0.1, 0.9, 0.9))
        10.0
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:
        """Write the displacement as a sum of gradients."""
        factor = _share(now) / now.step_size
        return FormState(_query_point(state, now), -factor * state.displacement, state.k)

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Add the gradient to the buffer, then step along both."""
        buffer = now.next_momentum * state.stored + grad
        move = grad + now.next_momentum * buffer
        return FormState(state.parameters - now.step_size * move, buffer, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:
        """Scale the buffer by the step size that made it."""
        return _iterate(state.parameters, -last.step_size * state.stored, state.k, last)

    def carry(self, last: Coefficients, now: Coefficients) -> float:
        """Return (β_k / β_{k+1}) (α_{k−1} / α_k)."""
        return KerasVelocity().carry(last, now) * last.step_size / now.step_size


@dataclass(frozen=True)
class KerasVelocity(_AtQueryPoint):
    r"""v_{k+1} = β_{k+1} v_k − α ∇f(y_k),  y_{k+1} = y_k + β_{k+1} v_{k+1} − α ∇f(y_k).

    What `keras.optimizers.SGD(nesterov=True)` does: the step size is inside the stored term, so
    that the step size may change at will. The momentum may not, since one does the work of two.

    Source: [chollet2015].

    Example:
        >>> KerasVelocity().carry(Coefficients(1.0, 0.9, 0.9), Coefficients(0.1, 0.9, 0.9))
        1.0
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:
        """Scale the displacement by β_k / β_{k+1}."""
        return FormState(_query_point(state, now), _share(now) * state.displacement, state.k)

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Change the stored term, then step by it and by the gradient."""
        v = now.next_momentum * state.stored - now.step_size * grad
        y = state.parameters + now.next_momentum * v - now.step_size * grad
        return FormState(y, v, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:
        """Take the last momentum back."""
        return _iterate(state.parameters, state.stored, state.k, last)

    def carry(self, last: Coefficients, now: Coefficients) -> float:  # noqa: ARG002
        """Return β_k / β_{k+1}."""
        return _share(now)


@dataclass(frozen=True)
class AveragedGradient(_AtQueryPoint):
    r"""m_{k+1} = b m_k + (1 − b) ∇f(y_k),  y_{k+1} = y_k − γ (b m_{k+1} + (1 − b) ∇f(y_k)).

    The form of optimizers that store an average instead of a sum; here b stands for β_{k+1}, and
    γ = α/(1 − b) is the library's lr where α is Nesterov's step size. It is α, not γ, that
    `Coefficients` hold. torch's Muon has this momentum, and then orthogonalizes the update.

    Source: [jordan2024].

    Example:
        >>> AveragedGradient().carry(Coefficients(1.0, 0.9, 0.9), Coefficients(0.1, 0.9, 0.9))
        10.0
    """

    def enter(self, state: NesterovState, now: Coefficients) -> FormState:
        """Write the displacement as an average of gradients."""
        summed = TorchBuffer().enter(state, now)
        return summed._replace(stored=(1 - now.next_momentum) * summed.stored)

    def step(self, state: FormState, grad: Any, now: Coefficients) -> FormState:
        """Average the gradient in, then step along both."""
        beta = now.next_momentum
        average = beta * state.stored + (1 - beta) * grad
        lr = now.step_size / (1 - beta)
        y = state.parameters - lr * (beta * average + (1 - beta) * grad)
        return FormState(y, average, state.k + 1)

    def leave(self, state: FormState, last: Coefficients) -> NesterovState:
        """Scale the average by the step size that made it."""
        factor = last.step_size / (1 - last.next_momentum)
        return _iterate(state.parameters, -factor * state.stored, state.k, last)

    def carry(self, last: Coefficients, now: Coefficients) -> float:
        """Return the factor of the sum times (1 − β_{k+1}) / (1 − β_k)."""
        weights = (1 - now.next_momentum) / (1 - last.next_momentum)
        return TorchBuffer().carry(last, now) * weights


def _share(now: Coefficients) -> float:
    """Return β_k / β_{k+1}, 0 where both are 0 and what is stored has no weight."""
    if now.momentum == 0:
        return 0.0
    if now.next_momentum == 0:
        raise UsageError(
            f"next_momentum is 0 after momentum {now.momentum!r}, expected a positive number: "
            "a form with one momentum for both would forget the displacement, so use Shifted"
        )
    return now.momentum / now.next_momentum


FORMS: dict[str, Form] = {
    "two points": TwoPoints(),
    "look-ahead": LookAhead(),
    "shifted": Shifted(),
    "torch": TorchBuffer(),
    "keras": KerasVelocity(),
    "averaged": AveragedGradient(),
}
"""The forms by name."""
