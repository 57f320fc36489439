"""What Nesterov's method, Adam and L-BFGS do with learning rate, gradient and likelihood."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch

from nagcore.core import LBFGS, Adam, GradientDescent, HeavyBall, LBFGSState
from nagcore.core.method import Method
from nagcore.evidence.valleys import Rosenbrock
from nagcore.optim import make_optimizer
from nagcore.theory.minimize import minimize


class RateOverTraining(NamedTuple):
    """The learning rate of an optimizer before and after training, and how far it got."""

    before: float
    after: float
    first_value: float
    last_value: float


def watch_rates(names: Iterable[str], *, lr: float, steps: int) -> dict[str, RateOverTraining]:
    """Train from one start on Rosenbrock's function and look at `lr` in the parameter groups.

    Args:
        names: of `nagcore.optim.OPTIMIZERS`.
        lr: the same for all.
        steps: how many.

    Example:
        >>> watch_rates(["nag"], lr=0.001, steps=5)["nag"].after
        0.001
    """
    valley, watched = Rosenbrock(), {}
    for name in names:
        x = torch.tensor(valley.start, dtype=torch.float64).requires_grad_()
        optimizer: Any = make_optimizer(name, [x], lr=lr)

        def closure(x: torch.Tensor = x, optimizer: Any = optimizer) -> torch.Tensor:
            optimizer.zero_grad()
            loss = valley.value(x)
            loss.backward()
            return loss.detach()

        values = [float(optimizer.step(closure)) for _ in range(steps)]
        after = {group["lr"] for group in optimizer.param_groups}
        watched[name] = RateOverTraining(lr, after.pop(), values[0], values[-1])
    return watched


def measure_alignment(problem: Any, method: Method[Any], *, step_size: float, steps: int) -> float:
    """Return the least cosine between a move x_{k+1} − x_k and −∇f(x_k) over a run.

    It is 1 where every move is that of gradient descent with some learning rate, and smaller
    where no learning rate turns the one into the other.

    Args:
        problem: has `grad` and `x_star`; the run begins at the origin.
        method: a rule.
        step_size: α.
        steps: how many.

    Example:
        >>> from nagcore.theory import Quadratic
        >>> bowl = Quadratic((1.0, 9.0), center=(1.0, 1.0))
        >>> round(measure_alignment(bowl, GradientDescent(), step_size=0.1, steps=5), 12)
        1.0
    """
    state = method.init(np.zeros_like(problem.x_star))
    least = 1.0
    for _ in range(steps):
        before, slope = state.x, problem.grad(state.x)
        state = method.step(state, problem.grad(method.query(state)), step_size)
        move = state.x - before
        lengths = np.linalg.norm(move) * np.linalg.norm(slope)
        least = min(least, -float(move @ slope / lengths))
    return least


def measure_change(problem: Any, *, step_size: float, steps: int, x0: np.ndarray) -> float:
    """Return the largest ‖g_{k+1} − g_k‖ / ‖g_k‖ of a run of gradient descent.

    Args:
        problem: has `value` and `grad`.
        step_size: α.
        steps: how many.
        x0: the start.

    Example:
        >>> measure_change(Kink(), step_size=0.1, steps=10, x0=np.array([0.55]))
        2.0
    """
    points = [x0]
    minimize(
        problem, GradientDescent(), x0, step_size=step_size, max_steps=steps,
        callback=lambda view: points.append(view.x),
    )  # fmt: skip
    slopes = [problem.grad(x) for x in points]
    norms = np.linalg.norm(slopes, axis=1)
    return float((np.linalg.norm(np.diff(slopes, axis=0), axis=1) / norms[:-1]).max())


class Kink:
    """f(x) = |x|, whose gradient jumps at 0."""

    def value(self, x: np.ndarray) -> float:
        """Return |x|."""
        return float(np.abs(x).sum())

    def grad(self, x: np.ndarray) -> np.ndarray:
        """Return the sign of x."""
        return np.sign(x)


def scale_gradient(method: Method[Any], factor: float, *, steps: int = 10) -> float:
    """Return how many times as far a rule goes when all its gradients are so many times as large.

    Args:
        method: a rule.
        factor: what the gradients are multiplied with.
        steps: how many.

    Example:
        >>> scale_gradient(HeavyBall(0.9), 100.0)
        100.0
        >>> round(scale_gradient(Adam(), 100.0), 6)
        1.0
    """
    gradients = np.random.default_rng(0).standard_normal((steps, 3)) + 1.0
    ways = []
    for scale in (1.0, factor):
        state = method.init(np.zeros(3))
        for gradient in gradients:
            state = method.step(state, scale * gradient, 0.1)
        ways.append(np.linalg.norm(state.x))
    return float(ways[1] / ways[0])


def adam_less_heavy_ball(problem: Any, *, beta: float, step_size: float, steps: int) -> float:
    """Return how far Adam with a constant denominator ends from heavy ball, over the way it went.

    ε is made so large that the denominator is ε in all coordinates and the step size is multiplied
    with ε. Then x_{k+1} = x_k − α m̂_{k+1}, which is heavy ball with the step sizes
    α (1 − β) / (1 − β^{k+1}) and the momenta β (1 − β^k) / (1 − β^{k+1}).

    Args:
        problem: has `grad` and `x_star`; both begin at the origin.
        beta: β₁ of Adam.
        step_size: α.
        steps: how many.

    Example:
        >>> from nagcore.theory import Quadratic
        >>> bowl = Quadratic((1.0, 9.0), center=(1.0, 1.0))
        >>> adam_less_heavy_ball(bowl, beta=0.9, step_size=0.1, steps=20) < 1e-10
        True
    """
    eps = 1e12
    adam = Adam(beta1=beta, eps=eps)
    ball = HeavyBall(lambda k: beta * (1 - beta**k) / (1 - beta ** (k + 1)))
    start = np.zeros_like(problem.x_star)
    left, right = adam.init(start), ball.init(start)
    for k in range(steps):
        left = adam.step(left, problem.grad(left.x), eps * step_size)
        size = step_size * (1 - beta) / (1 - beta ** (k + 1))
        right = ball.step(right, problem.grad(right.x), size)
    return float(np.linalg.norm(left.x - right.x) / np.linalg.norm(left.x))


def lbfgs_less_bfgs(*, steps: int = 12, step_size: float = 2e-3) -> float:
    """Return how far the moves of L-BFGS are from those of the BFGS matrix, over their length.

    The function is Rosenbrock's. Beside the two-loop recursion, the inverse Hessian of BFGS is
    formed as a matrix, from the same pairs and the same first multiple of the identity; nothing
    else enters.

    Args:
        steps: how many are compared; no pair is forgotten meanwhile.
        step_size: α of the run.

    Example:
        >>> lbfgs_less_bfgs() < 1e-9
        True
    """
    valley, method, worst = Rosenbrock(), LBFGS(memory=steps), 0.0
    state = method.init(np.array(valley.start))
    for _ in range(steps):
        before, slope = state.x, np.array(valley.grad(state.x))
        state = method.step(state, slope, step_size)
        move = -step_size * _inverse_hessian(state) @ slope
        worst = max(worst, np.linalg.norm(state.x - before - move) / np.linalg.norm(move))
    return float(worst)


def _inverse_hessian(state: LBFGSState) -> np.ndarray:
    identity = np.eye(len(state.x))
    if not state.pairs:
        return identity
    _, u, curvature = state.pairs[-1]
    H = curvature / (u @ u) * identity
    for s, u, curvature in state.pairs:
        left = identity - np.outer(s, u) / curvature
        H = left @ H @ left.T + np.outer(s, s) / curvature
    return H
