"""Every method by name: how to tune it from L, mu and the steps, and what it guarantees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from nagcore.core.constants import require_constants, require_number_of_steps
from nagcore.core.exact import ITEM
from nagcore.core.gradient_descent import GradientDescent
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.momentum import (
    ChambolleDossalMomentum,
    Schedule2013,
    SimplifiedMomentum,
    VariableStronglyConvexMomentum,
)
from nagcore.core.nesterov import Nesterov
from nagcore.core.optimized import OGM, OGMG
from nagcore.core.proximal import FISTA, Prox, ProximalGradient
from nagcore.core.restart import Restarted
from nagcore.core.step_sizes import SilverSteps
from nagcore.core.three_sequences import ThreeSequences
from nagcore.core.tuned import TunedMethod
from nagcore.core.tuning import (
    tune_gradient_descent,
    tune_heavy_ball,
    tune_nesterov,
    tune_robust_momentum,
    tune_triple_momentum,
)
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.theory import bounds, bounds_optimal

Criterion = Literal["gap", "distance", "gradient"]
Initial = Literal["distance", "gap", "potential"]


class Guarantee(NamedTuple):
    """A theorem: `criterion` after k steps ≤ bound(k, L, mu) · `initial`.

    Attributes:
        criterion: "gap" is f(x_k) − f⋆, "distance" is ‖x_k − x⋆‖², "gradient" is ‖∇f(x_k)‖².
        initial: "distance" is ‖x_0 − x⋆‖², "gap" is f(x_0) − f⋆, and "potential" is
            f(x_0) − f⋆ + μ/2 ‖x_0 − x⋆‖².
        bound: (steps, L, mu) to the factor; NaN where the theorem says nothing.
        tight: no smaller factor holds: for mu > 0 where the method needs mu, else for mu = 0.
    """

    criterion: Criterion
    initial: Initial
    bound: Callable[[int, float, float], float]
    tight: bool


class Recipe(NamedTuple):
    """How to make a method.

    Attributes:
        label: its name in legends and tables.
        make: (L, mu, steps) to the rule and its step size.
        needs_mu: whether mu must be positive.
        needs_steps: whether the rule depends on the number of steps.
        guarantee: its theorem; None where there is none for all functions of the class.
        source: bibliography key of the method.
        composite: whether it minimizes f + h; then the rule's `prox` is that of h = 0 until
            `with_prox` puts in the one that is meant.
    """

    label: str
    make: Callable[[float, float, int], TunedMethod]
    needs_mu: bool
    needs_steps: bool
    guarantee: Guarantee | None
    source: str
    composite: bool = False


def _no_prox(v: Any, step_size: float) -> Any:  # noqa: ARG001
    raise UsageError(
        "the method was made without the proximal operator of its problem; "
        "name it: make_method(..., prox=problem.prox)"
    )


def _at_inverse_L(method: Any) -> Callable[[float, float, int], TunedMethod]:
    return lambda L, mu, steps: TunedMethod(method, 1 / L)  # noqa: ARG005


def _convex(bound: Callable[..., Any], *, tight: bool) -> Guarantee:
    def value(k: int, L: float, mu: float) -> float:  # noqa: ARG001
        return float(bound(k, L=L, distance=1.0))

    return Guarantee("gap", "distance", value, tight)


def _curved(bound: Callable[..., Any], *, tight: bool, criterion: Criterion = "gap") -> Guarantee:
    return Guarantee(
        criterion, "distance", lambda k, L, mu: float(bound(k, L=L, mu=mu, distance=1.0)), tight
    )


def _gradient_descent(L: float, mu: float, steps: int) -> TunedMethod:  # noqa: ARG001
    return TunedMethod(GradientDescent(), tune_gradient_descent(L, mu).step_size)


def _silver(L: float, mu: float, steps: int) -> TunedMethod:  # noqa: ARG001
    return TunedMethod(GradientDescent(), SilverSteps(L))


def _heavy_ball(L: float, mu: float, steps: int) -> TunedMethod:  # noqa: ARG001
    tuning = tune_heavy_ball(L, mu)
    return TunedMethod(HeavyBall(tuning.momentum), tuning.step_size)


def _nesterov(L: float, mu: float, steps: int) -> TunedMethod:  # noqa: ARG001
    tuning = tune_nesterov(L, mu)
    return TunedMethod(Nesterov(tuning.momentum), tuning.step_size)


def _nesterov_bound(k: int, L: float, mu: float) -> float:
    # both terms at once: the bound is linear in the potential, which is 1
    return float(bounds.bound_nesterov_strongly_convex(k, L=L, mu=mu, distance=0.0, first_gap=1.0))


def _ogm_gradient_bound(k: int, L: float, mu: float) -> float:  # noqa: ARG001
    return float(bounds_optimal.bound_ogm_gradient(k, L=L, first_gap=1.0))


METHODS: dict[str, Recipe] = {
    "gd-convex": Recipe(
        "gradient descent, 1/L", _at_inverse_L(GradientDescent()), False, False,
        _convex(bounds.bound_gradient_descent, tight=True), "drori2014",
    ),
    "gd": Recipe(
        "gradient descent, 2/(L + μ)", _gradient_descent, True, False,
        _curved(bounds.bound_gradient_descent_strongly_convex, tight=True), "nesterov2018",
    ),
    "silver": Recipe(
        "gradient descent, silver steps", _silver, False, False,
        _convex(bounds.bound_silver, tight=False), "altschuler2025",
    ),
    "heavy-ball": Recipe(
        "heavy ball, tuned for quadratics", _heavy_ball, True, False, None, "polyak1964"
    ),
    "heavy-ball-0.9": Recipe(
        "heavy ball, 0.9", _at_inverse_L(HeavyBall(0.9)), False, False, None, "polyak1964"
    ),
    "heavy-ball-0.99": Recipe(
        "heavy ball, 0.99", _at_inverse_L(HeavyBall(0.99)), False, False, None, "polyak1964"
    ),
    "nag-1983": Recipe(
        "Nesterov, 1983", _at_inverse_L(Nesterov()), False, False,
        _convex(bounds.bound_nesterov_1983, tight=False), "nesterov1983",
    ),
    "nag-simplified": Recipe(
        "Nesterov, simplified", _at_inverse_L(Nesterov(SimplifiedMomentum())), False, False,
        _convex(bounds.bound_nesterov_simplified, tight=True), "su2016",
    ),
    "nag-chambolle-dossal": Recipe(
        "Nesterov, Chambolle–Dossal", _at_inverse_L(Nesterov(ChambolleDossalMomentum(3.0))),
        False, False, _convex(bounds.bound_chambolle_dossal, tight=False), "chambolle2015",
    ),
    "nag": Recipe(
        "Nesterov, constant", _nesterov, True, False,
        Guarantee("gap", "potential", _nesterov_bound, False), "nesterov2018",
    ),
    "nag-variable": Recipe(
        "Nesterov, from 1983 to constant",
        lambda L, mu, steps: TunedMethod(  # noqa: ARG005
            Nesterov(VariableStronglyConvexMomentum(L, mu)), 1 / L
        ),
        False, False, _curved(bounds.bound_nesterov_variable, tight=False), "nesterov2018",
    ),
    "three-sequences": Recipe(
        "Nesterov, three sequences",
        lambda L, mu, steps: TunedMethod(ThreeSequences(L=L, mu=mu), 1 / L),  # noqa: ARG005
        False, False, _curved(bounds.bound_nesterov_variable, tight=False), "daspremont2021",
    ),
    "nag-2013": Recipe(
        "Nesterov, schedule of 2013", _at_inverse_L(Nesterov(Schedule2013())), False, False,
        None, "sutskever2013",
    ),
    "nag-0.9": Recipe(
        "Nesterov, 0.9", _at_inverse_L(Nesterov(0.9)), False, False, None, "sutskever2013"
    ),
    "nag-0.99": Recipe(
        "Nesterov, 0.99", _at_inverse_L(Nesterov(0.99)), False, False, None, "sutskever2013"
    ),
    "ogm": Recipe(
        "OGM", lambda L, mu, steps: TunedMethod(OGM(steps), 1 / L), False, True,  # noqa: ARG005
        _convex(bounds_optimal.bound_ogm, tight=True), "kim2016",
    ),
    "ogm-any": Recipe(
        "OGM, any number of steps", _at_inverse_L(OGM()), False, False,
        _convex(bounds_optimal.bound_ogm_without_horizon, tight=False), "kim2017",
    ),
    "ogm-g": Recipe(
        "OGM-G", lambda L, mu, steps: TunedMethod(OGMG(steps), 1 / L), False, True,  # noqa: ARG005
        Guarantee("gradient", "gap", _ogm_gradient_bound, True), "kim2021",
    ),
    "triple-momentum": Recipe(
        "triple momentum",
        lambda L, mu, steps: tune_triple_momentum(L, mu), True, False,  # noqa: ARG005
        _curved(bounds_optimal.bound_triple_momentum, tight=True), "vanscoy2018",
    ),
    "robust-momentum": Recipe(
        "robust momentum, λ = 1/2",
        lambda L, mu, steps: tune_robust_momentum(L, mu), True, False,  # noqa: ARG005
        _curved(bounds_optimal.bound_robust_momentum, tight=False, criterion="distance"),
        "cyrus2018",
    ),
    "item": Recipe(
        "ITEM", lambda L, mu, steps: TunedMethod(ITEM(L, mu), 1 / L), True, False,  # noqa: ARG005
        _curved(bounds_optimal.bound_item, tight=True, criterion="distance"), "taylor2023",
    ),
    "proximal-gradient": Recipe(
        "proximal gradient", _at_inverse_L(ProximalGradient(_no_prox)), False, False,
        _convex(bounds.bound_proximal_gradient, tight=False), "beck2009", composite=True,
    ),
    "fista": Recipe(
        "FISTA", _at_inverse_L(FISTA(_no_prox)), False, False,
        _convex(bounds.bound_fista, tight=False), "beck2009", composite=True,
    ),
    "fista-simplified": Recipe(
        "FISTA, simplified", _at_inverse_L(FISTA(_no_prox, SimplifiedMomentum())), False, False,
        _convex(bounds.bound_fista_simplified, tight=True), "taylor2017", composite=True,
    ),
}  # fmt: skip
"""Name ↦ recipe. The step size is 1/L where the label names no other."""


def recipe(name: str) -> Recipe:
    """Return the recipe of a method.

    Raises:
        UsageError: an unknown name.

    Example:
        >>> recipe("item").label
        'ITEM'
        >>> recipe("itme")
        Traceback (most recent call last):
        nagcore.errors.UsageError: method 'itme' is not known; known: item, ...
    """
    if name not in METHODS:
        raise UsageError(f"method {name!r} is not known; known: {closest_first(name, METHODS)}")
    return METHODS[name]


def make_method(
    name: str, *, L: float, mu: float = 0.0, steps: int = 1, prox: Prox | None = None
) -> TunedMethod:
    """Return the rule and its step size.

    Args:
        name: a key of `METHODS`.
        L: Lipschitz constant of the gradient.
        mu: strong convexity constant, 0 for functions that are convex only.
        steps: the number of steps that will be taken, for the methods that are made for it.
        prox: the proximal operator, for the methods that minimize f + h; without it the rule
            can be certified, but not run.

    Raises:
        UsageError: an unknown name, constants out of range, mu is 0 and the method needs it, or
            `prox` is given to a method that takes none.

    Example:
        >>> make_method("ogm", L=2.0, steps=5)
        TunedMethod(method=OGM(steps=5), step_size=0.5)
    """
    chosen = recipe(name)
    require_constants(L, mu)
    require_number_of_steps(steps)
    if chosen.needs_mu and not mu > 0:
        raise UsageError(
            f"mu is {mu!r} and the method {name!r} needs mu > 0; "
            f"these do without: {', '.join(n for n, r in METHODS.items() if not r.needs_mu)}"
        )
    made = chosen.make(L, mu, steps)
    return made if prox is None else made._replace(method=with_prox(made.method, prox))


def with_prox(method: Any, prox: Prox) -> Any:
    """Return a rule for f + h with the proximal operator of h put in.

    Args:
        method: a rule that has a field `prox`.
        prox: (v, step_size) to the proximal point.

    Raises:
        UsageError: the rule has no field `prox`.

    Example:
        >>> method = with_prox(make_method("fista", L=1.0, steps=1).method, lambda v, step: 0 * v)
        >>> method.step(method.init(4.0), grad=4.0, step_size=0.25).x
        0.0
    """
    if isinstance(method, Restarted):
        return replace(method, method=with_prox(method.method, prox))
    if not hasattr(method, "prox"):
        raise UsageError(
            f"{type(method).__name__} has no proximal operator, expected a rule for f + h, "
            "for example FISTA or ProximalGradient"
        )
    return replace(method, prox=prox)
