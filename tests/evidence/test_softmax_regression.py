"""The regression's minimum, its constants and its runs, against scikit-learn and plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nagcore.core.momentum import Momentum1983
from nagcore.errors import UsageError
from nagcore.evidence.experiments.lbfgs_batches import DECLARATION, EXPERIMENT
from nagcore.evidence.figures.batches import STYLE_OF
from nagcore.evidence.optimizers_table import gap_after, summarize_batches, tabulate_batches
from nagcore.evidence.record import Record
from nagcore.evidence.restart_table import slug
from nagcore.evidence.softmax_regression import METHODS, SoftmaxRegression, descend

from .made_up import MADE

RIDGE = 1.0  # the larger, the sooner all is solved
NAN = float("nan")


@pytest.fixture(scope="module")
def regression():
    return SoftmaxRegression(RIDGE)


def test_the_minimum_is_scikit_learns(regression):
    linear_model = pytest.importorskip("sklearn.linear_model")
    count = len(regression)
    solver = linear_model.LogisticRegression(
        C=1 / (RIDGE * count), fit_intercept=False, tol=1e-10, max_iter=5000
    )
    solver.fit(regression.images.numpy(), regression.labels.numpy())
    weights = torch.from_numpy(solver.coef_.T.copy())
    assert regression.f_star == pytest.approx(regression.value(weights).item(), abs=1e-9)
    assert 0 <= regression.certified < 1e-9


def test_the_gradient_is_no_steeper_than_L_and_no_flatter_than_the_ridge(regression):
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        pair = [torch.randn(785, 10, generator=generator, dtype=torch.float64) for _ in range(2)]
        a, b = (w.requires_grad_() for w in pair)
        ga, gb = (torch.autograd.grad(regression.value(w), w)[0] for w in (a, b))
        ratio = ((ga - gb).norm() / (a - b).norm()).item()
        assert RIDGE <= ratio <= regression.L
    # along the first singular vector, against two classes, the bound is half attained at least
    direction = torch.linalg.svd(regression.images, full_matrices=False)[2][0]
    step = 1e-6 * torch.outer(direction, torch.tensor([1.0, -1.0] + [0.0] * 8).double())
    zero = regression.start()
    moved = (zero + step).detach().requires_grad_()
    gs = [torch.autograd.grad(regression.value(w), w)[0] for w in (moved, zero)]
    assert (gs[0] - gs[1]).norm() / step.norm() > 0.15 * regression.L


def test_nesterov_on_full_batches_is_the_method_of_1983(regression):
    beta, alpha = Momentum1983(), 1 / regression.L
    x = before = torch.zeros(785, 10, dtype=torch.float64)
    gaps = [regression.value(x).item() - regression.f_star]
    for k in range(6):
        y = (x + beta(k) * (x - before)).requires_grad_()
        (gradient,) = torch.autograd.grad(regression.value(y), y)
        x, before = (y - alpha * gradient).detach(), x
        gaps.append(regression.value(x).item() - regression.f_star)
    run = descend(regression, "NAG, full batch", step_size=1.0, batch_size=9, passes=6, seed=0)
    np.testing.assert_allclose(run.gaps, gaps, rtol=1e-10)
    assert run.passes == list(range(7))


def test_the_momentum_begins_again_at_a_restart(regression):
    """After a restart the run goes on as one that begins there."""
    run = descend(
        regression, "NAG, full batch, restart", step_size=1.0, batch_size=9, passes=60, seed=0
    )
    plain = descend(regression, "NAG, full batch", step_size=1.0, batch_size=9, passes=60, seed=0)
    assert run.restarts >= 1
    first = next(k for k in range(61) if run.gaps[k] != plain.gaps[k])
    assert run.gaps[first] < plain.gaps[first]
    assert run.gaps[-1] < plain.gaps[-1]
    slopes = np.diff(np.log(run.gaps[first - 1 : first + 3]))
    # the first two steps of the sequence of 1983 have no momentum
    assert (np.abs(slopes[:1]) < np.abs(slopes[2:])).all()


def test_lbfgs_on_full_batches_ends_at_the_minimum(regression):
    run = descend(regression, "L-BFGS, full batch", step_size=1.0, batch_size=9, passes=100, seed=0)
    assert run.gaps[-1] < 1e-8
    assert all(np.diff(run.passes) >= 1), "a direction costs at least one pass"
    assert run.passes[-1] < 100, "it stops by itself"
    assert (np.diff(run.gaps) <= 1e-12).all()


@pytest.mark.parametrize("method", [m for m in METHODS if "mini-batches" in m])
def test_a_run_on_mini_batches_counts_single_images(regression, method):
    run = descend(regression, method, step_size=0.1, batch_size=250, passes=3, seed=1)
    assert 3 <= run.passes[-1] < 3 + 25 * 0.25
    if method.startswith("NAG"):
        assert run.passes == [0, 1, 2, 3]
    assert run.gaps[-1] < run.gaps[0]
    again = descend(regression, method, step_size=0.1, batch_size=250, passes=3, seed=1)
    other = descend(regression, method, step_size=0.1, batch_size=250, passes=3, seed=2)
    assert again.gaps == run.gaps
    assert other.gaps != run.gaps


def test_an_unknown_method_is_refused(regression):
    with pytest.raises(UsageError, match="method is 'L-BFGS'; known: L-BFGS, full batch"):
        descend(regression, "L-BFGS", step_size=1.0, batch_size=9, passes=1, seed=0)


def test_the_experiment_takes_the_step_size_that_ends_lowest():
    setting = DECLARATION.settings()[0] | {
        "ridge": RIDGE, "passes": 2, "batch_size": 100, "seed": 0,
        "method": "NAG, mini-batches", "step_sizes": (1e-6, 0.1),
    }  # fmt: skip
    row = EXPERIMENT.measured(setting, "cpu")
    assert row["step_size"] == 0.1
    slow = EXPERIMENT.measured(setting | {"step_sizes": (1e-6,)}, "cpu")
    assert slow["gap"][-1] > row["gap"][-1]


def made_up(**changes):
    """Two passes a step; the gap is 2^-step, times the place of the method, plus the seed."""
    declaration = DECLARATION.replace(**({"seed": (0, 1)} | changes))

    def row(setting):
        place = METHODS.index(setting["method"]) + 1
        stops = 4 if setting["method"] == "L-BFGS, full batch" else 61
        return {
            "passes_made": [2.0 * k for k in range(stops)],
            "gap": [place * 2.0**-k + setting["seed"] for k in range(stops)],
            "step_size": 0.25 * (1 + setting["seed"]), "restarts": 10 * setting["seed"],
        }  # fmt: skip

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_of_batches():
    table = tabulate_batches(made_up())
    assert table.loc["L-BFGS, full batch"].tolist() == [
        "–", "–", "1", *(["0.62"] * 3),
    ]  # fmt: skip
    nag = table.loc["NAG, mini-batches, restart"]
    assert (nag["α L"], nag["restarts"]) == ("0.25 to 0.5", "5")
    assert nag["gap after 2"] == "4"  # (7/2 + 7/2 + 1)/2
    assert table.loc["NAG, mini-batches", "restarts"] == "–"
    assert "gap after 120" not in tabulate_batches(made_up(passes=50))


def test_prose_numbers_of_batches():
    numbers = summarize_batches(made_up())
    assert numbers["batches_l-bfgs-full-batch_stopped"] == "6"
    assert numbers["batches_l-bfgs-full-batch_10"] == "0.62"
    assert numbers["batches_nag-mini-batches-restart_restarts"] == "5"
    assert numbers["batches_nag-mini-batches-restart_end"] == "0.5"
    assert len({slug(method) for method in METHODS}) == len(METHODS)


def test_a_gap_beyond_the_budget_of_a_question_does_not_answer_it():
    row = {"passes_made": [0.0, 2.2, 3.9], "gap": [4.0, 2.0, 1.0]}
    assert [gap_after(row, p) for p in (1, 2, 3, 4)] == [4, 2, 2, 1]


def test_every_method_has_its_look():
    assert set(STYLE_OF) == set(METHODS)
