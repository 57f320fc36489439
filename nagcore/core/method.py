"""What a first-order method is: init, query, step."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

State = TypeVar("State")


class Method(Protocol[State]):
    """A first-order method as a pure rule: it is handed gradients and step sizes, never a function.

    One iteration of any method reads

        state = method.step(state, gradient(method.query(state)), step_size)

    The rules use only `+`, `-` and multiplication by numbers, so that `x0` may be a NumPy array,
    a torch tensor, a `fractions.Fraction` or a PEPit point. Every state has a field `x`, the
    iterate x_k, and a field `k`, the number of steps taken.
    """

    def init(self, x0: Any) -> State:
        """Return the state at the starting point `x0`, before any step."""
        ...

    def query(self, state: State) -> Any:
        """Return the query point y_k, the point at which the next gradient is wanted."""
        ...

    def step(self, state: State, grad: Any, step_size: float) -> State:
        """Consume `grad`, the gradient at the query point, and return the next state."""
        ...


class StepAware(Method[State], Protocol[State]):
    """A method whose query point depends on the size of the step to come.

    One iteration reads

        state = method.plan(state, step_size)
        state = method.step(state, gradient(method.query(state)), step_size)

    A trial step of another size starts over from `plan`.
    """

    def plan(self, state: State, step_size: float) -> State:
        """Return the state that knows the size of the step to come."""
        ...
