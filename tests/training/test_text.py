"""Text: the shipped one is genuine, windows are right, an epoch shows each once."""

from __future__ import annotations

import hashlib
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import DataError, UsageError
from nagcore.training import text as module
from nagcore.training.gpt import make_gpt, next_byte_accuracy, next_byte_loss
from nagcore.training.mean_loss import mean_loss
from nagcore.training.source import Source
from nagcore.training.text import HASHES, SHIPPED, WHOLE, TextData, load_text, split_text


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder without data, on a machine without the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NAGCORE_TEXT", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return tmp_path


def counting(count: int, context: int) -> TextData:
    return TextData(torch.arange(count, dtype=torch.uint8), context)


# windows


@given(
    count=st.integers(12, 250),
    context=st.integers(1, 4),
    batch_size=st.integers(1, 2),
    epoch=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_an_epoch_shows_each_window_once_and_its_next_bytes(count, context, batch_size, epoch):
    data = counting(count, context)
    batches = list(data.batches(batch_size, seed=3, epoch=epoch))
    inputs = torch.cat([batch.inputs for batch in batches])
    targets = torch.cat([batch.targets for batch in batches])
    assert torch.equal(targets, inputs + 1), "the text counts, so the next byte is one more"
    assert inputs.shape == (len(data), context)
    begins = inputs[:, 0].sort().values
    assert begins[0] < context
    assert torch.equal(begins.diff(), torch.full((len(data) - 1,), context))
    assert len(batches) == data.steps(batch_size)


def test_the_order_depends_on_seed_and_epoch_alone():
    data = counting(200, 4)

    def order(**place):
        return torch.cat([batch.inputs for batch in data.batches(7, **place)])

    assert torch.equal(order(seed=0, epoch=1), order(seed=0, epoch=1))
    assert not torch.equal(order(seed=0, epoch=1), order(seed=0, epoch=2))
    assert not torch.equal(order(seed=0, epoch=1), order(seed=1, epoch=1))
    assert torch.equal(order(seed=0, epoch=1, start=3), order(seed=0, epoch=1)[21:])


def test_processes_share_a_batch():
    data = counting(60, 4)
    whole = next(data.batches(5, seed=0, epoch=0))
    parts = [next(data.batches(5, seed=0, epoch=0, rank=rank, ranks=2)) for rank in range(2)]
    assert torch.equal(torch.cat([part.inputs for part in parts]), whole.inputs)
    assert [part.count for part in parts] == [5, 5]
    assert sum(part.weight for part in parts) == pytest.approx(2)


def test_it_is_a_source():
    assert isinstance(counting(20, 4), Source)


def test_in_order_goes_through_the_text():
    inputs = torch.cat([batch.inputs for batch in counting(50, 5).in_order(4)])
    assert torch.equal(inputs.flatten(), torch.arange(45))


def test_what_is_no_text_is_refused():
    with pytest.raises(UsageError, match=r"torch\.float32 of shape \(9,\)"):
        TextData(torch.zeros(9), 2)
    with pytest.raises(UsageError, match="7 bytes cannot be used with context=4"):
        counting(7, 4)
    with pytest.raises(UsageError, match="context=0"):
        counting(7, 0)
    with pytest.raises(UsageError, match="batch_size=99"):
        next(counting(20, 4).batches(99, seed=0, epoch=0))


# the mean loss


def test_the_mean_loss_weighs_every_window_alike_and_leaves_the_mode():
    data, model = counting(90, 4), make_gpt(0, depth=1, width=8, heads=1, context=4)
    model.train()
    whole = mean_loss(model, next_byte_loss, data.in_order(len(data)))
    parts = mean_loss(model, next_byte_loss, data.in_order(5))
    assert parts == pytest.approx(whole, rel=1e-6)
    assert model.training
    assert 0 <= mean_loss(model, next_byte_accuracy, data.in_order(5)) <= 1
    with pytest.raises(UsageError, match="no batches"):
        mean_loss(model, next_byte_loss, [])


# where it comes from


def test_the_shipped_text_is_genuine_and_small():
    text = load_text("genesis-exodus")
    assert hashlib.sha256(text).hexdigest() == HASHES["genesis-exodus"]
    assert text.endswith(b"throughout all their journeys.\n")
    assert text.count(b"\nExodus ") == 40
    assert SHIPPED.stat().st_size < 150_000


def test_without_anything_it_is_the_shipped_text(nowhere):
    assert load_text() == load_text("genesis-exodus")


def test_a_named_file_is_read_as_it_is(nowhere, monkeypatch):
    (nowhere / "mine.txt").write_bytes(b"\n  mine \xff")
    assert load_text(nowhere / "mine.txt") == b"\n  mine \xff"
    monkeypatch.setenv("NAGCORE_TEXT", str(nowhere / "mine.txt"))
    assert load_text() == b"\n  mine \xff"


def test_what_is_not_there_is_said(nowhere):
    with pytest.raises(DataError, match=r"'absent\.txt' cannot be read"):
        load_text("absent.txt")
    with pytest.raises(DataError, match="apt-get install bible-kjv"):
        load_text("king-james-bible")


def test_another_text_in_the_place_of_the_bible_is_refused(nowhere):
    WHOLE.parent.mkdir()
    WHOLE.write_text("In the beginning was the file.\n")
    with pytest.raises(DataError, match="SHA-256"):
        load_text("king-james-bible")
    with pytest.raises(DataError, match="SHA-256"):
        load_text()


def test_a_damaged_package_is_noticed(nowhere, monkeypatch):
    (nowhere / "broken.xz").write_bytes(SHIPPED.read_bytes()[:-9])
    monkeypatch.setattr(module, "SHIPPED", nowhere / "broken.xz")
    with pytest.raises(DataError, match="install the package anew"):
        load_text("genesis-exodus")


@pytest.mark.skipif(shutil.which("bible") is None, reason="Debian's bible-kjv is not installed")
def test_the_shipped_text_is_the_beginning_of_debians(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = load_text("king-james-bible")
    assert whole.startswith(load_text("genesis-exodus") + b"Leviticus 1\n")


# parts


def test_parts_follow_each_other():
    text = bytes(range(200))
    parts = split_text(text, context=3, held_out=0.1)
    assert b"".join(bytes(part.text.tolist()) for part in parts) == text
    assert [len(part.text) for part in parts] == [160, 20, 20]
    with pytest.raises(UsageError, match=r"held_out=0\.5"):
        split_text(text, context=3, held_out=0.5)
