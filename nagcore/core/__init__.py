"""The rules: pure, and without any array library.

>>> from nagcore.core import Nesterov
>>> method = Nesterov()
>>> state = method.init(1.0)
>>> for _ in range(50):                       # f(x) = x²/2, so the gradient at y is y
...     state = method.step(state, method.query(state), step_size=0.5)
>>> abs(state.x) < 1e-6
True
"""

from nagcore.core.gradient_descent import GradientDescent, GradientDescentState
from nagcore.core.heavy_ball import HeavyBall, HeavyBallState
from nagcore.core.method import Method
from nagcore.core.momentum import (
    ConstantMomentum,
    Momentum1983,
    MomentumSequence,
    Schedule2013,
    SimplifiedMomentum,
    StronglyConvexMomentum,
    extrapolation,
)
from nagcore.core.nesterov import Nesterov, NesterovState
from nagcore.core.tuning import (
    Tuning,
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_nesterov_on_quadratics,
)

__all__ = [
    "ConstantMomentum",
    "GradientDescent",
    "GradientDescentState",
    "HeavyBall",
    "HeavyBallState",
    "Method",
    "Momentum1983",
    "MomentumSequence",
    "Nesterov",
    "NesterovState",
    "Schedule2013",
    "SimplifiedMomentum",
    "StronglyConvexMomentum",
    "Tuning",
    "extrapolation",
    "tune_gradient_descent",
    "tune_heavy_ball",
    "tune_nesterov",
    "tune_nesterov_on_quadratics",
]
