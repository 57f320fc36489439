"""Switches of the training loop are held against the plain loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.evidence import loop_agreement
from nagcore.evidence.experiments import switches_agree
from nagcore.evidence.experiments.switches_agree import DECLARATION, EXPERIMENT
from nagcore.evidence.loop_agreement import SWITCHES, Trained, Training, difference, run_with
from nagcore.evidence.loop_nets import make_twins
from nagcore.training.data import load_fashion_mnist
from nagcore.training.fit import fit
from nagcore.training.switches import Switches

SHORT = Training("S", steps=3, batch_size=64, lr=0.02)


def setting(**changes):
    return {**DECLARATION.settings()[0], "network": "S", "steps": 3, **changes}


def test_a_run_keeps_its_start_its_first_step_and_its_losses():
    """Against a loop by hand on the same batches."""
    run = run_with("again", SHORT)
    model = make_twins("S", seed=0).usual
    sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    data, losses, places = load_fashion_mnist()[0], [], []
    batches = data.batches(64, seed=0, epoch=0)
    for batch, _ in zip(batches, range(3), strict=False):
        places.append(loop_agreement._in_a_row(model))
        sgd.zero_grad()
        value = cross_entropy(model(batch.inputs), batch.targets)
        value.backward()
        sgd.step()
        losses.append(value.item())
    torch.testing.assert_close(run.start, places[0])
    torch.testing.assert_close(run.first, places[1], rtol=0, atol=1e-6)
    torch.testing.assert_close(run.last, loop_agreement._in_a_row(model), rtol=0, atol=1e-5)
    assert run.losses.tolist() == pytest.approx(losses, rel=1e-5)


def test_the_same_run_again_is_the_same_to_the_bit():
    assert difference(run_with("again", SHORT), run_with("again", SHORT)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("switch", ["weights rounded", "channels_last", "accumulate"])
def test_exact_switches_differ_by_rounding(switch):
    found = difference(run_with(switch, SHORT), run_with("again", SHORT))
    assert 0 < found.first < 1e-4
    assert 0 < found.last < 1e-3


@pytest.mark.parametrize(("switch", "most"), [("bfloat16", 0.1), ("float16", 0.03)])
def test_short_numbers_differ_by_more(switch, most):
    found = difference(run_with(switch, SHORT), run_with("again", SHORT))
    assert 1e-4 < found.first < most


def test_every_switch_is_switched():
    for name, switches in SWITCHES.items():
        plain = name in ("again", "weights rounded", "tf32")
        assert (switches == Switches()) == plain, name
    changed = {
        field
        for switches in SWITCHES.values()
        for field, value in vars(switches).items()
        if value != getattr(Switches(), field)
    }
    assert changed == set(vars(Switches())) - {"clip_norm"}, "which changes the method"


def test_an_unknown_switch_is_refused_by_name():
    with pytest.raises(UsageError, match="no switch 'warp'; the switches: "):
        run_with("warp", SHORT)


def test_distances_are_in_units_of_the_way():
    start, losses = torch.zeros(2), torch.tensor([2.0, 1.0])
    plain = Trained(start, torch.tensor([0.0, 1.0]), torch.tensor([3.0, 4.0]), losses)
    other = Trained(
        start, torch.tensor([0.0, 1.5]), torch.tensor([3.0, 5.0]), torch.tensor([2.0, 0.8])
    )
    assert difference(other, plain) == pytest.approx((0.5, 0.2, 0.2))
    shifted = [own._replace(start=start + 1) for own in (other, plain)]
    assert difference(*shifted).last == pytest.approx(1 / 13**0.5)


@pytest.mark.parametrize("switch", ["graph", "tf32"])
def test_what_needs_a_gpu_says_so_on_a_cpu(switch):
    row = EXPERIMENT.measured(setting(switch=switch), "cpu")
    assert row["error"].startswith("not on this device")
    assert (row["agrees"], math.isnan(row["last"])) == ("–", True)


@pytest.mark.parametrize("switch", ["again", "tf32"])
@pytest.mark.parametrize("before", [True, False])
def test_only_one_run_uses_tf32_and_torch_is_left_as_it_was(switch, before, monkeypatch):
    seen, matrices, convolutions = [], torch.backends.cuda.matmul, torch.backends.cudnn
    default = matrices.allow_tf32, convolutions.allow_tf32

    def watched(*arguments, **named):
        seen.append((matrices.allow_tf32, convolutions.allow_tf32))
        return fit(*arguments, **named)

    monkeypatch.setattr(loop_agreement, "fit", watched)
    matrices.allow_tf32, convolutions.allow_tf32 = not before, before  # pyright: ignore
    try:
        run_with(switch, SHORT)
        seen.append((matrices.allow_tf32, convolutions.allow_tf32))
    finally:
        matrices.allow_tf32, convolutions.allow_tf32 = default  # pyright: ignore
    assert seen == [(switch == "tf32",) * 2, (not before, before)]


def test_what_fails_says_why(monkeypatch):
    def broken(switch, training):
        raise RuntimeError(f"no {switch}\nat all")

    monkeypatch.setattr(switches_agree, "run_with", broken)
    row = EXPERIMENT.measured(setting(switch="compile"), "cpu")
    assert (row["agrees"], row["error"]) == ("–", "RuntimeError: no compile")


@pytest.mark.parametrize(
    ("found", "word"),
    [((1e-6, 1e-3, 1e-4), "yes"), ((1e-3, 1e-3, 1e-4), "no"), ((1e-6, 0.1, 1e-4), "no"),
     ((1e-6, 1e-3, 0.1), "no"), ((math.nan, 1e-3, 1e-4), "no")],
)  # fmt: skip
def test_all_three_have_to_be_within_the_tolerance(found, word, monkeypatch):
    monkeypatch.setattr(switches_agree, "run_with", lambda *_: None)
    monkeypatch.setattr(switches_agree, "difference", lambda *_: loop_agreement.Difference(*found))
    assert EXPERIMENT.measured(setting(switch="accumulate"), "cpu")["agrees"] == word


def test_every_switch_has_its_tolerance():
    assert set(DECLARATION.constants["tolerance"]) == set(SWITCHES)
    assert DECLARATION.devices == ("cpu", "cuda")
