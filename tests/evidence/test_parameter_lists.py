"""The shapes are those of the real networks."""

from __future__ import annotations

import pytest
import torchvision

from nagcore.errors import UsageError
from nagcore.evidence.parameter_lists import PARAMETER_LISTS, count, network_of, shapes_of


def shapes_in(network):
    return tuple(tuple(p.shape) for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "build"),
    [("ResNet-18", torchvision.models.resnet18), ("ResNet-50", torchvision.models.resnet50)],
)
def test_residual_networks_are_torchvisions(name, build):
    assert shapes_of(name) == shapes_in(build())


def test_the_small_cnn_is_the_network_at_hand():
    network = network_of("small CNN")
    assert network is not None
    assert shapes_of("small CNN") == shapes_in(network)
    assert [name for name in PARAMETER_LISTS if network_of(name)] == ["small CNN"]


def test_transformers_have_as_many_parameters_as_published():
    # GPT-2's smallest model as released, its last layer being its embedding
    assert (count(shapes_of("GPT-2")), len(shapes_of("GPT-2"))) == (124_439_808, 148)
    assert 1e9 <= count(shapes_of("one billion")) < 1.02e9


def test_the_plain_lists_are_what_they_are_called():
    assert shapes_of("one tensor") == ((25_000_000,),)
    assert (len(shapes_of("500 tensors")), count(shapes_of("500 tensors"))) == (500, 5_000_000)


def test_an_unknown_list_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'ResNet-81'; the lists: ResNet-18"):
        shapes_of("ResNet-81")
