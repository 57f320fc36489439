"""Initialisation by name, against torch's own layers, its formulas and plain counting."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import nn

from nagcore.errors import UsageError
from nagcore.training.initialisation import INITIALISATIONS, fans, find_initialisation, initialise
from nagcore.training.models import RepairedCNN, make_cnn

OPTIONS = {name: {"std": 0.03} if name == "normal" else {} for name in INITIALISATIONS}
LAYERS = {
    "wide": lambda: nn.Linear(300, 500),
    "narrow": lambda: nn.Linear(500, 200),
    "convolution": lambda: nn.Conv2d(40, 60, 3),
    "grouped": lambda: nn.Conv1d(60, 300, 7, groups=2),
}


def parameters(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", INITIALISATIONS)
def test_weights_have_the_variance_that_the_scheme_claims(name, layer):
    weight = initialise(LAYERS[layer](), name, seed=5, **OPTIONS[name]).weight.double()
    claimed = INITIALISATIONS[name].variance(weight.shape, **OPTIONS[name])
    # 20,000 weights and more, at least 3,000 of them not 0
    assert weight.square().mean().item() == pytest.approx(claimed, rel=0.08)
    assert abs(weight.mean().item()) <= 4 * math.sqrt(claimed / weight.numel())


def uniform(bound: float):
    return stats.uniform(-bound, 2 * bound)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("glorot-uniform", lambda n, m: uniform(math.sqrt(6 / (n + m)))),
        ("glorot-normal", lambda n, m: stats.norm(0, math.sqrt(2 / (n + m)))),
        ("he-uniform", lambda n, m: uniform(math.sqrt(6 / n))),
        ("he-normal", lambda n, m: stats.norm(0, math.sqrt(2 / n))),
        ("lecun-normal", lambda n, m: stats.norm(0, math.sqrt(1 / n))),
        ("torch", lambda n, m: uniform(math.sqrt(1 / n))),
    ],
)
def test_weights_follow_the_law_of_the_paper(name, law):
    layer = initialise(nn.Conv2d(30, 50, 3), name, seed=1)
    weights = layer.weight.detach().flatten().numpy()
    assert stats.kstest(weights, law(30 * 9, 50 * 9).cdf).pvalue > 0.01


@pytest.mark.parametrize("seed", [0, 7])
def test_torch_means_what_torch_does_to_the_bit(seed):
    judge = make_cnn(seed, width=3)
    model = initialise(RepairedCNN(width=3), "torch", seed=seed)
    assert all(map(torch.equal, parameters(model), parameters(judge)))


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_numbers_depend_on_the_seed_alone_and_leave_the_global_state(name):
    before = torch.random.get_rng_state()
    first, again, other = (
        parameters(initialise(nn.Linear(40, 20), name, seed=seed, **OPTIONS[name]))
        for seed in (3, 3, 4)
    )
    assert all(map(torch.equal, first, again))
    assert torch.equal(first[0], other[0]) is (name == "zeros")
    # making the layers draws from the global state; initialising them does not
    with torch.random.fork_rng():
        torch.random.set_rng_state(before)
        layer = nn.Linear(40, 20)
        state = torch.random.get_rng_state()
        initialise(layer, name, seed=3, **OPTIONS[name])
        assert torch.equal(torch.random.get_rng_state(), state)


def test_memory_format_changes_nothing():
    for name in ("torch", "sparse", "orthogonal"):
        plain = initialise(nn.Conv2d(4, 6, 3), name, seed=2)
        last = nn.Conv2d(4, 6, 3)
        last.to(memory_format=torch.channels_last)  # pyright: ignore
        initialise(last, name, seed=2)
        assert torch.equal(plain.weight, last.weight)
        assert last.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", sorted(set(INITIALISATIONS) - {"torch"}))
def test_biases_are_0_unless_set(name):
    layer = initialise(nn.Linear(30, 20), name, seed=0, **OPTIONS[name])
    assert not layer.bias.any()
    initialise(layer, name, seed=0, bias=0.5, **OPTIONS[name])
    assert (layer.bias == 0.5).all()


def test_a_bias_that_is_set_leaves_the_weights_as_they_were():
    drawn, fixed = (
        initialise(RepairedCNN(width=2), "torch", seed=0, bias=bias) for bias in (None, 0.0)
    )
    for (name, one), other in zip(drawn.named_parameters(), fixed.parameters(), strict=True):
        assert torch.equal(one, other) is name.endswith("weight")


@pytest.mark.parametrize("layer", [lambda: nn.Linear(784, 200), lambda: nn.Conv2d(16, 60, 3)])
def test_sparse_gives_each_unit_15_incoming_weights_of_a_standard_normal(layer):
    weight = initialise(layer(), "sparse", seed=0).weight.detach().flatten(1)
    assert (weight != 0).sum(dim=1).tolist() == [15] * len(weight)
    assert stats.kstest(weight[weight != 0].numpy(), stats.norm().cdf).pvalue > 0.01
    # any input is as likely as another
    outgoing = (weight != 0).sum(dim=0).double()
    expected = weight.shape[0] * 15 / weight.shape[1]
    assert ((outgoing - expected).square().sum() / expected).item() < stats.chi2.ppf(
        0.999, weight.shape[1] - 1
    )


def test_sparse_has_the_options_of_its_authors_for_tanh_and_takes_what_there_is():
    plain, tanh = (
        initialise(nn.Linear(100, 9), "sparse", seed=0, **options)
        for options in ({}, {"scale": 0.25, "bias": 0.5})
    )
    torch.testing.assert_close(tanh.weight, 0.25 * plain.weight)
    assert tanh.bias.tolist() == [0.5] * 9
    kernel = initialise(nn.Conv2d(1, 4, 3), "sparse", seed=0, connections=20)
    assert (kernel.weight != 0).all()


def test_torch_has_another_sparse_scheme():
    weight = torch.empty(200, 200)
    with torch.random.fork_rng():
        nn.init.sparse_(weight, sparsity=1 - 15 / 200)
    assert set((weight != 0).sum(dim=0).tolist()) == {15}
    assert len(set((weight != 0).sum(dim=1).tolist())) > 5


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (40, 40)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    w = initialise(nn.Linear(shape[1], shape[0]), "orthogonal", seed=0, gain=2.0).weight.detach()
    product = w @ w.T if shape[0] <= shape[1] else w.T @ w
    torch.testing.assert_close(product, 4 * torch.eye(min(shape)), atol=1e-5, rtol=0)


def test_options_reach_the_formula():
    layer = initialise(nn.Linear(400, 300), "he-uniform", seed=0, a=0.2)
    judge = torch.empty(300, 400)
    generator = torch.Generator().manual_seed(0)
    nn.init.kaiming_uniform_(judge, a=0.2, generator=generator)
    assert torch.equal(layer.weight.detach(), judge)
    assert find_initialisation("normal").options() == {"std": True}
    assert find_initialisation("sparse").options() == {"connections": False, "scale": False}


@pytest.mark.parametrize("layer", LAYERS)
def test_fans_are_counted_as_torch_counts_them(layer):
    weight = LAYERS[layer]().weight
    assert fans(weight.shape) == nn.init._calculate_fan_in_and_fan_out(weight)


def test_layers_of_another_kind_keep_what_they_have():
    model = nn.Sequential(
        nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4), nn.ConvTranspose1d(1, 1, 3)
    )
    before = parameters(model)
    initialise(model, "zeros", seed=0)
    after = parameters(model)
    assert not after[0].any()
    assert all(map(torch.equal, before[1:], after[1:]))


def test_double_layers_stay_double():
    layer = initialise(nn.Linear(20, 20, dtype=torch.float64), "sparse", seed=0)
    assert layer.weight.dtype == torch.float64
    assert (layer.weight.float().double() != layer.weight).any()


@pytest.mark.parametrize(
    ("model", "name", "options", "says"),
    [
        (nn.Linear(2, 2), "he-norml", {}, "'he-norml' is not known; known: he-normal"),
        (nn.Linear(2, 2), "he-normal", {"gain": 2.0}, "no option 'gain'; its options: a"),
        (nn.Linear(2, 2), "zeros", {"gain": 2.0}, "no option 'gain'; its options: none"),
        (nn.Linear(2, 2), "normal", {}, "needs std, for example std=0.01"),
        (nn.Linear(2, 2), "normal", {"std": -1.0}, "std is -1.0, expected"),
        (nn.Linear(2, 2), "sparse", {"connections": 0}, "connections=0 cannot be used"),
        (nn.Linear(2, 2), "sparse", {"bias": math.nan}, "bias=nan cannot be used"),
        (nn.Linear(2, 2), "torch", {"seed": -1}, "seed=-1 cannot be used"),
        (nn.ReLU(), "torch", {}, "ReLU has no linear or convolutional layer"),
        (nn.LazyLinear(2), "torch", {}, "has no shape yet; call the model"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(model, name, options, says):
    with pytest.raises(UsageError, match=says):
        initialise(model, name, **({"seed": 0} | options))
