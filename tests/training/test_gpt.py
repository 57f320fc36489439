"""The small GPT: causal, rotated, like torch's own parts where these do the same."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.optim.table import make_optimizer
from nagcore.training.fit import fit
from nagcore.training.gpt import (
    GPT,
    CausalAttention,
    generate,
    make_gpt,
    next_byte_accuracy,
    next_byte_loss,
)
from nagcore.training.models import count_parameters
from nagcore.training.parameter_groups import muon_groups
from nagcore.training.stopping import Steps
from nagcore.training.switches import Switches
from nagcore.training.text import TextData

SIZES: dict[str, Any] = {"depth": 2, "width": 16, "heads": 2, "context": 12}


@pytest.fixture
def model() -> GPT:
    return make_gpt(0, **SIZES)


@pytest.fixture
def text() -> torch.Tensor:
    return torch.randint(256, (3, 12), generator=torch.Generator().manual_seed(1))


def test_no_position_sees_what_comes_after_it(model, text):
    changed = text.clone()
    changed[:, 7:] = 0
    before, after = model(text), model(changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_every_position_sees_what_comes_before_it(model, text):
    changed = text.clone()
    changed[:, 0] = (changed[:, 0] + 1) % 256
    assert ((model(text) - model(changed)).abs().amax(dim=2) > 0).all()


def test_attention_is_that_of_a_plain_loop():
    """Judge: softmax of scaled products, position by position, turned as complex numbers."""
    torch.manual_seed(3)
    attention = CausalAttention(width=12, heads=3, context=5).double()
    x = torch.randn(1, 5, 12, dtype=torch.float64)
    queries, keys, values = attention.into(x)[0].split(12, dim=1)
    rates = 10_000.0 ** (-torch.arange(0, 4, 2) / 4)
    turned = torch.polar(torch.ones(5, 2), torch.outer(torch.arange(5), rates)).to(torch.complex128)
    rows = []
    for t in range(5):
        parts = []
        for head in range(3):
            own = slice(4 * head, 4 * head + 4)
            q, k = (
                torch.complex(p[:, own][:, :2].contiguous(), p[:, own][:, 2:].contiguous()) * turned
                for p in (queries, keys)
            )
            scores = torch.stack([(q[t] * k[s].conj()).real.sum() for s in range(t + 1)]) / 2
            parts.append(scores.softmax(dim=0) @ values[: t + 1, own])
        rows.append(torch.cat(parts))
    expected = attention.out(torch.stack(rows))
    torch.testing.assert_close(attention(x)[0], expected, rtol=0, atol=1e-6)


def test_products_of_rotated_vectors_depend_on_the_distance_alone():
    attention = CausalAttention(width=8, heads=1, context=64)
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    turned = attention._rotated(torch.stack((q, k)).view(2, 1, 1, 1, 8).expand(-1, -1, -1, 64, -1))
    product = turned[0, 0, 0] @ turned[1, 0, 0].T
    for distance in (0, 5, 20):
        along = product.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-4)


def test_a_new_model_knows_nothing(model, text):
    assert next_byte_loss(model(text), text).item() == pytest.approx(math.log(256), abs=0.05)


def test_the_loss_is_that_of_torch(text):
    scores = torch.randn(3, 12, 256)
    expected = cross_entropy(scores.transpose(1, 2), text)
    torch.testing.assert_close(next_byte_loss(scores, text), expected)


def test_accuracy_counts_the_highest_scores():
    scores = torch.zeros(1, 4, 256)
    scores[0, [0, 1], [65, 66]] = 1
    assert float(next_byte_accuracy(scores, torch.tensor([[65, 66, 67, 68]]))) == 0.5


def test_the_sizes_decide_the_parameters():
    depth, width = 3, 8
    sizes: dict[str, Any] = {"heads": 2, "context": 4}
    blocks = depth * (12 * width**2 + 4 * width)
    untied = make_gpt(0, depth=depth, width=width, **sizes)
    tied = make_gpt(0, depth=depth, width=width, tied=True, **sizes)
    assert count_parameters(untied) == blocks + 2 * width + 2 * 256 * width
    assert count_parameters(tied) == blocks + 2 * width + 256 * width
    assert tied.head.weight is tied.embedding.weight


def test_the_seed_decides_the_weights_and_nothing_else_is_touched():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (make_gpt(seed, **SIZES) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, one.parameters(), same.parameters()))
    assert not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 10, "heads": 2}, "width=10 and heads=2"),
        ({"depth": 0}, "depth=0"),
        ({"context": 1.5}, "context=1.5"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        make_gpt(0, **{**SIZES, **change})


def test_a_sequence_beyond_the_context_is_refused(model):
    with pytest.raises(UsageError, match="13 bytes"):
        model(torch.zeros(1, 13, dtype=torch.int64))


def test_muon_is_given_the_matrices_between_the_layers(model):
    hidden, rest = muon_groups(model, [model.embedding, model.head])
    assert len(hidden["params"]) == 4 * SIZES["depth"]
    assert all(p.ndim == 2 for p in hidden["params"])
    kept = {id(p) for p in rest["params"]}
    assert {id(model.embedding.weight), id(model.head.weight)} <= kept
    assert len(hidden["params"]) + len(rest["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["adamw", "nadamw", "nag", "adan", "muon"])
def test_it_learns_a_rhyme_by_heart(name):
    data = TextData(torch.frombuffer(bytearray(b"ding dong bell, " * 30), dtype=torch.uint8), 12)
    model = make_gpt(0, **SIZES)
    params = muon_groups(model, [model.embedding, model.head]) if name == "muon" else None
    lr = {"nag": 0.1, "muon": 0.03}.get(name, 0.01)
    options = {"fallback_lr": 0.01} if name == "muon" else {}
    optimizer = make_optimizer(name, params or model.parameters(), lr=lr, **options)
    switches, until = Switches(clip_norm=1.0), Steps(60)
    history = fit(
        model, next_byte_loss, data, optimizer, batch_size=13, until=until, switches=switches
    )
    assert history.rows[0].train_loss == pytest.approx(math.log(256), abs=0.1)
    assert history.final.train_loss < 2.0


def test_it_writes_what_it_learnt_and_only_then():
    data = TextData(torch.frombuffer(bytearray(b"abc" * 100), dtype=torch.uint8), 12)
    model = make_gpt(0, **SIZES)
    optimizer = make_optimizer("adamw", model.parameters(), lr=0.01)
    assert generate(model, b"ab", 9, seed=0)[2:] != b"cabcabcab"
    fit(model, next_byte_loss, data, optimizer, batch_size=12, until=Steps(80))
    assert generate(model, b"ab", 16, seed=0, temperature=0.1) == b"abcabcabcabcabcabc"
    one, same = (generate(model, b"a", 8, seed=4, temperature=9.0) for _ in range(2))
    assert one == same


@pytest.mark.parametrize("bad", [{"prompt": b""}, {"count": 0}, {"temperature": 0.0}])
def test_generation_refuses_what_it_cannot_use(model, bad):
    with pytest.raises(UsageError):
        generate(model, **{"prompt": b"a", "count": 1, "seed": 0, **bad})
