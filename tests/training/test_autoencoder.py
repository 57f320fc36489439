"""Deep autoencoders: layers, initialisation, losses against a plain loop and torch's own."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, mse_loss

from nagcore.errors import UsageError
from nagcore.training.autoencoder import (
    CURVES,
    MNIST,
    Autoencoder,
    cross_entropy_of_pixels,
    make_autoencoder,
    squared_error,
)
from nagcore.training.models import count_parameters

SCORES = 3 * torch.randn(4, 30, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(4, 30, generator=torch.Generator().manual_seed(1))


def linear(model: nn.Module) -> list[nn.Linear]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def test_the_published_networks_have_the_published_layers():
    for sizes, layers in ((CURVES, 12), (MNIST, 8)):
        found = [(layer.in_features, layer.out_features) for layer in linear(Autoencoder(sizes))]
        down = list(pairwise(sizes))
        assert found == down + [(b, a) for a, b in reversed(down)]
        assert len(found) == layers
    assert count_parameters(Autoencoder()) == sum(a * b + b for a, b in [
        (784, 400), (400, 200), (200, 100), (100, 50), (50, 25), (25, 6),
        (6, 25), (25, 50), (50, 100), (100, 200), (200, 400), (400, 784),
    ])  # fmt: skip


def test_forward_is_logistic_layers_by_hand_with_a_linear_code():
    model = make_autoencoder(0, (12, 8, 3)).double()
    images = torch.rand(5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    first, second, third, last = [
        (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear(model)
    ]
    hidden = 1 / (1 + np.exp(-(images.numpy() @ first[0].T + first[1])))
    code = hidden @ second[0].T + second[1]
    hidden = 1 / (1 + np.exp(-(code @ third[0].T + third[1])))
    scores = hidden @ last[0].T + last[1]
    assert model.encode(images).detach().numpy() == pytest.approx(code)
    assert model(images).detach().numpy() == pytest.approx(scores)
    assert model.reconstruct(images).detach().numpy() == pytest.approx(1 / (1 + np.exp(-scores)))


@pytest.mark.parametrize("scale", [1.0, 0.25, 4.0])
def test_every_unit_has_fifteen_incoming_weights_or_all(scale):
    weights = []
    for layer in linear(make_autoencoder(1, scale=scale)):
        kept = layer.weight != 0
        assert (kept.sum(dim=1) == min(15, layer.in_features)).all()
        assert not layer.bias.any()
        weights.append(layer.weight[kept])
    drawn = torch.cat(weights).detach().double()
    assert float(drawn.std()) == pytest.approx(scale, rel=0.03)
    assert abs(float(drawn.mean())) < 0.03 * scale


def test_the_scale_multiplies_the_weights_of_a_seed_and_nothing_else():
    one, four = (make_autoencoder(3, (50, 20, 4), scale=scale) for scale in (1.0, 4.0))
    for a, b in zip(linear(one), linear(four), strict=True):
        assert torch.allclose(4 * a.weight, b.weight)


def test_the_weights_depend_on_the_seed_alone():
    def flat(seed: int) -> torch.Tensor:
        return torch.cat([p.flatten() for p in make_autoencoder(seed, (30, 5)).parameters()])

    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert torch.equal(flat(0), flat(0))
    assert not torch.equal(flat(0), flat(1))
    assert torch.equal(torch.get_rng_state(), before), "torch's own state was touched"


def test_the_losses_are_torchs_with_the_pixels_added_up():
    q = torch.sigmoid(SCORES.double())
    p = IMAGES.double()
    entropy = binary_cross_entropy(q, p, reduction="sum") / len(p)
    assert float(cross_entropy_of_pixels(SCORES.double(), p)) == pytest.approx(float(entropy))
    squares = mse_loss(q, p, reduction="sum") / len(p)
    assert float(squared_error(SCORES.double(), p)) == pytest.approx(float(squares))


def test_the_losses_are_those_of_a_plain_loop():
    entropy = squares = 0.0
    for scores, image in zip(SCORES.tolist(), IMAGES.tolist(), strict=True):
        for s, p in zip(scores, image, strict=True):
            q = 1 / (1 + math.exp(-s))
            entropy -= (p * math.log(q) + (1 - p) * math.log(1 - q)) / len(SCORES)
            squares += (q - p) ** 2 / len(SCORES)
    assert float(cross_entropy_of_pixels(SCORES, IMAGES)) == pytest.approx(entropy, rel=1e-5)
    assert float(squared_error(SCORES, IMAGES)) == pytest.approx(squares, rel=1e-5)


def test_the_cross_entropy_does_not_overflow():
    scores = torch.tensor([[-1e4, 1e4]])
    assert float(cross_entropy_of_pixels(scores, torch.tensor([[1.0, 1.0]]))) == 1e4


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Autoencoder((784,)), "two layers"),
        (lambda: Autoencoder((784, 0)), "a size"),
        (lambda: make_autoencoder(-1), "seed"),
        (lambda: make_autoencoder(0, (9, 3), scale=-1.0), "scale"),
    ],
)
def test_what_cannot_be_made_is_refused(make, word):
    with pytest.raises(UsageError, match=word):
        make()
