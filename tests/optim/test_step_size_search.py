"""The search for a step size against the solver's own, and on functions whose L is known."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from search_problems import Quadratic, closure_of, parameter

from nagcore.core import Backtracking, GradientDescent, HeavyBall, Nesterov
from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.optim.step_size_search import StepSizeSearch
from nagcore.theory import minimize


class Logistic:
    """Mean of ln(1 + exp(−b ⟨a, x⟩)) over 40 examples, whose curvature depends on x."""

    generator = np.random.default_rng(3)
    A = generator.normal(size=(40, 5)) * np.array([1.0, 3.0, 0.3, 8.0, 1.0])
    b = np.where(generator.random(40) < 0.5, -1.0, 1.0)
    x0 = np.full(5, 0.5)

    def value(self, x):
        return float(np.logaddexp(0.0, -self.b * (self.A @ x)).mean())

    def grad(self, x):
        return self.A.T @ (-self.b / (1 + np.exp(self.b * (self.A @ x)))) / 40

    def loss(self, p):
        A, b = torch.from_numpy(self.A), torch.from_numpy(self.b)
        return torch.nn.functional.softplus(-b * (A @ p)).mean()


OPTIMIZERS = {
    "nesterov": (Nesterov(0.9), lambda p: NAG([p], momentum=0.9)),
    "gradient descent": (GradientDescent(), lambda p: torch.optim.SGD([p], lr=1.0)),
}


@pytest.mark.parametrize("problem", [Quadratic(), Logistic()], ids=["quadratic", "logistic"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "backtracking",
    [Backtracking(first=4.0), Backtracking(first=1.0, shrink=0.7, grow=1.3), Backtracking()],
    ids=["shrinks", "grows", "measures"],
)
def test_finds_the_solvers_step_sizes_and_iterates(problem, name, backtracking):
    method, build = OPTIMIZERS[name]
    views = []
    run = minimize(
        problem,
        method,
        problem.x0,
        step_size=backtracking,
        max_steps=120,
        callback=lambda view: views.append((view.step_size, view.x)),
    )
    p = parameter(problem.x0)
    search = StepSizeSearch(build(p), backtracking)
    closure = closure_of(problem.loss, p)
    for step_size, x in views:
        search.step(closure)
        assert search.step_size == pytest.approx(step_size, rel=1e-9)
        with search.at_iterate():
            np.testing.assert_allclose(p.detach().numpy(), x, rtol=1e-8, atol=1e-12)
    assert len(views) == run.steps == search.steps == 120
    # the solver asks for no gradient at a trial that values decide, but for each value
    assert search.evaluations == search.steps + search.trials + (backtracking.first is None)
    if backtracking.grow > 1:
        assert len({step_size for step_size, _ in views}) > 3


def test_heavy_ball_while_the_step_size_stays():
    """torch's buffer holds gradients, so that it follows the rule while α does not change."""
    problem, p = Quadratic(), parameter(Quadratic.x0)
    search = StepSizeSearch(torch.optim.SGD([p], lr=1.0, momentum=0.8), Backtracking(first=1 / 512))
    step_sizes = []
    run = minimize(
        problem,
        HeavyBall(0.8),
        problem.x0,
        step_size=Backtracking(first=1 / 512),
        max_steps=80,
        callback=lambda view: step_sizes.append(view.step_size),
    )
    for _ in step_sizes:
        search.step(closure_of(problem.loss, p))
    assert set(step_sizes) == {1 / 512} == {search.step_size}
    np.testing.assert_allclose(p.detach().numpy(), run.x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("first", [None, 1e4])
def test_the_estimate_of_L_lies_between_the_curvatures_and_twice_L(dtype, first):
    """A trial of at most 1/L passes, so none falls below 1/(2L); nor does rounding make it."""
    h = torch.tensor([1.0, 10.0, 100.0])
    p = torch.nn.Parameter(torch.ones(3, dtype=dtype) * (1 + 2j if dtype.is_complex else 1))

    def loss(p):
        squares = torch.view_as_real(p).square().sum(dim=1) if p.is_complex() else p.square()
        return (h * squares).sum() / 2

    search = StepSizeSearch(NAG([p], momentum=0.8), Backtracking(first=first))
    for _ in range(600):
        search.step(closure_of(loss, p))
        assert search.L is not None
        assert 1 <= search.L <= 200
    assert p.detach().abs().max() < 1e-6
    assert search.trials < 600 + 30


def test_in_single_precision_the_step_size_does_not_fall_at_the_limit_of_rounding():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(200, 5, generator=generator) * torch.tensor([1.0, 2.0, 5.0, 10.0, 20.0])
    b = torch.randn(200, generator=generator)
    L = torch.linalg.eigvalsh(A.T @ A / 200).max().item()
    p = parameter(np.zeros(5), torch.float32)
    search = StepSizeSearch(NAG([p], momentum=0.9), Backtracking(first=1.0))
    losses = [
        search.step(closure_of(lambda p: (A @ p - b).square().mean() / 2, p)).item()
        for _ in range(600)
    ]
    assert losses[-300] - min(losses) < 1e-6 * losses[-1]  # so that values say nothing any more
    assert search.L is not None
    assert L / 2 < search.L <= 2 * L * 1.001


def test_weight_decay_and_climbing_are_searched_along():
    """With λ the function is f + λ‖y‖²/2: the search must find the L of both."""
    decayed, penalised, climbing = (parameter(Quadratic.x0) for _ in range(3))
    loss = Quadratic().loss
    searches = [
        StepSizeSearch(optimizer, Backtracking(first=1.0, shrink=0.9))
        for optimizer in (
            NAG([decayed], momentum=0.7, weight_decay=50.0),
            NAG([penalised], momentum=0.7),
            NAG([climbing], momentum=0.7, weight_decay=50.0, maximize=True),
        )
    ]
    closures = [
        closure_of(loss, decayed),
        closure_of(lambda p: loss(p) + 25 * p.square().sum(), penalised),
        closure_of(lambda p: -loss(p), climbing),
    ]
    for _ in range(40):
        for search, closure in zip(searches, closures, strict=True):
            search.step(closure)
        assert searches[0].step_size == searches[1].step_size == searches[2].step_size
    torch.testing.assert_close(decayed, penalised, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(climbing, penalised, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_the_step_is_taken_from_y_with_the_gradient_at_y_to_the_bit(set_to_none):
    p, twin, resting = (parameter(Logistic.x0, torch.float32) for _ in range(3))
    optimizer = NAG([p, resting], momentum=0.9)
    search = StepSizeSearch(optimizer, Backtracking(first=64.0))
    by_hand = NAG([twin], momentum=0.9)
    A = torch.from_numpy(Logistic.A).float()
    b = torch.from_numpy(Logistic.b).float()

    def loss(p):
        return torch.nn.functional.softplus(-b * (A @ p)).mean()

    def clear(p):
        search.zero_grad(set_to_none)

    for _ in range(10):
        returned = search.step(closure_of(loss, p, clear))
        assert returned == closure_of(loss, twin)()
        assert torch.equal(p.grad, twin.grad)  # pyright: ignore
        by_hand.param_groups[0]["lr"] = search.step_size
        by_hand.step()
        assert torch.equal(p, twin)
    assert search.trials > search.steps
    assert resting.grad is None
    assert torch.equal(resting, parameter(Logistic.x0, torch.float32))


def test_a_parameter_that_only_a_trial_asks_for_stays_without_gradient():
    p, other = parameter([1.0]), parameter([1.0])
    optimizer = NAG([p, other], momentum=0.9)
    search = StepSizeSearch(optimizer, Backtracking(first=10.0))

    def closure():
        search.zero_grad()
        loss = p.square().sum()
        if p.item() != 1.0:
            loss = loss + 0 * other.sum()
        loss.backward()
        return loss

    search.step(closure)
    assert search.trials > 1
    assert other.grad is None
    assert other.item() == 1.0
    assert other not in optimizer.state


def test_parameters_in_groups_with_momenta_of_their_own_and_a_tensor_as_lr():
    parts = [parameter(Quadratic.x0[:3]), parameter(Quadratic.x0[3:])]
    lr = torch.tensor(1.0, dtype=torch.float64)
    groups = [{"params": parts[:1], "momentum": 0.5}, {"params": parts[1:], "lr": 1.0}]
    optimizer = NAG(groups, lr=lr, momentum=0.9)
    search = StepSizeSearch(optimizer, Backtracking(first=1.0))

    def closure():
        search.zero_grad()
        (loss := Quadratic().loss(torch.cat([*parts]))).backward()
        return loss

    for _ in range(30):
        search.step(closure)
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == search.step_size == optimizer.param_groups[1]["lr"]
    assert 1 / 600 <= lr.item() < 1 / 100


def test_restarts_by_function_without_another_evaluation():
    p = parameter(Quadratic.x0)
    optimizer = NAG([p], momentum=0.99, restart="function")
    search = StepSizeSearch(optimizer, Backtracking(first=1 / 300))
    closure = closure_of(Quadratic().loss, p)
    for _ in range(150):
        loss = search.step(closure)
    assert search.restarts == optimizer.restarts > 1
    assert loss < 1e-6  # pyright: ignore
    assert search.evaluations == search.steps + search.trials == 300


def test_resumes_bit_for_bit():
    def make():
        p = parameter(Logistic.x0)
        return p, StepSizeSearch(NAG([p], momentum=0.9), Backtracking(grow=1.2))

    p, search = make()
    closure = closure_of(Logistic().loss, p)
    for _ in range(10):
        search.step(closure)
    file = io.BytesIO()
    torch.save([search.state_dict(), p.detach()], file)
    file.seek(0)
    state, point = torch.load(file, weights_only=True)
    other, resumed = make()
    other.data.copy_(point)
    resumed.load_state_dict(state)
    assert (resumed.steps, resumed.trials) == (10, search.trials)
    for _ in range(10):
        search.step(closure)
        resumed.step(closure_of(Logistic().loss, other))
    assert torch.equal(p, other)
    assert resumed.step_size == search.step_size
    assert resumed.evaluations == search.evaluations
    with pytest.raises(UsageError, match=r"search\.optimizer\.load_state_dict"):
        resumed.load_state_dict(search.optimizer.state_dict())


def test_at_a_stationary_point_it_stands_still():
    p = parameter(np.zeros(3))
    search = StepSizeSearch(NAG([p], lr=0.5))
    for _ in range(3):
        search.step(closure_of(lambda p: p.square().sum(), p))
    assert not p.any()
    assert (search.step_size, search.L, search.steps) == (None, None, 3)
