"""Calibration against plain loops; the experiment on losses, its table and figure."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence.ablation_models import Repairs, train_ablated
from nagcore.evidence.calibration import brier_score, calibration_error
from nagcore.evidence.experiments.losses_on_cnn import DECLARATION, EXPERIMENT
from nagcore.evidence.figures.losses import STYLE_OF, draw_losses
from nagcore.evidence.losses_table import summarize_losses, tabulate_losses
from nagcore.evidence.record import Record
from nagcore.training.data import load_fashion_mnist
from nagcore.training.losses import LOSSES

from .made_up import MADE

GENERATOR = torch.Generator().manual_seed(0)
PROBABILITIES = (3 * torch.randn(400, 5, generator=GENERATOR)).softmax(dim=1)
LABELS = torch.randint(5, (400,), generator=GENERATOR)


@pytest.mark.parametrize("bins", [1, 7, 15])
@pytest.mark.parametrize("classes", [5, 60])
def test_the_calibration_error_is_that_of_a_loop_over_bins(classes, bins):
    probabilities = torch.randn(400, classes, generator=torch.Generator().manual_seed(1)).softmax(1)
    confidence, predictions = probabilities.double().numpy().max(1), probabilities.argmax(1)
    # answers of the least sure are right, so that bins beside one another differ in sign
    labels = torch.where(torch.from_numpy(confidence < 1 / 15), predictions, LABELS)
    right = (predictions == labels).numpy()
    total = 0.0
    for k in range(bins):
        inside = (confidence > k / bins) & (confidence <= (k + 1) / bins)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            total += inside.mean() * gap
    assert calibration_error(probabilities, labels, bins=bins) == pytest.approx(total)


def test_the_brier_score_is_added_up_by_hand():
    total = 0.0
    for p, label in zip(PROBABILITIES.tolist(), LABELS.tolist(), strict=True):
        total += sum((p[j] - (j == label)) ** 2 for j in range(5))
    assert brier_score(PROBABILITIES, LABELS) == pytest.approx(total / 400)


def test_answers_drawn_from_the_probabilities_are_calibrated():
    labels = torch.multinomial(PROBABILITIES.repeat(100, 1), 1, generator=GENERATOR).flatten()
    assert calibration_error(PROBABILITIES.repeat(100, 1), labels) < 0.01
    sharper = PROBABILITIES.square() / PROBABILITIES.square().sum(dim=1, keepdim=True)
    assert calibration_error(sharper.repeat(100, 1), labels) > 0.05


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [(PROBABILITIES, LABELS[:9]), (PROBABILITIES[0], LABELS), (PROBABILITIES[:0], LABELS[:0])],
)
@pytest.mark.parametrize("measure", [calibration_error, brier_score])
def test_shapes_that_do_not_fit_are_refused(measure, probabilities, labels):
    with pytest.raises(UsageError, match=r"expected \(n, classes\) and \(n,\)"):
        measure(probabilities, labels)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse-one-hot", "mse-integer-labels"])
def test_the_experiment_measures_the_network_that_it_trains(loss):
    small = {"epochs": 1, "width": 1, "seed": 0, "candidates": (0.01,), "other_candidates": {}}
    row = EXPERIMENT.measured(DECLARATION.settings()[0] | small | {"loss": loss}, "cpu")
    train, test = load_fashion_mnist()
    judged = train_ablated(
        Repairs(loss=loss), train, test, lr=0.01, batch_size=50, epochs=1, width=1, seed=0
    )
    assert (row["best_lr"], row["accuracy"]) == (0.01, pytest.approx(judged.accuracy))
    scores = judged.scores.double().numpy()
    assert row["score_range"] == pytest.approx(np.ptp(scores, axis=1).mean(), rel=1e-5)
    numbers = np.round(scores.mean(axis=1))
    assert row["accuracy_of_number"] == pytest.approx((numbers == test.labels.numpy()).mean())
    if loss == "mse-integer-labels":
        assert math.isnan(row["calibration_error"])
    else:
        assert 0.1 <= row["confidence"] <= 1
    if loss == "cross-entropy":
        p = judged.scores.softmax(dim=1)
        assert row["brier_score"] == pytest.approx(brier_score(p, test.labels))
        assert row["calibration_error"] == pytest.approx(calibration_error(p, test.labels))


def test_a_loss_can_have_candidates_of_its_own():
    small = {"epochs": 1, "width": 1, "seed": 0, "loss": "cross-entropy"}
    setting = DECLARATION.settings()[0] | small | {"other_candidates": {"cross-entropy": (0.02,)}}
    assert EXPERIMENT.measured(setting, "cpu")["best_lr"] == 0.02


def made_up(**changes):
    """Accuracy 0.8 − place/10, seeds 0.01 apart; no probabilities for the last loss."""
    declaration = DECLARATION.replace(**({"seed": (0, 1, 2)} | changes))

    def row(setting):
        place = list(LOSSES).index(setting["loss"])
        known = math.nan if setting["loss"] == "mse-integer-labels" else 1.0
        return {
            "accuracy": 0.8 - place / 10 + 0.01 * (setting["seed"] - 1),
            "accuracy_of_number": 0.2, "confidence": 0.9 * known,
            "calibration_error": 0.05 * known, "brier_score": 0.25 * known,
            "score_range": 12.34, "best_lr": 0.03 if setting["seed"] else 0.1,
            "held_out_accuracies": [0.5] * 6,
        }  # fmt: skip

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_and_the_prose_numbers():
    table = tabulate_losses(made_up())
    assert table.loc["label-smoothing"].tolist() == [
        "70.0 ± 1.0 % (n = 3)", "90.0 ± 0.0 % (n = 3)", "5.0 ± 0.0 % (n = 3)",
        "0.250 ± 0.000 (n = 3)", "0.03, 0.1",
    ]  # fmt: skip
    assert table.loc["mse-integer-labels"].tolist()[1:4] == ["–"] * 3
    numbers = summarize_losses(made_up())
    assert numbers["loss_accuracy_mse-one-hot"] == "60.0 ± 1.0 % (n = 3)"
    assert numbers["loss_number"] == "20.0 ± 0.0 % (n = 3)"
    assert numbers["loss_range_cross-entropy"] == "12"
    assert numbers["loss_calibration_mse-integer-labels"] == "–"
    assert numbers["loss_epochs"] == "20"
    fewer = summarize_losses(made_up(loss=("cross-entropy",), seed=(0,)))
    assert "loss_number" not in fewer
    assert fewer["loss_accuracy_cross-entropy"] == "79.0 % (n = 1, spread unknown)"


def test_the_figure_draws_every_seed_and_leaves_out_what_there_is_not():
    assert set(STYLE_OF) == set(LOSSES)
    backend = mpl.get_backend()
    mpl.use("agg")
    try:
        figure = draw_losses(made_up())
    finally:
        mpl.use(backend)
    accuracy, calibration = figure.axes
    marks = [line for line in accuracy.lines if line.get_linestyle() == "None"]
    assert len(marks) == 4 + 1
    np.testing.assert_allclose(np.asarray(marks[-1].get_xdata()), [0.79, 0.8, 0.81])
    assert marks[1].get_markerfacecolor() == "none"
    np.testing.assert_allclose(np.asarray(marks[1].get_xdata()), 0.2)
    assert len([line for line in calibration.lines if line.get_linestyle() == "None"]) == 3
