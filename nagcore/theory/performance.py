"""The worst case of a method as a semidefinite program, written and solved by PEPit."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from nagcore.core.method import Method
from nagcore.errors import MissingExtraError, UsageError
from nagcore.theory.catalogue import Criterion, Initial, with_prox

# How far the primal and the dual program may disagree, and what low dimension may cost (relative).
ACCURACY = 1e-5
# The largest initial measure (all is homogeneous in it, but the solver's accuracy is not) and the
# settings of the solver, each tried where the one before ends short of its own accuracy.
LOOSER = {"tol_gap_abs": 1e-7, "tol_gap_rel": 1e-7, "tol_feas": 1e-7}
ATTEMPTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (100.0, {}),
    (1000.0, {}),
    (1.0, {}),
    (100.0, LOOSER),
    (1000.0, LOOSER),
    (1.0, LOOSER),
    (1.0, {"max_step_fraction": 0.9}),
    (100.0, {"max_step_fraction": 0.9, **LOOSER}),
    (100.0, {"equilibrate_enable": False, **LOOSER}),
)
# A direction of the worst function this much shorter than the longest is the solver's noise.
NOISE = 1e-3
# What is made small in search of few variables, in this order.
HEURISTICS = ("logdet3", "logdet1", "trace")


class CertificationError(RuntimeError):
    """The worst case is infinite, or the solver did not find it to its accuracy."""


class Question(NamedTuple):
    """What is to be certified; see `nagcore.theory.certificates.certify`."""

    method: Method[Any]
    step_sizes: tuple[float, ...]
    L: float
    mu: float
    criterion: Criterion
    initial: Initial
    at: Literal["iterate", "query"]
    composite: bool
    low_dimension: bool


class Extremes(NamedTuple):
    """Points x_i with gradients g_i and values f_i of a worst function, N of them in d variables.

    The first is the minimizer, at the origin with value 0, and `start` is x_0.
    """

    points: np.ndarray  # (N, d)
    gradients: np.ndarray  # (N, d)
    values: np.ndarray  # (N,)
    start: np.ndarray  # (d,)


class Answer(NamedTuple):
    """The values of the dual and of the primal program, and the function found."""

    value: float
    shown: float
    extremes: Extremes | None


class _Program(NamedTuple):
    problem: Any
    smooth: Any  # f/L
    x_star: Any
    x0: Any
    size: float  # the largest initial measure


def solve(question: Question) -> Answer:
    """Return the worst case.

    The program is set up for f/L, in which the smoothness is 1, and rescaled: the method itself
    is handed L times the gradient of f/L and its own step sizes.

    Raises:
        MissingExtraError: PEPit is not installed.
        CertificationError: the solver did not reach its accuracy, or no bound exists.
    """
    # The solver stack warns about itself when imported and when used: neither is for the caller.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program, value, shown = _run(question)
        extremes = None if question.composite else _extremes(program, question)
        if extremes is not None and question.low_dimension:
            shown, extremes = _reduce(question, shown, extremes)
    unit = _unit(question)
    return Answer(value * unit, shown * unit, extremes)


def _write(question: Question, size: float) -> _Program:
    try:
        from PEPit import PEP
        from PEPit.functions import (
            ConvexFunction,
            SmoothConvexFunction,
            SmoothStronglyConvexFunction,
        )
    except ImportError as error:
        raise MissingExtraError("PEPit", "certify", "a worst-case certificate") from error
    problem = PEP()
    if question.mu > 0:
        f = problem.declare_function(SmoothStronglyConvexFunction, mu=question.mu / question.L, L=1)
    else:
        f = problem.declare_function(SmoothConvexFunction, L=1)
    h = problem.declare_function(ConvexFunction) if question.composite else None
    total = f if h is None else f + h
    x_star, x0 = total.stationary_point(), problem.set_initial_point()

    def measure(kind: str, x: Any) -> Any:
        if kind == "distance":
            return (x - x_star) ** 2
        if kind == "gradient":
            return f.gradient(x) ** 2
        gap = total(x) - total(x_star)
        return gap if kind == "gap" else gap + question.mu / question.L / 2 * (x - x_star) ** 2

    problem.set_initial_condition(measure(question.initial, x0) <= size)
    x = _walk(question, x0, f, h)
    problem.set_performance_metric(measure(question.criterion, x))
    return _Program(problem, f, x_star, x0, size)


def _walk(question: Question, x0: Any, f: Any, h: Any) -> Any:
    """Return the point at which the criterion is taken."""
    method = question.method
    if h is not None:
        from PEPit.primitive_steps import proximal_step

        method = with_prox(method, lambda v, size: proximal_step(v, h, question.L * size)[0])
    plan = getattr(method, "plan", lambda state, _: state)
    with _linear_only(question.method):
        state = method.init(x0)
        for size in question.step_sizes:
            state = plan(state, size)
            grad = question.L * f.gradient(method.query(state))
            state = method.step(state, grad, size)
        if question.at == "iterate":
            return state.x
        return method.query(plan(state, question.step_sizes[-1]))


@contextlib.contextmanager
def _linear_only(method: Method[Any]) -> Iterator[None]:
    """Refuse a rule that does more with points than add them and multiply them by numbers.

    PEPit turns a comparison of points into a constraint, which counts as true whatever it says:
    a rule that branches on it would be certified as if it always took the same branch.
    """
    from PEPit import Constraint

    def undecided(_: Any) -> bool:
        raise _UndecidedError("a comparison of points")

    Constraint.__bool__ = undecided  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    except (AssertionError, AttributeError, TypeError, _UndecidedError) as error:
        raise UsageError(
            f"{type(method).__name__} cannot be certified: it does more with the points that it "
            f"sees than add them and multiply them by numbers ({error or type(error).__name__}); "
            "its coefficients must be fixed in advance, as those of Nesterov and OGM are"
        ) from error
    finally:
        del Constraint.__bool__  # pyright: ignore[reportAttributeAccessIssue]


class _UndecidedError(Exception):
    """A rule asked whether an inequality between points holds."""


def _reduce(question: Question, shown: float, extremes: Extremes) -> tuple[float, Extremes]:
    """Return the function in the fewest variables that the heuristics find, and its criterion."""
    best = (shown, extremes)
    for heuristic in HEURISTICS:
        if best[1].points.shape[1] == 1:
            break
        # the program shrinks to almost a point, on which solvers stumble: then the next is tried
        with contextlib.suppress(CertificationError):
            program, _, reached = _run(question, heuristic, ACCURACY * shown)
            found = _extremes(program, question)
            if found.points.shape[1] < best[1].points.shape[1]:
                best = (reached, found)
    return best


def _run(
    question: Question, heuristic: str | None = None, loss: float = 0.0
) -> tuple[_Program, float, float]:
    """Return the program solved, and the values of its dual and of its primal form.

    With a heuristic the primal value may be smaller by `loss`, in favour of few variables.
    """
    reason = ""
    for size, settings in ATTEMPTS:
        program = _write(question, size)
        try:
            dual = program.problem.solve(
                wrapper="cvxpy",
                solver="CLARABEL",
                verbose=0,
                dimension_reduction_heuristic=heuristic,
                tol_dimension_reduction=loss * size,
                **settings,
            )
        except Exception as error:  # whatever the solver stack raises, it has no answer
            reason = f"the solver failed: {error}"
            continue
        status = program.problem.wrapper.prob.status
        if "unbounded" in status:
            raise CertificationError(_failure(question, "the worst case is infinite"))
        if dual is None or status != "optimal":
            reason = f"the solver says {status!r}"
            continue
        value, shown = dual / size, float(program.problem.objective.eval()) / size
        if abs(value - shown) <= ACCURACY * abs(shown) + 2 * loss:
            return program, float(value), shown
        reason = f"the solver found {shown:.6g} and proved {value:.6g}"
    raise CertificationError(_failure(question, reason))


def _failure(question: Question, reason: str) -> str:
    return (
        f"no certificate for {type(question.method).__name__} and {len(question.step_sizes)} "
        f"steps: {reason}; take fewer steps (a worst case below about 1e-5 of its scale is too "
        f"small for the solver), or smaller ones: the largest is "
        f"{max(question.step_sizes) * question.L:.3g}/L"
    )


def _unit(question: Question) -> float:
    # f/L and an initial measure of 1 in its units, turned into f and an initial measure of 1
    powers = {"distance": 0, "gap": 1, "potential": 1, "gradient": 2}
    return question.L ** (powers[question.criterion] - powers[question.initial])


def _extremes(program: _Program, question: Question) -> Extremes:
    data = program.smooth.list_of_points
    center = program.x_star.eval()
    root = program.size**0.5
    points = (np.array([x.eval() for x, _, _ in data]) - center) / root
    gradients = np.array([g.eval() for _, g, _ in data]) / root
    values = np.array([f.eval() for _, _, f in data]) / program.size
    start = (program.x0.eval() - center) / root
    # coordinates in the few directions that the points and gradients span
    _, lengths, directions = np.linalg.svd(np.vstack([points, gradients]), full_matrices=False)
    basis = directions[lengths > NOISE * lengths[0]].T
    first = int(np.argmin(np.linalg.norm(points, axis=1)))
    order = [first, *(i for i in range(len(data)) if i != first)]
    values = values - values[first]
    scale = question.L if question.initial == "distance" else 1.0
    length = 1.0 if question.initial == "distance" else question.L**-0.5
    return Extremes(
        points=length * points[order] @ basis,
        gradients=scale / length * gradients[order] @ basis,
        values=scale * values[order],
        start=length * start @ basis,
    )
