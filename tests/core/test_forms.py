"""Every form of Nesterov's iteration against the rule, under changing step size and momentum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from nagcore.core import Momentum1983, Nesterov, Schedule2013, SimplifiedMomentum, extrapolation
from nagcore.core.averaging_form import AveragingForm, MomentumOfWeights, WeightsOfMomentum
from nagcore.core.forms import FORMS, Coefficients, FormState, TorchBuffer
from nagcore.core.nesterov import NesterovState
from nagcore.core.three_sequences import ThreeSequences
from nagcore.errors import UsageError

STEPS = 30
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
seeds = pytest.mark.parametrize("seed", range(5))


class Problem:
    """A random smooth problem with a schedule that changes both constants at every step."""

    def __init__(self, seed, constant=False):
        generator = np.random.default_rng(seed)
        root = generator.normal(size=(4, 4))
        self.hessian = root @ root.T / 10
        self.start = generator.normal(size=4)
        self.step_sizes = generator.uniform(0.05, 0.5, STEPS + 1)
        self.momenta = generator.uniform(0.1, 0.95, STEPS + 2)
        if constant:
            self.step_sizes[:] = 0.2
            self.momenta[:] = 0.8

    def grad(self, y):
        return self.hessian @ y + 0.3 * np.sin(y)

    def coefficients(self, k):
        momenta = self.momenta[k : k + 2].tolist()
        return Coefficients(float(self.step_sizes[k]), *momenta)

    def rule(self):
        return Nesterov(lambda k: float(self.momenta[k]))

    def states(self):
        """Return the states of the rule, STEPS + 1 of them."""
        method = self.rule()
        states = [method.init(self.start)]
        for k in range(STEPS):
            y = method.query(states[-1])
            states.append(method.step(states[-1], self.grad(y), self.step_sizes[k]))
        return states


def assert_same(one: NesterovState, other: NesterovState):
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.displacement, other.displacement, rtol=1e-12, atol=1e-12)
    assert one.k == other.k


@forms
@seeds
def test_one_step_of_every_form_is_one_step_of_the_rule(form, seed):
    problem = Problem(seed)
    states = problem.states()
    for k, (before, after) in enumerate(itertools.pairwise(states)):
        now = problem.coefficients(k)
        entered = form.enter(before, now)
        np.testing.assert_allclose(
            form.query(entered, now), problem.rule().query(before), rtol=1e-12, atol=1e-12
        )
        stepped = form.step(entered, problem.grad(form.query(entered, now)), now)
        assert_same(form.leave(stepped, now), after)


@forms
@seeds
def test_a_run_inside_a_form_is_exact_when_the_stored_state_is_carried(form, seed):
    """Enter once, and between steps multiply what is stored by the factor that `carry` names."""
    problem = Problem(seed)
    states = problem.states()
    state = form.enter(states[1], problem.coefficients(1))
    for k in range(1, STEPS):
        now = problem.coefficients(k)
        if k > 1:
            factor = form.carry(problem.coefficients(k - 1), now)
            state = state._replace(stored=factor * state.stored)
        state = form.step(state, problem.grad(form.query(state, now)), now)
        assert_same(form.leave(state, now), states[k + 1])


@forms
def test_without_change_nothing_needs_carrying(form):
    now = Coefficients(0.2, 0.8, 0.8)
    assert form.carry(now, now) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "step_size", "momentum", "exact"),
    [
        ("shifted", True, True, True),
        ("look-ahead", True, True, True),
        ("two points", True, True, True),
        ("keras", True, False, True),
        ("keras", False, True, False),
        ("torch", True, False, False),
        ("torch", False, True, False),
        ("torch", False, False, True),
        ("averaged", True, False, False),
        ("averaged", False, True, False),
        ("averaged", False, False, True),
    ],
)
def test_which_form_survives_which_change(name, step_size, momentum, exact):
    """What chapter 03 tabulates: a run that never carries anything, against the rule."""
    problem, form = Problem(0, constant=True), FORMS[name]
    if step_size:
        problem.step_sizes[10:] /= 3
    if momentum:
        problem.momenta[10:] = 0.5
    states = problem.states()
    state = form.enter(states[0], problem.coefficients(0))
    for k in range(STEPS):
        now = problem.coefficients(k)
        state = form.step(state, problem.grad(form.query(state, now)), now)
    distance = np.abs(form.leave(state, now).x - states[-1].x).max()
    assert (distance < 1e-12) == exact, distance
    assert exact or distance > 1e-5


def test_the_form_of_torch_is_torch():
    """The real optimizer, under a schedule that the form follows with it."""
    problem = Problem(3)
    p = torch.tensor(problem.start, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True)
    state = FormState(problem.start, np.zeros(4), 0)
    for k in range(STEPS):
        now = problem.coefficients(k)
        optimizer.param_groups[0].update(lr=now.step_size, momentum=now.next_momentum)
        p.grad = torch.tensor(problem.grad(p.detach().numpy()))
        optimizer.step()
        state = TorchBuffer().step(state, problem.grad(state.parameters), now)
        np.testing.assert_allclose(p.detach().numpy(), state.parameters, rtol=1e-12, atol=1e-12)


def test_a_vanishing_momentum_is_refused_where_it_would_forget():
    with pytest.raises(UsageError, match=r"next_momentum is 0 after momentum 0\.9"):
        TorchBuffer().enter(NesterovState(1.0, 0.5, 1), Coefficients(0.1, 0.9, 0.0))


@forms
def test_every_form_starts_from_rest_with_the_sequence_of_1983(form):
    """Its first two momenta are 0, so that what is stored has no weight at first."""
    problem, method, sequence = Problem(0), Nesterov(Momentum1983()), Momentum1983()
    state = method.init(problem.start)
    for k in range(5):
        now = Coefficients(float(problem.step_sizes[k]), sequence(k), sequence(k + 1))
        entered = form.enter(state, now)
        theirs = form.leave(form.step(entered, problem.grad(form.query(entered, now)), now), now)
        state = method.step(state, problem.grad(method.query(state)), now.step_size)
        assert_same(theirs, state)


def smooth_weights(k):
    """Weights that keep the momentum in [0, 1) and change at every step."""
    return 0.4 + 0.15 * np.sin(0.7 * k)


@seeds
def test_the_averaging_form_is_the_rule_under_changing_weights_and_step_sizes(seed):
    problem, momentum = Problem(seed), MomentumOfWeights(smooth_weights)
    form, method = AveragingForm(smooth_weights), Nesterov(momentum)
    theirs, ours = form.enter(method.init(problem.start)), method.init(problem.start)
    for step_size in problem.step_sizes:
        np.testing.assert_allclose(form.query(theirs), method.query(ours), rtol=1e-11, atol=1e-12)
        theirs = form.step(theirs, problem.grad(form.query(theirs)), step_size)
        ours = method.step(ours, problem.grad(method.query(ours)), step_size)
        assert_same(form.leave(theirs), ours)
        np.testing.assert_allclose(form.enter(ours).z, theirs.z, rtol=1e-11, atol=1e-12)


def test_weights_and_momentum_are_each_others_translation():
    momentum = MomentumOfWeights(smooth_weights)
    back = WeightsOfMomentum(momentum, first=smooth_weights(0))
    assert [back(k) for k in range(40)] == pytest.approx([smooth_weights(k) for k in range(40)])


def test_the_weights_of_1983_are_the_reciprocal_extrapolations_first_step_included():
    weights = WeightsOfMomentum(Momentum1983(), first=1 / extrapolation(1), start=1)
    for k in range(60):
        assert weights(k) == pytest.approx(1 / extrapolation(k), rel=1e-9)
        assert MomentumOfWeights(lambda j: 1 / extrapolation(j))(k) == pytest.approx(
            Momentum1983()(k), rel=1e-12
        )


@pytest.mark.parametrize("mu", [0.0, 0.05, 0.5])
def test_three_sequences_are_the_two_of_the_variable_momentum(mu):
    from nagcore.core.momentum import VariableStronglyConvexMomentum

    problem = Problem(2)
    three, two = ThreeSequences(1.0, mu), Nesterov(VariableStronglyConvexMomentum(1.0, mu))
    theirs, ours = three.init(problem.start), two.init(problem.start)
    for _ in range(200):
        theirs = three.step(theirs, problem.grad(three.query(theirs)), 1.0)
        ours = two.step(ours, problem.grad(two.query(ours)), 1.0)
        np.testing.assert_allclose(theirs.x, ours.x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("first", [0, 1])
def test_a_weight_that_leads_nowhere_is_refused(first):
    with pytest.raises(UsageError, match=f"first is {first}"):
        WeightsOfMomentum(SimplifiedMomentum(), first=first)
    with pytest.raises(UsageError, match="the weight at k = 1 is 1"):
        WeightsOfMomentum(lambda k: 1.0, first=0.5)(2)


def test_equals_the_published_loop_of_fista_without_a_proximal_term():
    """x_k = y_k − ∇f(y_k)/L, t_{k+1} = …, y_{k+1} = x_k + (t_k − 1)/t_{k+1} (x_k − x_{k−1})."""
    problem, method = Problem(1), Nesterov(Momentum1983())
    x, y, state = problem.start, problem.start, method.init(problem.start)
    for k in range(STEPS):
        step_size = problem.step_sizes[k]
        new = y - step_size * problem.grad(y)
        y = new + (extrapolation(k) - 1) / extrapolation(k + 1) * (new - x)
        x = new
        state = method.step(state, problem.grad(method.query(state)), step_size)
        np.testing.assert_allclose(state.x, x, rtol=1e-12, atol=1e-14)


def test_equals_the_look_ahead_form_of_2013_written_out():
    """v ← μ v − ε ∇f(θ + μ v), θ ← θ + v, with the schedule of 2013."""
    problem, schedule = Problem(4), Schedule2013(maximum=0.9, period=4)
    method = Nesterov(schedule)
    theta, v, state = problem.start, np.zeros(4), method.init(problem.start)
    for k in range(STEPS):
        step_size = problem.step_sizes[k]
        v = schedule(k) * v - step_size * problem.grad(theta + schedule(k) * v)
        theta = theta + v
        state = method.step(state, problem.grad(method.query(state)), step_size)
        np.testing.assert_allclose(state.x, theta, rtol=1e-12, atol=1e-14)
