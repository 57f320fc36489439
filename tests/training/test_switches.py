"""Each switch against the plain float32 step: the same result, to a stated tolerance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nagcore.errors import UsageError
from nagcore.optim import NAG
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn, make_softmax_regression
from nagcore.training.rates import GradientRangeLimiter, RateSetter
from nagcore.training.stopping import Epochs, Steps, Target
from nagcore.training.switches import Switches

LOSS = nn.CrossEntropyLoss()


def trained(data, *, until=None, batch_size=25, lr=0.05, **options):
    model = make_cnn(0, width=2)
    optimizer = NAG(model.parameters(), lr=lr, momentum=0.9)
    until = until or Epochs(2)
    history = fit(model, LOSS, data, optimizer, batch_size=batch_size, until=until, **options)
    return history, torch.cat([p.detach().flatten() for p in model.parameters()])


def distance(train, switches: Switches, **options) -> float:
    """Return how far the parameters end from the plain run's, relative to how far they moved."""
    start = torch.cat([p.detach().flatten() for p in make_cnn(0, width=2).parameters()])
    plain, other = (trained(train, switches=s, **options)[1] for s in (None, switches))
    return float((other - plain).norm() / (plain - start).norm())


def test_parts_of_a_batch_add_up_to_it(train):
    # batches of 25, 25 and 10 in 4 parts: of unequal size
    assert 0 < distance(train, Switches(accumulate=4)) < 1e-5


def test_more_parts_than_examples_are_one_part_each(train):
    assert distance(train, Switches(accumulate=100)) < 1e-5


def test_channels_last_is_the_same_function(train):
    assert distance(train, Switches(channels_last=True)) < 1e-5


def test_bfloat16_is_near(train):
    assert 1e-5 < distance(train, Switches(precision="bfloat16")) < 0.1


def test_float16_is_nearer_and_its_loss_is_scaled(train):
    history, _ = trained(train, switches=Switches(precision="float16"))
    assert math.isfinite(history.final.train_loss)
    assert 1e-6 < distance(train, Switches(precision="float16")) < 0.02


def test_a_step_that_overflows_in_float16_is_left_out(train):
    def huge(scores, labels):
        return LOSS(scores, labels) * 1e4  # × the first scale of 65536 is beyond float16's range

    model = make_cnn(0, width=2)
    start = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9, momentum=0.9)
    options = {"batch_size": 60, "until": Steps(1), "switches": Switches(precision="float16")}
    fit(model, huge, train, optimizer, **options)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), start, strict=True))
    assert not optimizer.state


def test_clipping_shortens_a_long_gradient_only(train):
    assert distance(train, Switches(clip_norm=1e6)) == 0
    model = make_cnn(0, width=2)
    LOSS(model(train.images), train.labels).backward()
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters()]).item()  # pyright: ignore
    start = torch.cat([p.detach().flatten() for p in model.parameters()])
    options = {"batch_size": 60, "until": Steps(1), "lr": 1.0}
    _, whole = trained(train, **options)
    _, clipped = trained(train, switches=Switches(clip_norm=norm / 4), **options)
    torch.testing.assert_close(clipped - start, (whole - start) / 4, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_compiled_code_computes_the_same(train):
    assert distance(train, Switches(compile=True), until=Epochs(1)) < 1e-5


def test_the_norm_of_the_gradient_is_measured_where_it_is_asked_for(train):
    model = make_cnn(0, width=2)
    LOSS(model(train.images), train.labels).backward()
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters()]).item()  # pyright: ignore
    until = Target("gradient_norm", at_most=1e-9) | Steps(1)
    for switches in (None, Switches(clip_norm=norm / 4)):
        history, _ = trained(train, batch_size=60, until=until, switches=switches)
        assert history.final.gradient_norm == pytest.approx(norm, rel=1e-4)
    history, _ = trained(train)
    assert math.isnan(history.final.gradient_norm)


def test_a_small_gradient_stops_a_run(train):
    model = make_softmax_regression(0)
    optimizer = NAG(model.parameters(), lr=0.01, momentum=0.5)
    until = Target("gradient_norm", at_most=0.5) | Epochs(200)
    history = fit(model, LOSS, train, optimizer, batch_size=60, until=until)
    assert history.status == "target"
    assert history.final.gradient_norm <= 0.5 < history.rows[-2].gradient_norm


def test_an_optimizer_that_evaluates_again_gets_unscaled_gradients_only(train):
    model = make_cnn(0, width=1)
    optimizer = torch.optim.LBFGS(model.parameters())
    options = {"batch_size": 60, "until": Steps(1), "switches": Switches(precision="float16")}
    with pytest.raises(UsageError, match="precision='float16' with LBFGS"):
        fit(model, LOSS, train, optimizer, **options)


def test_graphs_are_refused_where_they_cannot_be(train):
    graph = Switches(graph=True)
    with pytest.raises(UsageError, match="the model on cpu"):
        trained(train, switches=graph)


def test_what_a_graph_needs():
    from nagcore.training.graphed_step import require_capturable

    weight, cuda = nn.Parameter(torch.zeros(2)), torch.device("cuda")
    with pytest.raises(UsageError, match=r"SGD.*capturable=True"):
        require_capturable(torch.optim.SGD([weight], lr=0.1), cuda, None)
    optimizer = NAG([weight], lr=0.1, capturable=True)
    require_capturable(optimizer, cuda, RateSetter())
    with pytest.raises(UsageError, match="depends on the gradient"):
        require_capturable(optimizer, cuda, RateSetter(limiter=GradientRangeLimiter(1.0)))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"precision": "half"}, "precision='half' is not known"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"clip_norm": -1.0}, r"clip_norm=-1\.0"),
        ({"compile": 1}, "compile=1"),
        ({"graph": True, "precision": "float16"}, "bfloat16"),
    ],
)
def test_bad_switches_are_named(values, says):
    with pytest.raises(UsageError, match=says):
        Switches(**values)
