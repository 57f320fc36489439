"""Files made to do harm, with a manifest that fits them: refused, and nothing in them is run."""

from __future__ import annotations

import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nagcore.training.checkpoints import CheckpointError, read_checkpoint
from nagcore.training.checkpoints.tensors import LARGEST_HEADER


def refused(path: Path, says: str) -> str:
    with pytest.raises(CheckpointError, match=says) as caught:
        read_checkpoint(path)
    return str(caught.value)


class Command:
    """Runs a command where it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


COMMANDS = {
    "a shell": (os.system, "touch {}"),
    "Python": (exec, "open({!r}, 'w').close()"),
    "a file": (open, "{}", "w"),
    "an attribute": (getattr, Path, "unlink"),
    "torch's own reader": (torch.load, "{}"),
}


def command(kind: str, mark: Path) -> Command:
    function, *arguments = COMMANDS[kind]
    return Command(function, *[a.format(mark) if isinstance(a, str) else a for a in arguments])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_state_that_would_run_something(
    checkpoint: Path, tmp_path: Path, change_manifest, kind: str, zipped: bool
):
    mark = tmp_path / "was here"
    state = {"run": {"rows": [command(kind, mark)]}}
    torch.save(state, checkpoint / "state.pt", _use_new_zipfile_serialization=zipped)
    change_manifest(checkpoint)
    message = refused(checkpoint, r"state\.pt (asks for|is not an archive written by torch)")
    assert not mark.exists()
    assert "weights_only=False" not in message  # no advice to load it all the same


def test_the_judge_sees_a_command_that_is_run(tmp_path: Path):
    torch.save(command("a file", tmp_path / "was here"), tmp_path / "state.pt")
    torch.load(tmp_path / "state.pt", weights_only=False).close()
    assert (tmp_path / "was here").exists()


def test_bare_pickles_and_programs_of_torch(checkpoint: Path, tmp_path: Path, change_manifest):
    state = checkpoint / "state.pt"
    state.write_bytes(pickle.dumps(command("a shell", tmp_path / "was here")))
    change_manifest(checkpoint)
    refused(checkpoint, r"state\.pt is not an archive")
    with zipfile.ZipFile(state, "w") as archive:
        archive.writestr("archive/constants.pkl", b"x")
        archive.writestr("archive/data.pkl", pickle.dumps(1, protocol=2))
        archive.writestr("archive/version", b"3\n")
    change_manifest(checkpoint)
    refused(checkpoint, r"state\.pt is not a state of a run")
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize("content", [[1, 2], torch.nn.Parameter(torch.ones(2)), "text"])
def test_a_state_that_is_something_else(checkpoint: Path, change_manifest, content: Any):
    torch.save(content, checkpoint / "state.pt")
    change_manifest(checkpoint)
    refused(checkpoint, r"state\.pt holds a (list|Tensor|str), expected a dictionary")


def test_an_archive_that_grows(checkpoint: Path, change_manifest):
    with zipfile.ZipFile(checkpoint / "state.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, protocol=2))
        archive.writestr("archive/data/0", b"\x00" * 10_000_000)
    change_manifest(checkpoint)
    refused(checkpoint, r"state\.pt is an archive that grows when unpacked, to 100000\d\d bytes")


@pytest.mark.parametrize("name", ["state.pt", "model.safetensors"])
def test_bytes_changed_at_random_are_read_or_refused(checkpoint: Path, change_manifest, name: str):
    draw = random.Random(0).randrange
    whole = (checkpoint / name).read_bytes()
    refusals = 0
    for _ in range(120):
        changed = bytearray(whole)
        for _ in range(1 + draw(3)):
            changed[draw(min(900, len(whole)))] = draw(256)
        (checkpoint / name).write_bytes(changed)
        change_manifest(checkpoint)
        try:
            read_checkpoint(checkpoint)
        except CheckpointError:
            refusals += 1
    assert refusals > 30


HEADERS = {
    "too long for the file": (2**20, b"{}"),
    "too long for any memory": (2**63, b"{}"),
    "more than the file can hold by far": (2**64 - 1, b""),
    "nested without end": (100_000, b"[" * 100_000),
    "no JSON": (10, b"\xff" * 10),
    "a shape without bytes": (
        None,
        {"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
    ),
    "beyond the end": (None, {"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}),
    "before the beginning": (None, {"w": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}),
    "two in one place": (
        None,
        {n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"},
    ),
    "names of nothing": (None, {"__metadata__": {"nagcore.optim": "[]"}}),
    "names of others": (
        None,
        {
            "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "__metadata__": {
                "nagcore.optim": '["dict", [["w", ["tensor", "w", false]]]]',
                "nagcore.aliases": '{"a": "missing"}',
            },
        },
    ),
    "a number for a tensor": (
        None,
        {
            "__metadata__": {
                "nagcore.optim": '["dict", [["w", 1.5]]]',
                "nagcore.aliases": "{}",
            },
        },
    ),
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("name", ["model.safetensors", "resume.safetensors"])
def test_headers_that_do_not_say_the_truth(checkpoint: Path, change_manifest, name: str, kind: str):
    length, header = HEADERS[kind]
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(data) if length is None else length
    (checkpoint / name).write_bytes(length.to_bytes(8, "little") + data + b"\x00" * 4)
    change_manifest(checkpoint)
    refused(checkpoint, f"{name} (announces a header|is not a safetensors file of a checkpoint)")


def test_a_header_larger_than_any_is_not_read(checkpoint: Path, change_manifest):
    file = checkpoint / "model.safetensors"
    with file.open("wb") as stream:  # a file with a hole in it, which takes no room
        stream.write((LARGEST_HEADER + 1).to_bytes(8, "little"))
        stream.truncate(LARGEST_HEADER + 100)
    change_manifest(checkpoint)
    refused(checkpoint, "announces a header of 33554433 bytes")


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "model.safetensors/../../secret", "", ".", "more.pt"]
)
def test_names_that_lead_elsewhere(checkpoint: Path, tmp_path: Path, change_manifest, name: str):
    (tmp_path / "secret").write_text("secret")
    print_of = {"size": 6, "sha256": "0" * 64}
    files = {"model.safetensors": print_of, "state.pt": print_of, name: print_of}
    change_manifest(checkpoint, files=files)
    refused(checkpoint, r"manifest\.json is not the manifest of a checkpoint .it lists the files")


@pytest.mark.parametrize(
    "entries",
    [
        {"step": -1},
        {"step": True},
        {"step": "1"},
        {"version": 0},
        {"version": "2"},
        {"version": None},
        {"about": []},
        {"format": "another"},
        {"files": {}},
        {"files": []},
        {"files": {"model.safetensors": 1, "state.pt": 1}},
        {"files": {"model.safetensors": {"size": 1}, "state.pt": {}}},
        {"files": {"model.safetensors": {"more": 1}, "state.pt": {}}},
    ],
)
def test_entries_of_the_manifest_that_make_no_sense(checkpoint: Path, change_manifest, entries):
    change_manifest(checkpoint, **entries)
    refused(checkpoint, r"manifest\.json is not the manifest of a checkpoint")


def test_a_link_with_the_right_hash(checkpoint: Path, tmp_path: Path, change_manifest):
    (checkpoint / "state.pt").rename(tmp_path / "elsewhere")
    (checkpoint / "state.pt").symlink_to(tmp_path / "elsewhere")
    refused(checkpoint, r"state\.pt is a link to another place")
