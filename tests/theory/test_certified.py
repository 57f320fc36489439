"""PEPit runs the shipped rules and returns their exact worst case, held to every closed form."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

from nagcore.core.adam import Adam
from nagcore.core.adaptive_nesterov import AdaptiveNesterov
from nagcore.core.gradient_descent import GradientDescent
from nagcore.core.heavy_ball import HeavyBall
from nagcore.core.lbfgs import LBFGS
from nagcore.core.nesterov import Nesterov
from nagcore.core.optimized import OGM
from nagcore.core.proximal import FISTA
from nagcore.core.regularizers import Zero
from nagcore.core.restart import FixedRestart, GradientRestart, Restarted
from nagcore.core.triple_momentum import TripleMomentum, TripleMomentumState
from nagcore.core.tuned import TunedMethod
from nagcore.core.tuning import rate_of_robust_momentum, tune_robust_momentum
from nagcore.errors import MissingExtraError, UsageError
from nagcore.theory import bounds, bounds_optimal
from nagcore.theory.catalogue import METHODS, Criterion, Initial
from nagcore.theory.certificates import CertificationError, certify

CLOSE = 1e-4
TIGHT = {n: r for n, r in METHODS.items() if r.guarantee and r.guarantee.tight}
TIGHT_CONVEX = [n for n, r in TIGHT.items() if not r.needs_mu]
TIGHT_STRONGLY_CONVEX = [n for n, r in TIGHT.items() if r.needs_mu]


def close(value):
    return pytest.approx(float(value), rel=CLOSE)


# --- theorems that are exact ----------------------------------------------------------------


@pytest.mark.parametrize("name", TIGHT_CONVEX)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_convex_bound_is_the_exact_worst_case(name, steps):
    assert certify(name, L=3.0, steps=steps).ratio == close(1)


@pytest.mark.parametrize("name", TIGHT_STRONGLY_CONVEX)
@pytest.mark.parametrize("condition_number", [10.0, 100.0])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_strongly_convex_bound_is_the_exact_worst_case(name, steps, condition_number):
    assert certify(name, L=3.0, mu=3 / condition_number, steps=steps).ratio == close(1)


@pytest.mark.parametrize(
    ("name", "closed_form"),
    [
        ("gd-convex", lambda n: 1 / (4 * n + 2)),
        ("nag-simplified", lambda n: 2 / (n**2 + 5 * n + 6)),
        ("fista-simplified", lambda n: 2 / (n**2 + 5 * n + 2)),
        ("proximal-gradient", lambda n: 1 / (4 * n)),
    ],
)
def test_closed_forms_at_ten_steps(name, closed_form):
    assert certify(name, steps=10).value == close(closed_form(10))


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_silver_steps(steps):
    """The theorem holds; the exact worst case is the one that a half-parabola shows."""
    certificate = certify("silver", L=2.0, steps=steps)
    assert certificate.value == close(bounds.worst_case_silver(steps, L=2.0, distance=1.0))
    assert certificate.bound is not None
    assert certificate.value < certificate.bound < 1.9 * certificate.value


@pytest.mark.parametrize("condition_number", [10.0, 100.0])
def test_gradient_descent_shrinks_the_distance_at_its_rate(condition_number):
    certificate = certify("gd", mu=1 / condition_number, steps=3, criterion="distance")
    bound = bounds.bound_gradient_descent_distance(3, L=1.0, mu=1 / condition_number, distance=1.0)
    assert certificate.value == close(bound)
    assert certificate.bound is None  # the theorem of the catalogue speaks of the gap


@pytest.mark.parametrize("condition_number", [10.0, 100.0])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_triple_momentum_attains_its_bound_on_the_gap(steps, condition_number):
    """Stated as an upper bound; the program shows that it is exact."""
    certificate = certify("triple-momentum", mu=1 / condition_number, steps=steps)
    assert certificate.ratio == close(1)


@pytest.mark.parametrize("robustness", [0.0, 0.3, 1.0])
def test_robust_momentum_shrinks_its_potential_by_exactly_its_rate(robustness):
    """V = ℓ‖x − x⋆‖² + q from any state, not only from states that a run from rest can reach."""
    L, mu = 1.0, 0.1
    method, alpha = tune_robust_momentum(L, mu, robustness)
    assert isinstance(method, TripleMomentum)
    assert isinstance(alpha, float)
    rate, kappa = rate_of_robust_momentum(L, mu, robustness), L / mu
    weight = mu**2 * (kappa - kappa * rate**2 - 1) / (2 * rate * (1 - rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from PEPit import PEP
        from PEPit.functions import SmoothStronglyConvexFunction

        problem = PEP()
        f = problem.declare_function(SmoothStronglyConvexFunction, L=L, mu=mu)
        x_star = f.stationary_point()
        first, second = problem.set_initial_point(), problem.set_initial_point()
        state, potentials = TripleMomentumState(second, second, second - first, 1), []
        for _ in range(2):
            y = method.query(state)
            g, value = f.oracle(y)
            state = method.step(state, g, alpha)
            slope = g - mu * (y - x_star)
            height = value - f(x_star) - mu / 2 * (y - x_star) ** 2  # pyright: ignore
            remainder = (L - mu) * height - slope**2 / 2
            potentials.append(weight * (state.x - x_star) ** 2 + remainder)
        problem.set_initial_condition(potentials[0] <= 1)
        problem.set_performance_metric(potentials[1])
        worst = problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0)
    assert worst == close(rate**2)


# --- theorems that are not ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mu", "least"),
    [
        ("nag-1983", 0.0, 0.7),
        ("nag-chambolle-dossal", 0.0, 0.3),
        ("ogm-any", 0.0, 0.9),
        ("fista", 0.0, 0.7),
        ("proximal-gradient", 0.0, 0.4999),
        ("nag", 0.1, 0.5),
        ("nag", 0.01, 0.8),
        ("nag-variable", 0.1, 0.3),
        ("three-sequences", 0.01, 0.5),
        ("robust-momentum", 0.1, 0.4),
        ("robust-momentum", 0.01, 0.6),
    ],
)
def test_an_upper_bound_holds_and_is_not_idle(name, mu, least):
    certificate = certify(name, mu=mu, steps=5)
    assert certificate.ratio is not None
    assert least < certificate.ratio < 1 - CLOSE


def test_two_forms_of_one_method_have_one_worst_case():
    assert certify("three-sequences", mu=0.05, steps=5).value == close(
        certify("nag-variable", mu=0.05, steps=5).value
    )
    assert certify(AdaptiveNesterov(mu=0.1), L=2.0, mu=0.1, steps=4).value == close(
        certify("three-sequences", L=2.0, mu=0.1, steps=4).value
    )


@pytest.mark.parametrize("composite", [False, True])
@pytest.mark.parametrize("mu", [0.0, 0.1])
def test_weights_that_follow_the_step_size_keep_their_bound(mu, composite):
    """The step size rises and falls; the bound is 1/(2 A_n) all the same, with n = 5."""
    L, factors = 2.0, (0.5, 1.0, 0.2, 0.9, 1.0)
    method, sizes = AdaptiveNesterov(mu=mu), [c / L for c in factors]
    state = method.init(1.0)
    for size in sizes:
        state = method.plan(state, size)
        state = method.step(state, method.query(state), size)
    certificate = certify(method, L=L, mu=mu, steps=5, step_size=sizes, composite=composite)
    assert 0.3 / (2 * state.weight) < certificate.value <= 1 / (2 * state.weight)


def test_no_method_of_the_catalogue_beats_the_exact_lower_bound():
    lower = float(bounds_optimal.lower_bound_convex_exact(4, L=1.0, distance=1.0))
    for name, recipe in METHODS.items():
        if not recipe.needs_mu:
            value = certify(name, steps=4, criterion="gap", initial="distance").value
            assert value > lower * (1 - CLOSE), name


# --- common defaults ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "values"),
    [
        (GradientDescent(), {1: 0.1667, 4: 0.0556, 12: 0.0200}),
        (HeavyBall(0.9), {1: 0.1667, 4: 0.5382, 12: 0.7813}),
        (Nesterov(0.9), {1: 0.1667, 12: 0.1956}),
    ],
    ids=["gradient descent", "heavy ball, 0.9", "Nesterov, 0.9"],
)
def test_momentum_without_a_theorem_is_worse_than_none(method, values):
    """With the usual 0.9 and step size 1/L: after 12 steps ten and forty times plain descent's.

    The numbers were found before, with the update equations written down by hand.
    """
    for steps, expected in values.items():
        assert certify(method, steps=steps).value == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(("steps", "expected"), [(1, 0.4050), (4, 0.2820), (12, 0.1899)])
def test_where_torch_leaves_the_parameters_is_another_point(steps, expected):
    """At y_n, not x_n: after one step y_1 = x_0 − 1.9 α ∇f(x_0), worse by far than x_1."""
    certificate = certify(Nesterov(0.9), steps=steps, at="query")
    assert certificate.value == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("name", ["heavy-ball-0.99", "nag-0.99"])
def test_more_momentum_without_a_theorem_is_worse_still(name):
    less = name.replace("0.99", "0.9")
    assert certify(name, steps=6).value > 1.2 * certify(less, steps=6).value


# --- what a certificate is ------------------------------------------------------------------


def test_units_follow_from_the_definitions():
    """f ↦ Lf multiplies gaps by L and squared gradients by L²; x ↦ cx does the rest."""
    measures: list[tuple[Criterion, Initial, int]] = [
        ("gap", "distance", 1),
        ("distance", "distance", 0),
        ("gradient", "distance", 2),
        ("gap", "gap", 0),
        ("distance", "gap", -1),
        ("gradient", "gap", 1),
        ("gap", "potential", 0),
        ("distance", "potential", -1),
    ]
    for criterion, initial, power in measures:
        small, large = (
            certify("nag", L=L, mu=L / 10, steps=2, criterion=criterion, initial=initial)
            for L in (1.0, 8.0)
        )
        assert large.value == close(small.value * 8.0**power)


def test_a_method_that_measures_in_absolute_units_is_handed_the_true_gradient():
    """A step against L times the gradient of f/L is not the same as a step against that of f/L."""

    @dataclass(frozen=True)
    class Shifted(GradientDescent):
        def step(self, state, grad, step_size):
            return super().step(state, grad + 0.5 * state.x - 0.5 * state.x, step_size)

    assert certify(Shifted(), L=5.0, steps=2).value == close(0.5)


def test_random_quadratics_stay_below_the_certificate():
    rng = np.random.default_rng(0)
    value = certify(HeavyBall(0.5), L=2.0, mu=0.2, steps=4).value
    found = []
    for _ in range(300):
        eigenvalues, x0 = rng.uniform(0.2, 2.0, 3), rng.standard_normal(3)
        method = HeavyBall(0.5)
        state = method.init(x0 / np.linalg.norm(x0))
        for _ in range(4):
            state = method.step(state, eigenvalues * method.query(state), 0.5)
        found.append(float(eigenvalues @ state.x**2 / 2))
    assert max(found) <= value


def test_step_sizes_come_in_three_forms():
    expected = certify(GradientDescent(), L=2.0, steps=3, step_size=0.5).value
    assert expected == close(2 / 14)
    for step_size in (None, [0.5] * 3, np.array([0.5] * 3), lambda k: 0.5):
        assert certify(GradientDescent(), L=2.0, steps=3, step_size=step_size).value == close(
            expected
        )
    tuned = certify(TunedMethod(GradientDescent(), 0.5), L=2.0, steps=3)
    assert tuned.value == close(expected)
    assert tuned.bound is None


def test_the_bound_is_given_for_the_theorem_s_own_measures_only():
    assert certify("ogm", steps=2).bound is not None
    assert certify("ogm", steps=2, criterion="gradient").bound is None
    assert certify("ogm", steps=2, at="query").bound is None
    assert certify("silver", steps=2).bound is None  # not 2^m − 1 steps
    assert certify("silver", steps=2).ratio is None


def test_the_primal_shows_what_the_dual_proves():
    certificate = certify("nag", mu=0.1, steps=4)
    assert certificate.shown == pytest.approx(certificate.value, rel=1e-5)


def test_no_warning_and_no_filter_is_left_behind(capsys):
    before = list(warnings.filters)
    certify("gd-convex", steps=1)
    assert warnings.filters == before
    assert capsys.readouterr() == ("", "")


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("gd", {"L": 0.0}, "L is 0.0"),
        ("gd", {"mu": 2.0}, "mu is 2.0 and L is 1.0"),
        ("gd", {"mu": 1.0}, "expected mu < L"),
        ("gd", {"steps": 0}, "steps is 0"),
        ("gd", {"steps": 1.5}, "steps is 1.5"),
        ("gd", {}, r"mu is 0.0 and the method 'gd' needs mu > 0"),
        ("gd-convec", {}, "'gd-convec' is not known; known: gd-convex"),
        ("gd-convex", {"criterion": "value"}, "criterion is 'value', expected one of gap"),
        ("gd-convex", {"initial": "gradient"}, "initial is 'gradient', expected one of distance"),
        ("gd-convex", {"at": "y"}, "at is 'y'"),
        ("gd-convex", {"step_size": 1.0}, "the method brings its own"),
        ("gd-convex", {"criterion": "distance", "initial": "gap"}, "expected mu > 0"),
        ("fista", {"criterion": "gradient"}, "f \\+ h need not have a gradient"),
        ("fista", {"low_dimension": True}, "for smooth problems only"),
        ("fista", {"composite": False}, "composite is False and FISTA has"),
        ("nag", {"mu": 0.1, "composite": True}, "Nesterov has no proximal operator"),
        (GradientDescent(), {"step_size": -1.0}, "step_size is -1.0"),
        (GradientDescent(), {"step_size": [1.0]}, "step_size has 1 entries, expected 3"),
        (GradientDescent(), {"step_size": lambda k: math.nan}, "step_size is nan"),
        (0.9, {}, "method is 0.9, expected a name"),
        (OGM(2), {}, "made for 2 steps and step 3"),
    ],
)
def test_bad_input_is_refused_before_any_work(method, arguments, message):
    with pytest.raises(UsageError, match=message):
        certify(method, **{"steps": 3, **arguments})


def test_a_failure_of_the_solver_is_an_error_and_never_a_number():
    with pytest.raises(CertificationError, match=r"GradientDescent and 6 steps.*1e\+03/L"):
        certify(GradientDescent(), steps=6, step_size=1e3)


def test_an_inaccurate_answer_is_an_error_too():
    """After 10 steps at κ = 2 the distance is 1e-11: less than the solver can tell from 0."""
    with pytest.raises(CertificationError, match=r"optimal_inaccurate.*take fewer steps"):
        certify("item", mu=0.5, steps=10)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PEPit", None)
    with pytest.raises(MissingExtraError, match="certify"):
        certify("gd-convex", steps=1)


def test_a_rule_for_two_functions_is_certified_for_every_second_one():
    shrink = FISTA(prox=lambda v, step_size: (1 / (1 + step_size)) * v)
    assert certify(shrink, steps=3).value == close(certify("fista", steps=3).value)


class Branching:
    """A rule that looks at the size of the gradient before it steps."""

    def init(self, x0):
        return GradientDescent().init(x0)

    def query(self, state):
        return state.x

    def step(self, state, grad, step_size):
        size = step_size if grad**2 <= 1e9 else 100 * step_size
        return GradientDescent().step(state, grad, size)


@pytest.mark.parametrize(
    "method",
    [Branching(), LBFGS(), Adam(), Restarted(Nesterov(), GradientRestart())],
    ids=lambda m: type(m).__name__,
)
def test_a_rule_that_decides_by_what_it_sees_is_refused(method):
    """PEPit would take every comparison of points for true, and certify another method."""
    with pytest.raises(UsageError, match=f"{type(method).__name__} cannot be certified"):
        certify(method, steps=3, step_size=0.5)


def test_the_class_of_a_rule_is_no_rule():
    with pytest.raises(UsageError, match="expected a name of the catalogue, a rule"):
        certify(Nesterov, steps=2)  # pyright: ignore[reportArgumentType]


def test_a_restarted_composite_rule_is_certified_for_every_second_function():
    restarted = certify(Restarted(FISTA(Zero().prox), FixedRestart(2)), steps=3)
    plain = certify(FISTA(Zero().prox), steps=3)
    assert restarted.value > plain.value
