"""Losses by name, against plain loops, SciPy and least squares."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch.nn.functional import mse_loss, one_hot

from nagcore.errors import UsageError
from nagcore.training.losses import LOSSES, LabelSmoothing, make_loss, nearest_distribution

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(7, 4, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.tensor([0, 3, 1, 1, 2, 0, 3])


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(score) for score in row]
    return [power / sum(powers) for power in powers]


def by_hand(name: str, amount: float = 0.1) -> float:
    """Add up the loss image by image and class by class."""
    total = 0.0
    for row, label in zip(SCORES.tolist(), LABELS.tolist(), strict=True):
        p = softmax(row)
        for j in range(4):
            right = j == label
            total += {
                "cross-entropy": -math.log(p[j]) if right else 0.0,
                "label-smoothing": -((1 - amount) * right + amount / 4) * math.log(p[j]),
                "mse-one-hot": (row[j] - right) ** 2 / 4,
                "mse-integer-labels": (row[j] - label) ** 2 / 4,
            }[name]
    return total / len(LABELS)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_loss_is_the_one_added_up_by_hand(name):
    assert make_loss(name)(SCORES, LABELS).item() == pytest.approx(by_hand(name), rel=1e-12)


@pytest.mark.parametrize("amount", [0.0, 0.3, 0.99])
def test_label_smoothing_spreads_the_amount(amount):
    loss = make_loss("label-smoothing", amount=amount)
    assert loss(SCORES, LABELS).item() == pytest.approx(by_hand("label-smoothing", amount))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_right_and_labels_are_left_alone(name):
    scores, labels = SCORES.clone().requires_grad_(), LABELS.clone()
    assert torch.autograd.gradcheck(lambda s: make_loss(name)(s, labels), (scores,))
    assert torch.equal(labels, LABELS)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_comes_in_the_type_of_the_scores(name):
    value = make_loss(name)(SCORES.float(), LABELS)
    assert value.dtype == torch.float32
    assert value.shape == ()


def best_scores(name: str, labels: torch.Tensor) -> torch.Tensor:
    """Minimise the loss over the scores of one image that was seen with each of the labels."""
    loss = make_loss(name)
    shared = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([shared], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(shared.expand(len(labels), 4), labels)
        value.backward()
        return value

    optimizer.step(closure)  # pyright: ignore
    return shared.detach()


def test_the_minimiser_is_the_distribution_of_the_labels_where_the_text_says_so():
    labels = torch.tensor([1] * 5 + [2] * 3 + [3] * 2)
    frequencies = torch.tensor([[0.0, 0.5, 0.3, 0.2]], dtype=torch.float64)
    smoothed = 0.9 * frequencies + 0.1 / 4
    for name, expected in (
        ("cross-entropy", frequencies),
        ("label-smoothing", smoothed),
        ("mse-one-hot", frequencies),
    ):
        found = make_loss(name).probabilities(best_scores(name, labels))  # pyright: ignore
        torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)
    all_alike = best_scores("mse-integer-labels", labels)
    torch.testing.assert_close(all_alike, torch.full_like(all_alike, 1.7), atol=1e-6, rtol=0)


def test_integer_labels_make_all_scores_alike_so_that_the_largest_is_noise(shipped):
    """The least-squares classifier for integer labels against the one for one-hot targets."""
    train, test = shipped
    x, x_test = (data.images.flatten(1)[:, ::7].double() for data in (train, test))
    numbers = train.labels[:, None].double().expand(-1, 10)
    broken, sound = (
        x_test @ torch.linalg.lstsq(x, targets).solution
        for targets in (numbers, one_hot(train.labels, 10).double())
    )
    assert (broken.max(dim=1).values - broken.min(dim=1).values).max() < 1e-8
    assert (sound.argmax(dim=1) == test.labels).double().mean() > 0.6
    noise = broken + 1e-6 * torch.randn(broken.shape, generator=GENERATOR, dtype=torch.float64)
    assert (noise.argmax(dim=1) == test.labels).double().mean() < 0.15


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_integer_labels_do_what_torch_does_after_its_warning():
    expected = mse_loss(SCORES, LABELS[:, None])
    assert make_loss("mse-integer-labels")(SCORES, LABELS) == pytest.approx(expected.item())
    with pytest.raises(RuntimeError, match="must match"):
        mse_loss(SCORES, LABELS)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_the_nearest_distribution_is_the_one_that_scipy_finds(row):
    scores = torch.tensor([row], dtype=torch.float64)
    found = nearest_distribution(scores)[0]
    assert found.min() >= 0
    assert found.sum().item() == pytest.approx(1)
    judge = minimize(
        lambda p: ((p - scores[0].numpy()) ** 2).sum(),
        [1 / len(row)] * len(row),
        bounds=[(0, 1)] * len(row),
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    distance = ((found - scores[0]) ** 2).sum().item()
    assert distance <= judge.fun + 1e-6


def test_rows_are_projected_apart_and_distributions_stay():
    p = SCORES.softmax(dim=1)
    torch.testing.assert_close(nearest_distribution(p), p)
    together = nearest_distribution(SCORES)
    apart = torch.cat([nearest_distribution(row[None]) for row in SCORES])
    assert torch.equal(together, apart)
    assert torch.equal(together.argmax(dim=1), SCORES.argmax(dim=1))


def test_losses_are_values():
    loss = make_loss("label-smoothing", amount=0.2)
    assert pickle.loads(pickle.dumps(loss)) == loss == LabelSmoothing(0.2)
    assert make_loss("mse-one-hot") == make_loss("mse-one-hot")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("crossentropy", {}, "loss 'crossentropy' is not known; known: cross-entropy, "),
        ("mse-one-hot", {"amount": 0.1}, "no option 'amount'; its options: none"),
        ("label-smoothing", {"amuont": 0.1}, "no option 'amuont'; its options: amount"),
        ("label-smoothing", {"amount": 1.0}, "amount=1.0 cannot be used"),
        ("label-smoothing", {"amount": -0.1}, "amount=-0.1 cannot be used"),
        ("label-smoothing", {"amount": math.nan}, "amount=nan cannot be used"),
        ("label-smoothing", {"amount": "0.1"}, "amount='0.1' cannot be used"),
        ("label-smoothing", {"amount": True}, "amount=True cannot be used"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name, options, says):
    with pytest.raises(UsageError, match=says):
        make_loss(name, **options)


def test_a_label_without_a_score_is_refused_by_torch():
    with pytest.raises(RuntimeError, match="index 4 is out of bounds"):
        make_loss("mse-one-hot")(SCORES, LABELS + 1)
