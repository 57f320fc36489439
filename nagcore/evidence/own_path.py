"""The paths of our rules, as they are and with what another library does otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from nagcore.core.adam import Adam
from nagcore.core.forms import FORMS, Coefficients
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.nadam import NADAM_CONVENTIONS, NAdam
from nagcore.core.nesterov import Nesterov
from nagcore.evidence.frameworks import BETA2, EPS, Gradient

Follow = Callable[[Gradient, np.ndarray, Sequence[Coefficients]], np.ndarray]


class Difference(NamedTuple):
    """What a library does otherwise, in words, and the path of our rule if it did so too."""

    words: str
    follow: Follow


def follow_rule(
    method: str, grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]
) -> np.ndarray:
    """Return the query points of our rule after each step, where libraries hold the parameters.

    Args:
        method: one of `nagcore.evidence.frameworks.METHODS`.
        grad: the gradient.
        start: shape (n,).
        steps: the coefficients of each step.

    Returns:
        The path, shape (steps, n).

    Example:
        >>> path = follow_rule(
        ...     "NAG", lambda y: y, np.array([4.0]), [Coefficients(0.25, 0.5, 0.5)] * 2)
        >>> path.ravel().tolist()
        [2.5, 1.3125]
    """
    return _RULES[method](grad, start, steps)


def follow_as(
    framework: str, method: str, grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]
) -> np.ndarray:
    """Return the path of our rule with the library's `DIFFERENCES` put in, where it has one.

    Args:
        framework: one of `nagcore.evidence.frameworks.FRAMEWORKS`.
        method: one of `nagcore.evidence.frameworks.METHODS`.
        grad: the gradient.
        start: shape (n,).
        steps: the coefficients of each step.

    Returns:
        The path, shape (steps, n).

    Example:
        >>> drop = [Coefficients(0.1, 0.9, 0.9)] * 2 + [Coefficients(0.01, 0.9, 0.9)] * 2
        >>> for follow in (follow_rule, lambda *rest: follow_as("PyTorch", *rest)):
        ...     print(follow("heavy ball", lambda x: x, np.array([1.0]), drop).round(4).ravel())
        [0.9    0.72   0.5508 0.393 ]
        [0.9    0.72   0.6966 0.6686]
    """
    difference = DIFFERENCES.get((framework, method))
    follow = _RULES[method] if difference is None else difference.follow
    return follow(grad, start, steps)


def _momenta(steps: Sequence[Coefficients]) -> Callable[[int], float]:
    values = [now.momentum for now in steps] + [steps[-1].next_momentum]
    return lambda k: values[k]


def _run(
    rule_at: Callable[[int], Any],
    grad: Gradient,
    start: np.ndarray,
    steps: Sequence[Coefficients],
    amend: Callable[[Any, int], Any] = lambda state, _: state,
) -> np.ndarray:
    """Step a rule that may be another one at each step; `amend` changes the state before it."""
    state, path = rule_at(0).init(start), []
    for k, now in enumerate(steps):
        rule = rule_at(k)
        state = amend(state, k)
        state = rule.step(state, grad(rule.query(state)), now.step_size)
        path.append(rule.query(state))
    return np.array(path)


def _nag(grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]) -> np.ndarray:
    rule = Nesterov(_momenta(steps))
    return _run(lambda _: rule, grad, start, steps)


def _heavy_ball(grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]) -> np.ndarray:
    rule = HeavyBall(_momenta(steps))
    return _run(lambda _: rule, grad, start, steps)


def _heavy_ball_of_sums(
    grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]
) -> np.ndarray:
    """With the displacement that a sum of gradients stands for once the step size is another."""
    rule = HeavyBall(_momenta(steps))

    def rescale(state: Any, k: int) -> Any:
        factor = steps[k].step_size / steps[k - 1].step_size if k else 1.0
        return state._replace(displacement=factor * state.displacement)

    return _run(lambda _: rule, grad, start, steps, rescale)


def _in_form(name: str) -> Follow:
    def follow(grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]) -> np.ndarray:
        form = FORMS[name]
        state, path = form.enter(Nesterov().init(start), steps[0]), []
        for now in steps:
            state = form.step(state, grad(form.query(state, now)), now)
            path.append(state.parameters)
        return np.array(path)

    return follow


def _adam(grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]) -> np.ndarray:
    return _run(lambda k: Adam(steps[k].momentum, BETA2, EPS), grad, start, steps)


def _adam_with_early_eps(
    grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]
) -> np.ndarray:
    """With ε added to the root before that is corrected, which makes it larger at first."""

    def rule_at(k: int) -> Adam:
        return Adam(steps[k].momentum, BETA2, EPS / (1 - BETA2 ** (k + 1)) ** 0.5)

    return _run(rule_at, grad, start, steps)


def _nadam(rule: NAdam, products: Callable[[Sequence[NAdam]], list[float]] | None = None) -> Follow:
    """Follow NAdam, with products of momenta of one's own if given the rules of all steps."""

    def follow(grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]) -> np.ndarray:
        rules = [replace(rule, beta1=now.momentum, beta2=BETA2, eps=EPS) for now in steps]
        wanted = None if products is None else products(rules)

        def amend(state: Any, k: int) -> Any:
            if wanted is None:
                return state
            return state._replace(product=wanted[k] / rules[k].momentum(k + 1))

        return _run(lambda k: rules[k], grad, start, steps, amend)

    return follow


def _products_in_float32(rules: Sequence[NAdam]) -> list[float]:
    momenta = [np.float32(rule.momentum(k + 1)) for k, rule in enumerate(rules)]
    return np.cumprod(momenta, dtype=np.float32).tolist()


class _RoundedNAdam(NAdam):
    """The 0.96 of the schedule is a float32, except in the product of momenta."""

    def momentum(self, j: Any) -> Any:
        return self.beta1 * (1 - 0.5 * float(np.float32(0.96)) ** (j * self.decay))


def _powers(rules: Sequence[NAdam]) -> list[float]:
    return [rule.beta1 ** (k + 1) for k, rule in enumerate(rules)]


def _exact_products(rules: Sequence[NAdam]) -> list[float]:
    return np.cumprod([NAdam.momentum(rule, k + 1) for k, rule in enumerate(rules)]).tolist()


_RULES: dict[str, Follow] = {
    "NAG": _nag,
    "heavy ball": _heavy_ball,
    "Adam": _adam,
    "NAdam": _nadam(NADAM_CONVENTIONS["torch"]),
}

_SUM = "stores a sum of gradients, which lr multiplies afterwards: "
DIFFERENCES: dict[tuple[str, str], Difference] = {
    **{
        (framework, "NAG"): Difference(
            _SUM + "a new lr or momentum rescales past displacements", _in_form("torch")
        )
        for framework in ("PyTorch", "Optax")
    },
    ("Keras", "NAG"): Difference(
        "one momentum does the work of two: a new one rescales the last displacement",
        _in_form("keras"),
    ),
    **{
        (framework, "heavy ball"): Difference(
            _SUM + "a new lr rescales past displacements", _heavy_ball_of_sums
        )
        for framework in ("PyTorch", "Optax")
    },
    ("Keras", "Adam"): Difference(
        "adds ε to √v before the correction, so that it is larger in the first steps",
        _adam_with_early_eps,
    ),
    ("PyTorch", "NAdam"): Difference(
        "keeps the product of momenta in float32",
        _nadam(NADAM_CONVENTIONS["torch"], _products_in_float32),
    ),
    ("Optax", "NAdam"): Difference(
        "has no schedule: every momentum is β₁, and their product a power of the latest",
        _nadam(NADAM_CONVENTIONS["constant"], _powers),
    ),
    ("Keras", "NAdam"): Difference(
        "its schedule 0.96^t ends 250 times sooner, and 0.96 is rounded to float32",
        _nadam(_RoundedNAdam(decay=1.0), _exact_products),
    ),
}
"""By library and method; where there is none, the two are the same method."""
