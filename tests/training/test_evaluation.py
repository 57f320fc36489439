"""Evaluation, confusion matrix and errors, against scikit-learn and a fake optimizer."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.training.evaluation import confident_errors, confusion_matrix, evaluate
from nagcore.training.models import make_cnn

LOSS = nn.CrossEntropyLoss()


class ShiftedOptimizer(torch.optim.SGD):
    """Holds the parameters 1 above the iterate."""

    @contextmanager
    def at_iterate(self):
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.sub_(1)
        yield
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.add_(1)


class ModeSpy(nn.Module):
    """Scores that show the mode of the model: right in evaluation mode, wrong in training."""

    def forward(self, images):
        scores = torch.zeros(len(images), 10)
        scores[:, 1 if self.training else 0] = 1
        return scores


def test_agrees_with_one_pass_over_everything(test_set):
    model = make_cnn(0, width=2)
    judged = evaluate(model, LOSS, test_set, batch_size=7)
    scores = model(test_set.images).detach()
    torch.testing.assert_close(judged.scores, scores)
    assert judged.loss == pytest.approx(LOSS(scores, test_set.labels).item(), rel=1e-5)
    assert judged.accuracy == (scores.argmax(1) == test_set.labels).double().mean().item()
    assert torch.equal(judged.predictions, scores.argmax(1))


def test_scores_can_be_used_in_autograd(test_set):
    scores = evaluate(make_cnn(0, width=1), LOSS, test_set).scores
    weight = torch.ones(10, requires_grad=True)
    (scores @ weight).sum().backward()
    assert weight.grad is not None


def test_each_module_returns_to_its_mode(test_set):
    model = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)), ModeSpy())
    model.train()
    model[1].eval()
    zeros = test_set.labels == 0
    assert evaluate(model, LOSS, test_set).accuracy == zeros.double().mean().item()
    assert [m.training for m in model.modules()] == [True, True, False, False, True]


def test_mode_returns_after_an_error(test_set):
    model = make_cnn(0, width=1)
    with pytest.raises(UsageError, match=r"shape \(40,\).*reduction='mean'"):
        evaluate(model, nn.CrossEntropyLoss(reduction="none"), test_set)
    assert model.training


def test_judges_at_the_iterate_and_comes_back(test_set):
    model, iterate = make_cnn(0, width=1), make_cnn(0, width=1)
    start = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        for p in iterate.parameters():
            p.sub_(1)
    optimizer = ShiftedOptimizer(model.parameters(), lr=0.1)
    judged = evaluate(model, LOSS, test_set, optimizer=optimizer)
    assert torch.equal(judged.scores, evaluate(iterate, LOSS, test_set).scores)
    assert not torch.equal(judged.scores, evaluate(model, LOSS, test_set).scores)
    for p, q in zip(model.parameters(), start, strict=True):
        torch.testing.assert_close(p.detach(), q)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_bad_batch_size_is_named(test_set, batch_size):
    with pytest.raises(UsageError, match=f"batch_size={batch_size!r}"):
        evaluate(ModeSpy(), LOSS, test_set, batch_size=batch_size)


def test_no_images_are_refused(test_set):
    with pytest.raises(UsageError, match="number of images=0"):
        evaluate(ModeSpy(), LOSS, test_set.subset([]))


def test_confusion_matrix_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(0)
    labels, predictions = torch.randint(0, 7, (2, 300), generator=generator)
    judge = metrics.confusion_matrix(labels, predictions, labels=range(8))
    assert confusion_matrix(labels, predictions, 8).tolist() == judge.tolist()


@pytest.mark.parametrize(
    ("labels", "predictions", "says"),
    [
        ([0, 1], [0], r"\(2,\) and predictions \(1,\)"),
        ([0, 3], [0, 0], "labels run from 0 to 3"),
        ([0, 1], [-1, 0], "predictions run from -1"),
    ],
)
def test_confusion_matrix_refuses(labels, predictions, says):
    with pytest.raises(UsageError, match=says):
        confusion_matrix(torch.tensor(labels), torch.tensor(predictions), 3)


def test_confident_errors_by_hand():
    scores = torch.log(torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]]))
    labels = torch.tensor([1, 1, 0, 1])
    errors = confident_errors(scores, labels, 2)
    assert [(e.index, e.label, e.prediction) for e in errors] == [(0, 1, 0), (2, 0, 1)]
    assert [e.confidence for e in errors] == pytest.approx([0.9, 0.7])
    assert len(confident_errors(scores, labels, 99)) == 3
    assert confident_errors(scores, torch.tensor([0, 1, 1, 0]), 1) == []


def test_confident_errors_refuse():
    with pytest.raises(UsageError, match="count=0"):
        confident_errors(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64), 0)
    with pytest.raises(UsageError, match=r"\(2, 2\) and labels \(3,\)"):
        confident_errors(torch.zeros(2, 2), torch.zeros(3, dtype=torch.int64), 1)
