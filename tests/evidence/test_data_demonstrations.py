"""What chapter 14 demonstrates is so."""

from __future__ import annotations

import pickle

import pytest
import torch

from nagcore.evidence.data_demonstrations import flip_bit, gradient_distances, write_intruder
from nagcore.training.data import load_fashion_mnist
from nagcore.training.models import make_cnn


def test_one_bit_is_flipped(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    flip_bit(path, 1)
    assert path.read_bytes() == b"acc"
    flip_bit(path, 1)
    assert path.read_bytes() == b"abc"


def test_the_intruder_runs_where_nothing_stops_it(tmp_path, capsys):
    write_intruder(tmp_path / "weights.pt")
    with pytest.raises(pickle.UnpicklingError, match="print"):
        torch.load(tmp_path / "weights.pt", weights_only=True)
    assert capsys.readouterr().out == ""
    torch.load(tmp_path / "weights.pt", weights_only=False)
    assert "code from the file is running" in capsys.readouterr().out


def test_weights_make_the_shared_gradient_exact():
    data = load_fashion_mnist()[0].subset(list(range(103)))
    table = gradient_distances(make_cnn(0, width=2), data, 50, [1, 2, 4])
    weighted, plain = table["weighted"].tolist(), table["plain"].tolist()
    assert max(weighted) < 1e-5
    assert plain[0] < 1e-5
    assert min(plain[1:]) > 1e-3
    assert table["images of each"].tolist() == ["3", "2, 1", "1, 1, 1, 0"]
