"""What is written into a checkpoint comes back to the bit, and nothing else can be written."""

from __future__ import annotations

import math
import os
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from nagcore.errors import MissingExtraError, UsageError
from nagcore.optim import NAG
from nagcore.training.checkpoints import (
    latest,
    list_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from nagcore.training.models import make_cnn


def through(folder: Path, weights: dict[str, Tensor], state: Any = None) -> Any:
    path = write_checkpoint(folder, 1, weights=weights, state=state or {}, about={})
    return read_checkpoint(path)


def bits(tensor: Tensor) -> tuple[Any, ...]:
    raw = tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return tensor.dtype, tuple(tensor.shape), raw


WEIGHTS = {
    "float32": torch.tensor([1.0, -0.0, math.nan, math.inf, 1e-45]),
    "float64": torch.rand(2, 3, dtype=torch.float64),
    "bfloat16": torch.rand(5).bfloat16(),
    "float16": torch.rand(5).half(),
    "a count": torch.tensor(7),
    "bool": torch.tensor([True, False]),
    "uint8": torch.arange(256).to(torch.uint8),
    "complex": torch.complex(torch.rand(3), torch.rand(3)),
    "conjugate": torch.complex(torch.rand(3), torch.rand(3)).conj(),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "channels last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "slice": torch.arange(100.0)[3:90:7],
    "expanded": torch.tensor([2.0]).expand(4),
    "empty": torch.zeros(0, 3),
    "a.b'c": torch.ones(1, requires_grad=True),
}


def test_weights_of_every_kind_come_back_to_the_bit(tmp_path: Path):
    found = through(tmp_path, WEIGHTS).weights
    assert list(found) == list(WEIGHTS)
    for name, value in WEIGHTS.items():
        assert bits(found[name]) == bits(value.resolve_conj()), name
        assert not found[name].requires_grad


def test_a_state_comes_back_to_the_bit(tmp_path: Path):
    state = {
        "numbers": [1, -(2**70), 0.1, -0.0, math.inf, 1e-320, True, None, "κ", b"\x00"],
        "pair": (0.9, (1,)),
        3: {None: "any key that is plain", 1.5: {}},
        "tensors": [bits_ for bits_ in WEIGHTS.values() if not bits_.is_conj()],
    }
    found = through(tmp_path, {}, state).state
    tensors = found.pop("tensors")
    expected = state.pop("tensors")
    assert repr(found) == repr(state)
    assert [bits(t) for t in tensors] == [bits(t) for t in expected]
    strides = [(t.shape, t.stride()) for t in (expected[8], tensors[8])]
    assert strides[0] == strides[1]  # channels innermost, as the optimizer keeps them


def test_numbers_of_numpy_and_special_containers_become_plain(tmp_path: Path):
    state = {"a": np.float64(0.1), "b": np.int64(3), "c": OrderedDict(x=1), "d": torch.Size([2])}
    found = through(tmp_path, {}, state).state
    assert found == {"a": 0.1, "b": 3, "c": {"x": 1}, "d": (2,)}
    assert [type(value) for value in found.values()] == [float, int, dict, tuple]


def test_a_part_of_a_large_tensor_is_kept_without_the_rest(tmp_path: Path):
    large = torch.zeros(1_000_000)
    path = write_checkpoint(tmp_path, 1, weights={"w": large[:2]}, state={"s": large[:2]}, about={})
    assert sum(file.stat().st_size for file in path.iterdir()) < 10_000


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(50, 20, bias=False)
        self.decoder = nn.Linear(20, 50)
        self.again = self.encoder
        self.decoder.weight = nn.Parameter(torch.rand(50, 20))
        self.twin = nn.Linear(20, 50, bias=False)
        self.twin.weight = self.decoder.weight


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path):
    model = Tied()
    path = write_checkpoint(tmp_path, 1, weights=model.state_dict(), state={}, about={})
    size = (path / "model.safetensors").stat().st_size
    assert size < 4 * (50 * 20 * 2 + 50) + 2000
    found = read_checkpoint(path).weights
    assert found["encoder.weight"] is found["again.weight"]
    assert found["decoder.weight"] is found["twin.weight"]
    judged = Tied()
    safetensors.torch.load_model(judged, path / "model.safetensors")
    for name, value in model.state_dict().items():
        assert torch.equal(found[name], value)
        assert torch.equal(judged.state_dict()[name], value)


def test_parts_of_one_memory_are_no_twins(tmp_path: Path):
    memory = torch.arange(10.0)
    weights = {"a": memory[:6], "b": memory[4:], "c": memory[:6].reshape(2, 3), "d": memory}
    found = through(tmp_path, weights).weights
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    found["a"].zero_()
    assert torch.equal(found["d"], memory)


def test_memory_formats_survive_in_the_model(tmp_path: Path):
    model, other = make_cnn(0, width=2), make_cnn(1, width=2)
    other.load_state_dict(through(tmp_path, model.state_dict()).weights)
    assert other.conv2.weight.is_contiguous(memory_format=torch.channels_last)
    assert not other.conv2.weight.is_contiguous()
    assert torch.equal(other.conv2.weight, model.conv2.weight)


def test_a_state_of_an_optimizer_is_loaded_as_it_was(tmp_path: Path):
    def stepped(model: nn.Module, optimizer: NAG) -> None:
        for p in model.parameters():
            p.grad = torch.full_like(p, 0.3)
        optimizer.step()

    model, other = make_cnn(0, width=2), make_cnn(1, width=2)
    optimizers = [NAG(m.parameters(), lr=0.1, momentum=0.9) for m in (model, other)]
    stepped(model, optimizers[0])
    found = through(tmp_path, model.state_dict(), {"optimizer": optimizers[0].state_dict()})
    other.load_state_dict(found.weights)
    optimizers[1].load_state_dict(found.state["optimizer"])
    for m, optimizer in zip((model, other), optimizers, strict=True):
        stepped(m, optimizer)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert bits(p) == bits(q)


def test_what_is_read_does_not_need_the_file_any_more(tmp_path: Path):
    path = write_checkpoint(tmp_path, 1, weights=WEIGHTS, state={"t": torch.ones(9)}, about={})
    found = read_checkpoint(path)
    for file in path.iterdir():
        file.write_bytes(b"\xff" * file.stat().st_size)
    assert all(bits(found.weights[n]) == bits(t.resolve_conj()) for n, t in WEIGHTS.items())
    assert torch.equal(found.state["t"], torch.ones(9))


def test_steps_are_in_order_and_none_is_written_over(tmp_path: Path):
    for step in (20, 100_000_000, 3, 20, 20):
        write_checkpoint(tmp_path, step, weights={}, state={"step": step}, about={})
    names = ["step-00000003", "step-00000020", "step-00000020-2", "step-00000020-3"]
    found = list_checkpoints(tmp_path)
    assert [path.name for path in found] == [*names, "step-100000000"]
    assert latest(tmp_path) == found[-1]
    assert [read_checkpoint(path).step for path in found] == [3, 20, 20, 20, 100_000_000]


def test_others_may_read_what_the_umask_allows(tmp_path: Path):
    previous = os.umask(0o022)
    try:
        path = write_checkpoint(tmp_path, 1, weights=WEIGHTS, state={}, about={})
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o755
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o644}


class Thing(dict):
    pass


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"state": {"a": [1, {"b": object()}]}}, r"state\['a'\]\[1\]\['b'\] is <object"),
        ({"state": {"f": len}}, r"state\['f'\] is .* of the type builtin_function"),
        ({"state": {"a": np.zeros(2)}}, "of the type ndarray"),
        ({"state": {"a": Thing()}}, "of the type Thing"),
        ({"state": {object(): 1}}, "a key of state is <object"),
        ({"state": {"a": torch.zeros(2).to_sparse()}}, "not dense and whole"),
        ({"state": {"a": torch.zeros(2, device="meta")}}, "not dense and whole"),
        ({"weights": {"w": torch.zeros(2).to_sparse()}}, "expected a dense tensor"),
        ({"weights": {"w": torch.zeros(2, device="meta")}}, "expected a dense tensor"),
        ({"weights": {"w": 3.0}}, r"w is 3\.0, expected a dense tensor"),
        ({"about": {"a": {1, 2}}}, "cannot be written as JSON .*set"),
        ({"step": -1}, "cannot be used"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_written(tmp_path: Path, content, says):
    step = content.pop("step", 1)
    with pytest.raises(UsageError, match=says):
        write_checkpoint(tmp_path, step, **{"weights": {}, "state": {}, "about": {}, **content})
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_of_the_format_it_is_named(tmp_path: Path, monkeypatch):
    path = write_checkpoint(tmp_path, 1, weights={}, state={}, about={})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingExtraError, match=r"writing a checkpoint needs .*safetensors"):
        write_checkpoint(tmp_path, 2, weights={}, state={}, about={})
    with pytest.raises(MissingExtraError, match=r"reading a checkpoint needs .*safetensors"):
        read_checkpoint(path)
    assert list(tmp_path.iterdir()) == [path]
