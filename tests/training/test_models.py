"""The repaired CNN against the same function written the textbook's way round."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, linear, max_pool2d, relu

from nagcore.errors import UsageError
from nagcore.training.models import RepairedCNN, count_parameters, make_cnn


def relu_then_pool(model: RepairedCNN, images: torch.Tensor) -> torch.Tensor:
    p = {name: value.contiguous() for name, value in model.named_parameters()}
    x = max_pool2d(relu(conv2d(images, p["conv1.weight"], p["conv1.bias"], padding=1)), 2)
    x = max_pool2d(relu(conv2d(x, p["conv2.weight"], p["conv2.bias"], padding=1)), 2)
    x = relu(linear(x.flatten(1), p["fc1.weight"], p["fc1.bias"]))
    return linear(x, p["fc2.weight"], p["fc2.bias"])


def test_pooling_first_is_the_same_function_with_the_same_gradient(train):
    model = make_cnn(0, width=4).double()
    images, labels = train.images[:20].double(), train.labels[:20]
    loss = nn.CrossEntropyLoss()
    torch.testing.assert_close(model(images), relu_then_pool(model, images))
    ours = torch.autograd.grad(loss(model(images), labels), list(model.parameters()))
    theirs = torch.autograd.grad(
        loss(relu_then_pool(model, images), labels), list(model.parameters())
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_layer_sizes_are_those_that_the_article_implies():
    model = RepairedCNN()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters() if p.ndim > 1}
    assert shapes == {
        "conv1.weight": (32, 1, 3, 3),
        "conv2.weight": (128, 32, 3, 3),
        "fc1.weight": (256, 128 * 7 * 7),
        "fc2.weight": (10, 256),
    }
    by_hand = (32 * 9 + 32) + (128 * 32 * 9 + 128) + (256 * 6272 + 256) + (10 * 256 + 10)
    assert count_parameters(model) == by_hand


def test_frozen_parameters_are_not_counted():
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    assert count_parameters(model) == 6


def test_the_network_is_not_an_affine_map():
    model = make_cnn(0, width=2)
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 1, 1, 28, 28, generator=generator)
    middle = (model(a) + model(b)) / 2
    assert not torch.allclose(model((a + b) / 2), middle, atol=1e-4)


def test_seed_fixes_the_weights_and_leaves_the_global_state_alone():
    before = torch.random.get_rng_state()
    first, again, other = make_cnn(1, width=2), make_cnn(1, width=2), make_cnn(2, width=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 3, 28, 28), (5, 1, 32, 32), (5, 784)])
def test_wrong_shapes_are_named(shape):
    with pytest.raises(UsageError, match=r"expected \(n, 1, 28, 28\)") as refusal:
        make_cnn(0, width=1)(torch.zeros(shape))
    assert str(shape) in str(refusal.value)


@pytest.mark.parametrize("width", [0, -1, 1.5, "32", True])
def test_bad_width_is_named(width):
    with pytest.raises(UsageError, match=f"width={width!r}"):
        RepairedCNN(width)


@pytest.mark.parametrize("seed", [-1, 0.5, None, 2**64])
def test_bad_seed_is_named(seed):
    with pytest.raises(UsageError, match=f"seed={seed!r}"):
        make_cnn(seed)
