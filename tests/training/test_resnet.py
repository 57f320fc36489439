"""The small residual network."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy, relu

from nagcore.errors import UsageError
from nagcore.training.data import load_fashion_mnist
from nagcore.training.models import count_parameters
from nagcore.training.resnet import ResidualBlock, ResNet, make_resnet


@pytest.mark.parametrize("stem_stride", [1, 2])
@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (2, 8)])
def test_images_of_any_size_and_channels_get_a_score_for_each_class(channels, side, stem_stride):
    model = ResNet(4, channels=channels, classes=7, stem_stride=stem_stride)
    assert model(torch.randn(3, channels, side, side)).shape == (3, 7)


def test_the_parameters_are_those_that_the_text_names():
    w, blocks = 8, 2
    stage = [2 * 9 * c * c + 4 * c for c in (w, 2 * w, 4 * w)]  # two convolutions and two norms
    widening = [9 * c * 2 * c + 9 * 4 * c * c + 8 * c + 2 * c * c for c in (w, 2 * w)]
    stem, head = 9 * w + 2 * w, 4 * w * 10 + 10
    expected = stem + 2 * stage[0] + widening[0] + stage[1] + widening[1] + stage[2] + head
    assert count_parameters(ResNet(w, blocks)) == expected


def test_a_branch_that_is_zero_leaves_the_shortcut():
    block, x = ResidualBlock(4, 4), torch.rand(2, 4, 6, 6)
    torch.nn.init.zeros_(block.norm2.weight)
    torch.testing.assert_close(block(x), x)  # x is not negative, so ReLU keeps it
    narrow = ResidualBlock(4, 8, stride=2)
    torch.nn.init.zeros_(narrow.norm2.weight)
    torch.testing.assert_close(narrow(x), relu(narrow.shortcut(x)))


def test_an_image_is_scored_by_itself():
    model, images = make_resnet(0, 4), torch.randn(5, 1, 28, 28)
    alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), alone, rtol=1e-4, atol=1e-5)
    assert not list(model.buffers())


def test_copies_have_the_gradients_of_single_networks():
    models = [make_resnet(seed, 4, stem_stride=2) for seed in range(3)]
    stacked, _ = stack_module_state(models)
    images, labels = torch.randn(3, 6, 1, 28, 28), torch.randint(10, (3, 6))

    def loss(parameters, x, y):
        return cross_entropy(functional_call(models[0], parameters, (x,)), y)

    together = vmap(grad(loss))({k: v.detach() for k, v in stacked.items()}, images, labels)
    for place, model in enumerate(models):
        cross_entropy(model(images[place]), labels[place]).backward()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(
                together[name][place], parameter.grad, rtol=1e-3, atol=1e-5, msg=name
            )


def test_it_learns():
    data = load_fashion_mnist()[0].subset(list(range(60)))
    model = make_resnet(1, 8, stem_stride=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = cross_entropy(model(data.images), data.labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_weights_depend_on_the_seed_alone_and_disturb_nobody():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = make_resnet(2, 4), make_resnet(2, 4), make_resnet(3, 4)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.stem.weight, same.stem.weight)
    assert not torch.equal(one.stem.weight, other.stem.weight)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 6}, "width=6"),
        ({"width": 0}, "width=0"),
        ({"blocks": 0}, "blocks=0"),
        ({"channels": 1.5}, "channels=1.5"),
        ({"stem_stride": 3}, "stem_stride=3"),
    ],
)
def test_bad_arguments_are_refused_by_value(arguments, words):
    with pytest.raises(UsageError, match=words):
        ResNet(**arguments)


@pytest.mark.parametrize("shape", [(2, 3, 28, 28), (28, 28), (2, 1, 7, 28)])
def test_other_images_are_refused(shape):
    with pytest.raises(UsageError, match="cannot be read"):
        ResNet(4)(torch.zeros(shape))
