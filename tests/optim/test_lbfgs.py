"""torch's L-BFGS through `fit`: SciPy's optimum on the full batch, a warning on less."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from nagcore.training.data import ImageData
from nagcore.training.fit import fit
from nagcore.training.stopping import Epochs

LOSS = nn.CrossEntropyLoss()


@pytest.fixture
def data():
    """120 images of 2 × 3 pixels in three overlapping classes, so that there is an optimum."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    images = torch.randn(120, 1, 2, 3, generator=generator)
    images[:, 0, 0, 0] += labels
    return ImageData(images, labels, ("a", "b", "c"))


def make_model():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    for p in model.parameters():
        nn.init.zeros_(p)
    return model


def lowest_loss(data):
    """The optimum of softmax regression by SciPy, in double precision."""
    A = np.c_[data.images.flatten(1).double().numpy(), np.ones(len(data))]
    labels = data.labels.numpy()

    def loss(flat):
        scores = A @ flat.reshape(7, 3)
        return (np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(A)), labels]).mean()

    return minimize(loss, np.zeros(21), method="BFGS", options={"gtol": 1e-6}).fun


def test_full_batches_reach_scipys_optimum(data):
    model = make_model()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=20, line_search_fn="strong_wolfe")
    history = fit(
        model, LOSS, data, optimizer, batch_size=len(data), until=Epochs(6), evaluate_on=data
    )
    best = lowest_loss(data)
    assert best < history.rows[0].eval_loss - 0.1
    assert history.final.eval_loss == pytest.approx(best, rel=1e-5)
    assert history.status == "budget"


def test_one_step_may_evaluate_often_and_the_row_shows_the_first(data):
    calls = []

    def counted(scores, labels):
        calls.append(value := LOSS(scores, labels))
        return value

    model = make_model()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=5)
    history = fit(model, counted, data, optimizer, batch_size=len(data), until=Epochs(1))
    assert history.final.step == 1
    assert len(calls) == 1 + 5  # one to judge the start
    assert history.final.train_loss == pytest.approx(np.log(3), rel=1e-6)


def test_mini_batches_are_warned_of_once(data):
    model = make_model()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    words = r"LBFGS with batch_size=50 of 120 images.*use batch_size=len\(data\), here 120"
    with pytest.warns(UserWarning, match=words) as caught:
        fit(model, LOSS, data, optimizer, batch_size=50, until=Epochs(2))
    assert len(caught) == 1
    assert caught[0].filename == __file__
