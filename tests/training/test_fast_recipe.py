"""The recipe for many images in a few seconds."""

from __future__ import annotations

import pytest
import torch

from nagcore.errors import UsageError
from nagcore.training.data import ImageData, load_fashion_mnist
from nagcore.training.fast_recipe import (
    FastNet,
    FastRecipe,
    accuracy_with_flips,
    count_flops,
    make_fast_optimizer,
    train_fast,
)

TINY = FastRecipe(width=4, batch_size=20, epochs=6, lr=0.3, options={"momentum": 0.85})


@pytest.fixture(scope="module")
def few():
    return load_fashion_mnist()[0].subset(list(range(100)))


@pytest.fixture(scope="module")
def run(few):
    return train_fast(TINY, few, seed=0)


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (1, 8)])
def test_the_network_reads_images_of_several_sizes(channels, side):
    assert FastNet(4, channels)(torch.randn(2, channels, side, side)).shape == (2, 10)


def test_the_step_size_rises_falls_and_ends_at_zero(run):
    schedule = TINY.schedule(30)
    factors = [schedule.at(step) for step in range(30)]
    top = factors.index(max(factors))
    assert factors[0] == pytest.approx(TINY.start)
    assert max(factors) == pytest.approx(1.0)
    assert top == round(TINY.rising * 30) - 1
    assert factors == [*sorted(factors[: top + 1]), *sorted(factors[top + 1 :], reverse=True)]
    assert factors[-1] == 0
    assert run.history.final.rate == 0
    assert run.history.final.step == 30


def test_the_loss_falls(run):
    losses = [row.train_loss for row in run.history.rows]
    assert losses[-1] < losses[0] - 0.15
    assert run.seconds > run.history.final.seconds > 0


def test_a_seed_decides_the_run(few, run):
    again = train_fast(TINY, few, seed=0)
    assert [r.train_loss for r in again.history.rows] == [r.train_loss for r in run.history.rows]
    for one, other in zip(again.model.parameters(), run.model.parameters(), strict=True):
        assert torch.equal(one, other)
    other = train_fast(TINY, few, seed=1)
    assert not torch.equal(other.model.head.weight, run.model.head.weight)


class Edge(torch.nn.Module):
    """Scores the first class with 1 and the second with the pixel at the left edge."""

    def forward(self, images):
        left = images[:, 0, 0, 0]
        return torch.stack([torch.ones_like(left), left], dim=1)


def test_mirrored_images_count_as_much_as_plain_ones(run):
    edges = torch.tensor([[3.0, -5.0], [3.0, -5.0], [3.0, -4.0], [-5.0, 9.0]])  # left and right
    data = ImageData(edges[:, None, None, :], torch.ones(4, dtype=torch.int64), ("a", "b"))
    # the sums of the second class are −2, −2, −1 and 4, those of the first 2
    assert accuracy_with_flips(run._replace(model=Edge()), data) == 0.25


@pytest.mark.parametrize("name", ["nag", "adamw", "muon"])
def test_every_parameter_is_in_one_group_and_scales_do_not_decay(name):
    recipe = FastRecipe(optimizer=name, lr=0.01, width=4, weight_decay=0.1)
    model = FastNet(4)
    groups = make_fast_optimizer(recipe, model).param_groups
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    for group in groups:
        for p in group["params"]:
            assert group["weight_decay"] == (0.1 if p.ndim > 1 else 0.0)
    if name == "muon":
        methods = {id(p): group["method"] for group in groups for p in group["params"]}
        assert methods[id(model.stem.weight)] == "muon"
        assert methods[id(model.head.weight)] == methods[id(model.stem_norm.weight)] == "nadamw"


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_other_optimizers_train_too(few, name):
    recipe = FastRecipe(optimizer=name, lr=0.02, width=4, batch_size=20, epochs=4)
    rows = train_fast(recipe, few, seed=0).history.rows
    assert rows[-1].train_loss < rows[0].train_loss


def test_operations_are_those_of_convolutions_and_the_last_layer(few):
    w, images = 2, few.subset(list(range(3)))
    pixels = [28 * 28, 14 * 14, 7 * 7, 3 * 3]
    widths = [1, w, 2 * w, 4 * w]
    stem = 9 * 1 * widths[0] * pixels[0]
    widen = [9 * widths[k] * widths[k + 1] * pixels[k] for k in range(3)]
    add = [9 * widths[k + 1] ** 2 * pixels[k + 1] for k in range(3)]
    forward = 2 * (stem + sum(widen) + sum(add) + widths[3] * 10)
    # backward costs the forward twice, but for the gradient with respect to the images
    assert count_flops(FastRecipe(width=w), images) == 3 * (3 * forward - 2 * stem)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lr": 0.0}, "lr=0.0"),
        ({"epochs": 0}, "epochs=0"),
        ({"width": -1}, "width=-1"),
        ({"optimizer": "nga"}, "nga"),
    ],
)
def test_bad_values_are_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        FastRecipe(**arguments)


def test_too_few_steps_for_the_schedule_are_refused_before_training(few):
    with pytest.raises(UsageError, match="rising"):
        train_fast(FastRecipe(width=1, epochs=1, batch_size=100), few, seed=0)
