"""A checkpoint that is not what was written is refused, with what to do about it."""

from __future__ import annotations

import os
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from nagcore.training.checkpoints import CheckpointError, read_checkpoint

FILES = ("manifest.json", "model.safetensors", "resume.safetensors", "state.pt")


def refused(path: Path, says: str | None = None) -> str:
    with pytest.raises(CheckpointError, match=says) as caught:
        read_checkpoint(path)
    return str(caught.value)


def positions(size: int, seed: int) -> set[int]:
    """Return places in a file: its ends, where headers are, and one in each of many parts."""
    draw = random.Random(seed).randrange
    parts = [size * part // 24 for part in range(25)]
    drawn = {draw(begin, end) for begin, end in pairwise(parts) if end > begin}
    return {0, 7, 8, size - 1, size - 22, *drawn}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", FILES)
def test_one_bit_anywhere(checkpoint: Path, before: Path, name: str, seed: int):
    file = checkpoint / name
    whole = file.read_bytes()
    for position in positions(len(whole), seed):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << random.Random(position).randrange(8)
        file.write_bytes(flipped)
        message = refused(checkpoint)
        assert str(file) in message, position
        assert f"Remove it to go on from the checkpoint before it, {before}" in message
    file.write_bytes(whole)
    read_checkpoint(checkpoint)


@pytest.mark.parametrize("name", FILES)
def test_cut_longer_and_missing_files(checkpoint: Path, name: str):
    file = checkpoint / name
    whole = file.read_bytes()
    for size in (0, 1, 8, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert str(file) in refused(checkpoint)
    file.write_bytes(whole + b"\x00")
    assert str(file) in refused(checkpoint)
    file.unlink()
    refused(checkpoint, f"{name} is missing. Remove it to go on from")


@pytest.mark.parametrize("name", FILES)
def test_something_else_where_a_file_should_be(checkpoint: Path, tmp_path: Path, name: str):
    file = checkpoint / name
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    refused(checkpoint, f"{name} is a link")
    file.unlink()
    file.mkdir()
    refused(checkpoint, f"{name} (is not a file|cannot be read)")
    file.rmdir()
    os.mkfifo(file)  # which would keep a reader waiting
    refused(checkpoint, f"{name} is not a file")


def test_files_of_two_checkpoints_do_not_go_together(checkpoint: Path, before: Path):
    shutil.copy(before / "model.safetensors", checkpoint / "model.safetensors")
    refused(checkpoint, r"model\.safetensors has .*")
    shutil.copy(before / "manifest.json", checkpoint / "manifest.json")
    shutil.copytree(before, checkpoint, dirs_exist_ok=True)
    assert read_checkpoint(checkpoint).step == 10  # all of one: it is what it says


def test_without_a_whole_one_before_the_run_begins_anew(checkpoint: Path, before: Path):
    (before / "state.pt").unlink()
    (checkpoint / "state.pt").unlink()
    refused(checkpoint, f"no whole checkpoint before it in {before.parent}: begin the run anew")


def test_a_damaged_one_between_is_passed_over(checkpoint: Path, before: Path, tmp_path: Path):
    latest = shutil.copytree(checkpoint, tmp_path / "step-00000030")
    (checkpoint / "state.pt").write_bytes(b"")
    (latest / "state.pt").write_bytes(b"")
    refused(latest, f"before it, {before}, which is whole")


def test_what_is_no_checkpoint_is_told_from_a_damaged_one(checkpoint: Path, tmp_path: Path):
    refused(tmp_path, f"holds checkpoints; name one of them, such as {checkpoint}")
    empty = tmp_path / "empty"
    refused(empty, "is missing. Expected the folder of a checkpoint, with model.safetensors")
    empty.mkdir()
    refused(empty, "Expected the folder of a checkpoint")
    refused(checkpoint / "state.pt", "Expected the folder of a checkpoint")
    for content in (b"{}", b"[" * 100_000, b"\xff" * 50, b'{"format": "another"}', b""):
        (empty / "manifest.json").write_bytes(content)
        refused(empty, "is not the manifest of a checkpoint")


def test_a_manifest_of_a_later_format(checkpoint: Path, change_manifest):
    change_manifest(checkpoint, version=2)
    refused(checkpoint, "format version 2 of a later nagcore.*install a newer nagcore")


@pytest.mark.skipif(os.getuid() == 0, reason="may read everything")
def test_a_file_that_may_not_be_read(checkpoint: Path):
    (checkpoint / "state.pt").chmod(0)
    refused(checkpoint, "state.pt cannot be read .Permission denied")
