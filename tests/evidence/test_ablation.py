"""The repaired network with a repair undone, against plain torch, and its table and figure."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.evidence.ablation_models import (
    ABLATIONS,
    InOrder,
    Repairs,
    find_ablation,
    load_images,
    make_network,
    source_of,
    train_ablated,
)
from nagcore.evidence.ablation_table import accuracies, summarize_ablation, tabulate_ablation
from nagcore.evidence.experiments.ablation import DECLARATION, EXPERIMENT
from nagcore.evidence.figures.ablation import draw_ablation
from nagcore.evidence.held_out import choose_lr
from nagcore.evidence.record import Record
from nagcore.fashion_mnist import load_arrays
from nagcore.training.data import load_fashion_mnist
from nagcore.training.evaluation import Evaluation
from nagcore.training.losses import make_loss
from nagcore.training.models import make_cnn
from nagcore.training.source import Source

from .made_up import MADE

TRAIN, TEST = load_fashion_mnist()
FEW = TRAIN.subset(list(range(40)))


def test_with_all_repairs_the_network_is_the_one_of_the_chapter():
    ours, judge = make_network(Repairs(), seed=4, width=3), make_cnn(4, width=3)
    for one, other in zip(ours.parameters(), judge.parameters(), strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(ours(FEW.images), judge(FEW.images))


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("no activation, mean pooling", 0, 1e-4),
        ("no activation", 1e-3, math.inf),
        ("nothing", 1e-3, math.inf),
    ],
)
def test_only_the_network_with_neither_activation_nor_maximum_is_affine(name, least, most):
    network = make_network(ABLATIONS[name], seed=0, width=3)
    a, b = FEW.images[:1], FEW.images[1:2]
    deviation = network(a + b) - network(a) - network(b) + network(0 * a)
    assert least <= deviation.abs().max().item() <= most


@pytest.mark.parametrize(("name", "inputs"), [("one pooling", 12 * 14**2), ("no convolution", 784)])
def test_the_first_linear_layer_takes_what_is_left(name, inputs):
    network = make_network(ABLATIONS[name], seed=0, width=3)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [
        (inputs, 256),
        (256, 10),
    ]


def test_each_ablation_undoes_one_repair_but_for_the_affine_one():
    whole = vars(Repairs())
    undone = {
        name: [field for field, value in vars(repairs).items() if value != whole[field]]
        for name, repairs in ABLATIONS.items()
    }
    counts = {name: len(fields) for name, fields in undone.items() if len(fields) != 1}
    assert counts == {"nothing": 0, "no activation, mean pooling": 2}
    assert {field for fields in undone.values() for field in fields} == set(whole)


def test_raw_pixels_are_those_of_the_files_in_the_same_order():
    arrays = load_arrays()
    for data, pixels, labels in zip(
        load_images(ABLATIONS["raw pixels"]), arrays[::2], arrays[1::2], strict=True
    ):
        np.testing.assert_array_equal(data.images[:, 0].numpy(), pixels)
        np.testing.assert_array_equal(data.labels.numpy(), labels)
    assert torch.equal(load_images(Repairs())[0].images, TRAIN.images)


def test_images_in_order_come_in_order_in_every_epoch_and_process():
    source = InOrder(FEW)
    assert isinstance(source, Source)
    assert (len(source), source.steps(15), source.device) == (40, 3, FEW.device)
    for epoch in (0, 1):
        batches = list(source.batches(15, seed=epoch, epoch=epoch))
        assert [batch.count for batch in batches] == [15, 15, 10]
        assert torch.equal(torch.cat([batch.inputs for batch in batches]), FEW.images)
        assert torch.equal(torch.cat([batch.targets for batch in batches]), FEW.labels)
    (last,) = source.batches(15, seed=0, epoch=0, start=2)
    assert torch.equal(last.inputs, FEW.images[30:])
    parts = [next(source.batches(15, seed=0, epoch=0, rank=r, ranks=2)) for r in (0, 1)]
    assert torch.equal(torch.cat([part.targets for part in parts]), FEW.labels[:15])
    assert sum(part.weight for part in parts) == pytest.approx(2)


def test_orders_are_what_their_names_say():
    assert source_of(Repairs(), FEW) is FEW
    kept, sorted_ = (
        torch.cat([b.targets for b in source_of(Repairs(order=o), FEW).batches(9, seed=0, epoch=0)])
        for o in ("file", "class")
    )
    assert torch.equal(kept, FEW.labels)
    assert torch.equal(sorted_, FEW.labels.sort().values)


@pytest.mark.parametrize(
    ("repairs", "batch"),
    [
        (Repairs(optimizer="sgd", order="file"), 16),
        (Repairs(optimizer="sgd", whole=True), 40),
        (Repairs(optimizer="sgd", order="file", loss="mse-one-hot", convolutions=False), 16),
    ],
)
def test_training_is_a_plain_loop(repairs, batch):
    network = make_network(repairs, seed=1, width=2)
    loss = make_loss(repairs.loss)
    for _ in range(2):
        for first in range(0, 40, batch):
            value = loss(
                network(FEW.images[first : first + batch]), FEW.labels[first : first + batch]
            )
            gradients = torch.autograd.grad(value, list(network.parameters()))
            with torch.no_grad():
                for p, g in zip(network.parameters(), gradients, strict=True):
                    p -= 0.1 * g
    judged = train_ablated(repairs, FEW, TEST, lr=0.1, batch_size=16, epochs=2, width=2, seed=1)
    torch.testing.assert_close(judged.scores, network(TEST.images).detach(), atol=1e-4, rtol=1e-4)
    assert judged.loss == pytest.approx(loss(judged.scores, TEST.labels).item(), rel=1e-5)


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="ablation 'adam' is not known; known: Adam"):
        find_ablation("adam")


def judged(accuracy: float, loss: float) -> Evaluation:
    return Evaluation(loss, accuracy, torch.zeros(0, 10))


@pytest.mark.parametrize(
    ("outcomes", "chosen"),
    [
        ({0.1: (0.5, 1.0), 0.2: (0.6, 2.0), 0.3: (0.4, 0.5)}, 0.2),
        ({0.1: (0.5, 1.0), 0.2: (0.5, 0.9), 0.3: (0.5, 1.1)}, 0.2),
        ({0.1: (0.5, math.nan), 0.2: (0.1, 9.0), 0.3: (0.6, math.inf)}, 0.2),
        ({0.1: (0.5, math.nan), 0.2: (0.7, math.nan)}, 0.1),
    ],
)
def test_the_step_size_is_the_best_on_held_out_images(outcomes, chosen):
    seen = []

    def train_and_judge(lr, train, rest):
        seen.append((train, rest))
        return judged(*outcomes[lr])

    choice = choose_lr(train_and_judge, FEW, list(outcomes), held_out=10, seed=3)
    assert choice.lr == chosen
    assert choice.accuracies == [accuracy for accuracy, _ in outcomes.values()]
    train, rest = seen[0]
    assert (len(train), len(rest)) == (30, 10)
    together = torch.cat([train.images, rest.images]).flatten(1)
    assert len(together.unique(dim=0)) == len(FEW.images.flatten(1).unique(dim=0))


def test_another_merit_can_choose():
    outcomes = {0.1: judged(0.9, 1.0), 0.2: judged(0.1, 0.5)}
    choice = choose_lr(
        lambda lr, *_: outcomes[lr], FEW, [0.1, 0.2], held_out=10, seed=0,
        merit=lambda judged: -judged.loss,
    )  # fmt: skip
    assert choice.lr == 0.2


def test_the_experiment_tests_with_both_step_sizes():
    setting = DECLARATION.settings()[0] | {
        "epochs": 1, "width": 1, "seed": 0, "candidates": (0.01, 0.03), "lr": 0.01,
        "other_candidates": {"Adam": (0.001,)},
    }  # fmt: skip
    row = EXPERIMENT.measured(setting | {"undone": "no convolution"}, "cpu")
    assert row["best_lr"] in (0.01, 0.03)
    assert len(row["held_out_accuracies"]) == 2
    repairs = ABLATIONS["no convolution"]
    for lr, column in ((row["best_lr"], "accuracy"), (0.01, "accuracy_at_lr")):
        again = train_ablated(repairs, TRAIN, TEST, lr=lr, batch_size=50, epochs=1, width=1, seed=0)
        assert row[column] == pytest.approx(again.accuracy)
    assert EXPERIMENT.measured(setting | {"undone": "Adam"}, "cpu")["best_lr"] == 0.001


def made_up(**changes):
    """Accuracies 0.8 − place/100, seeds 0.01 apart, half of that at the other step size."""
    declaration = DECLARATION.replace(**changes)
    names = list(ABLATIONS)

    def row(setting):
        accuracy = 0.8 - names.index(setting["undone"]) / 100 + 0.01 * (setting["seed"] - 1)
        return {
            "accuracy": accuracy, "accuracy_at_lr": accuracy / 2,
            "best_lr": 0.03 if setting["seed"] else 0.1, "held_out_accuracies": [0.5] * 7,
        }  # fmt: skip

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_and_the_prose_numbers():
    table = tabulate_ablation(made_up(undone=("Adam", "nothing", "one pooling")))
    assert table.index.tolist() == ["nothing", "one pooling", "Adam"]
    assert table.loc["nothing"].tolist() == [
        "80.0 ± 1.0 % (n = 3)", "40.0 ± 0.5 % (n = 3)", "–", "0.03, 0.1",
    ]  # fmt: skip
    cost = "−5.0 percentage points (95 % interval −5.0 to −5.0, n = 3)"
    assert table.loc["one pooling", "accuracy minus that with all repairs"] == cost
    numbers = summarize_ablation(made_up())
    assert numbers["ablation_cost_one-pooling"] == cost
    assert numbers["ablation_same_adam"] == "34.0 ± 0.5 % (n = 3)"
    assert numbers["ablation_squared-error-one-hot"] == "71.0 ± 1.0 % (n = 3)"
    assert (numbers["ablation_epochs"], numbers["ablation_width"]) == ("10", "8")
    alone = tabulate_ablation(made_up(undone=("Adam",), seed=(0,)))
    assert alone.loc["Adam"].tolist()[2:] == ["–", "0.1"]


def test_the_figure_draws_every_seed_the_best_on_top():
    backend = mpl.get_backend()
    mpl.use("agg")
    try:
        figure = draw_ablation(made_up(undone=("Adam", "nothing", "one pooling")))
    finally:
        mpl.use(backend)
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["Adam", "one pooling", "nothing"]
    filled = [np.asarray(line.get_xdata()) for line in axes.lines if line.get_marker() == "D"]
    for name, drawn in zip(labels, filled, strict=True):
        np.testing.assert_allclose(drawn, accuracies(made_up())[name])
    assert axes.get_legend_handles_labels()[1] == ["lr = 0.03", "its best lr"]
