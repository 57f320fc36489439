"""Signals through depth: hooks in a plain torch network, SciPy's integrals and closed forms."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from nagcore.errors import UsageError
from nagcore.evidence import signal_depth
from nagcore.evidence.experiments.signal_through_depth import DECLARATION, EXPERIMENT
from nagcore.evidence.figures.initialisation import STYLE_OF, draw_signal
from nagcore.evidence.record import Record
from nagcore.evidence.signal_depth import ACTIVATIONS, signal_through_depth
from nagcore.evidence.signal_table import (
    summarize_signals,
    tabulate_initialisations,
    tabulate_signals,
)
from nagcore.training.data import load_fashion_mnist
from nagcore.training.initialisation import INITIALISATIONS, initialise

from .made_up import MADE

MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_signals_are_what_hooks_see_in_a_network_of_torchs_own(activation):
    layers = [nn.Linear(784, 20), nn.Linear(20, 20), nn.Linear(20, 10)]
    network = nn.Sequential(
        layers[0], MODULES[activation](), layers[1], MODULES[activation](), layers[2]
    ).double()
    initialise(network, "he-normal", seed=3)
    seen: list[torch.Tensor] = []
    for layer in layers:
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output))  # pyright: ignore
    images = load_fashion_mnist()[0].images[:7].flatten(1).double()
    labels = torch.randint(10, (7,), generator=torch.Generator().manual_seed(3))
    scores = network(images)
    for output in seen:
        output.retain_grad()
    nn.CrossEntropyLoss(reduction="sum")(scores, labels).backward()
    found = signal_through_depth("he-normal", activation, seed=3, depth=3, width=20, images=7)
    for k, output in enumerate(seen):
        z, gradient = output.detach().numpy(), output.grad.numpy()  # pyright: ignore
        assert found.size[k] == pytest.approx(math.sqrt((z**2).mean()))
        assert found.spread[k] == pytest.approx(math.sqrt(z.var(axis=0).mean()))
        assert found.gradient[k] == pytest.approx(math.sqrt((gradient**2).mean()))


@pytest.mark.parametrize("mean", [0.0, 0.5])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_expectations_over_a_normal_are_scipys(activation, mean):
    entry, squares = ACTIVATIONS[activation], np.array([0.26, 1.0, 9.0])
    for function in (lambda z: entry.of_array(z) ** 2, entry.slope2):
        found = signal_depth._mean(function, squares, mean)
        judge = [
            float(stats.norm(mean, deviation).expect(function, lb=-40, ub=40))  # pyright: ignore
            for deviation in np.sqrt(squares - mean**2)
        ]
        np.testing.assert_allclose(found, judge, rtol=1e-7)


def test_relu_halves_the_mean_square_both_ways():
    squares, relu = np.array([1e-20, 1.0, 50.0]), ACTIVATIONS["relu"]
    halves = signal_depth._mean(lambda z: relu.of_array(z) ** 2, squares, 0.0)
    np.testing.assert_allclose(halves, squares / 2, rtol=1e-12)
    np.testing.assert_allclose(signal_depth._mean(relu.slope2, squares, 0.0), 0.5, rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_the_same_in_numpy_and_slopes_are_their_derivatives(activation):
    entry, z = ACTIVATIONS[activation], np.linspace(-4, 4, 41) + 0.01
    np.testing.assert_allclose(entry.of_array(z), entry.of_tensor(torch.from_numpy(z)).numpy())
    slope = (entry.of_array(z + 1e-6) - entry.of_array(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(entry.slope2(z), slope**2, atol=1e-8)


def expected(scheme, activation, **options):
    return signal_through_depth(
        scheme, activation, seed=0, depth=30, width=30, images=3, options=options
    )


def test_closed_forms_of_relu():
    """He keeps the mean square, Glorot halves it, torch's default settles at 2/(5 width)."""
    he, glorot, default = (expected(s, "relu") for s in ("he-normal", "glorot-normal", "torch"))
    np.testing.assert_allclose(he.expected_size, he.expected_size[0])
    ratios = (glorot.expected_size[1:-1] / glorot.expected_size[:-2]) ** 2
    np.testing.assert_allclose(ratios, 0.5)
    back = (glorot.expected_gradient[:-2] / glorot.expected_gradient[1:-1]) ** 2
    np.testing.assert_allclose(back, 0.5)
    assert default.expected_size[-2] ** 2 == pytest.approx(2 / (5 * 30))
    assert he.expected_gradient[-1] == pytest.approx(he.gradient[-1])


@pytest.mark.parametrize("scheme", sorted(set(INITIALISATIONS) - {"zeros"}))
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_wide_networks_do_what_is_expected(activation, scheme):
    options = {"std": 0.05} if scheme == "normal" else {}
    if (scheme, activation) == ("sparse", "tanh"):
        options = {"scale": 0.25, "bias": 0.5}
    runs = [
        signal_through_depth(
            scheme, activation, seed=seed, depth=5, width=300, images=20, options=options
        )
        for seed in range(3)
    ]
    for name in ("size", "gradient"):
        measured = np.exp(np.mean([np.log(getattr(run, name)) for run in runs], axis=0))
        law = np.exp(np.mean([np.log(getattr(run, f"expected_{name}")) for run in runs], axis=0))
        # 15 weights of a unit are few for a sum to be normal, and ten scores are few units
        np.testing.assert_allclose(measured[:-1], law[:-1], rtol=0.15)
        np.testing.assert_allclose(measured[-1], law[-1], rtol=0.35)


def test_one_image_has_no_spread():
    assert not signal_through_depth(
        "torch", "relu", seed=0, depth=2, width=5, images=1
    ).spread.any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"activation": "rleu"}, "activation 'rleu' is not known; known: relu"),
        ({"scheme": "he"}, "initialisation 'he' is not known"),
        ({"depth": 0}, "depth=0 cannot be used"),
        ({"width": 0}, "width=0 cannot be used"),
        ({"images": 0}, "images=0 cannot be used"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(arguments, says):
    with pytest.raises(UsageError, match=says):
        signal_through_depth(**({"scheme": "torch", "activation": "relu", "seed": 0} | arguments))


def test_the_experiment_takes_the_options_of_scheme_and_activation():
    small = {"depth": 3, "width": 40, "images": 9, "seed": 0}
    constants = {**DECLARATION.settings()[0], **small}
    for activation, options in (("tanh", {"scale": 0.25, "bias": 0.5}), ("logistic", {})):
        columns = EXPERIMENT.measured(
            constants | {"scheme": "sparse", "activation": activation}, "cpu"
        )
        judge = signal_through_depth("sparse", activation, **small, options=options)
        np.testing.assert_allclose(columns["size"], judge.size, rtol=1e-3)
    assert set(DECLARATION.axes["scheme"]) <= set(STYLE_OF)


def made_up(**changes):
    """Sizes 4^(1−layer), spreads a quarter of them, gradients 9^(layer−4), twice that expected."""
    declaration = DECLARATION.replace(**({"seed": (0, 1)} | changes))
    size, gradient = 4.0 ** -np.arange(4), 9.0 ** (np.arange(4) - 3)

    def row(setting):
        uneven = 2.0 ** (2 * setting["seed"] - 1)  # ½ and 2 have the geometric mean 1
        return {
            "size": (size * uneven).tolist(), "spread": (size / 4).tolist(),
            "gradient": (gradient * uneven).tolist(), "expected_size": size.tolist(),
            "expected_gradient": (3 * gradient).tolist(),
        }  # fmt: skip

    rows = tuple(
        {axis: s[axis] for axis in declaration.axes} | row(s) for s in declaration.settings()
    )
    return Record(declaration, MADE, rows)


def test_the_table_has_the_ends_of_the_network():
    table = tabulate_signals(made_up())
    assert table.loc[("relu", "torch")].tolist() == [
        "0.062", "0.062", "0.016", "1.4 × 10⁻³", "4.1 × 10⁻³",
    ]  # fmt: skip
    assert len(table) == 3 * 6
    formulas = tabulate_initialisations(made_up())
    assert formulas.loc["normal", "here"] == "std=0.01"
    assert formulas.loc["sparse", "here"] == "scale=0.25, bias=0.5 for tanh"
    assert list(formulas) == ["weights", "here"]


def test_prose_numbers():
    numbers = summarize_signals(made_up())
    assert numbers["signal_factor_relu_he-normal"] == "0.062"  # (4^−1)²
    assert numbers["gradient_factor_tanh_sparse"] == "0.012"  # (9^−1)²
    assert numbers["signal_kept_logistic_torch"] == "0.25"
    assert numbers["gradient_first_relu_normal"] == "1.4 × 10⁻³"
    assert numbers["signal_worst"] == "6.00"  # ½ · g against 3 · g
    assert summarize_signals(made_up(depth=12))["signal_depth"] == "12"


def test_the_figure_draws_the_means_and_what_is_expected():
    backend = mpl.get_backend()
    mpl.use("agg")
    try:
        figure = draw_signal(made_up(activation=("tanh", "relu"), scheme=("torch", "sparse")))
    finally:
        mpl.use(backend)
    panels = np.array(figure.axes).reshape(3, 2)
    assert [axes.get_title(loc="left") for axes in panels[0]] == ["tanh", "relu"]
    assert [len(axes.lines) for axes in panels[:, 0]] == [4, 2, 4]
    drawn = panels[2, 1].lines[0]
    np.testing.assert_allclose(np.asarray(drawn.get_ydata()), 9.0 ** (np.arange(4) - 3))
    assert drawn.get_color() == STYLE_OF["torch"].color
    assert [t.get_text() for t in figure.legends[0].texts] == ["torch's default", "sparse, 2013"]
