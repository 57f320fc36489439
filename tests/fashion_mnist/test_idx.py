"""The IDX reader against bytes written out by hand, and what it refuses."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nagcore.errors import DataError
from nagcore.fashion_mnist.idx import encode_idx, read_idx

# Two images of 2 × 3 pixels, as the format's description spells them.
BY_HAND = bytes.fromhex("00000803 00000002 00000002 00000003") + bytes(range(12))


@pytest.fixture
def write(tmp_path: Path):
    def _write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return _write


def test_reads_bytes_laid_out_by_hand(write):
    expected = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(read_idx(write("plain", BY_HAND)), expected)
    np.testing.assert_array_equal(
        read_idx(write("packed.gz", gzip.compress(BY_HAND, mtime=0))), expected
    )


def test_torchvision_reads_what_we_write(write):
    mnist = pytest.importorskip("torchvision.datasets.mnist")
    array = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    path = write("images-idx3-ubyte", encode_idx(array))
    np.testing.assert_array_equal(mnist.read_image_file(str(path)).numpy(), array)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_writing_and_reading_is_the_identity(tmp_path_factory, array):
    path = tmp_path_factory.getbasetemp() / "round-trip"
    path.write_bytes(encode_idx(array))
    back = read_idx(path)
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


@given(st.integers(0, len(BY_HAND) - 1))
def test_every_truncation_is_refused(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut-short"
    path.write_bytes(BY_HAND[:length])
    with pytest.raises(DataError, match="cut-short"):
        read_idx(path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty", b"", r"starts with the bytes \(none\)"),
        ("png", b"\x89PNG\r\n", "89 50 4e 47"),
        ("floats", bytes.fromhex("00000d0100000000"), "not an IDX file of unsigned bytes"),
        ("no-axes", bytes.fromhex("00000800"), "00 00 08 00"),
        ("header", BY_HAND[:9], "truncated in its header"),
        ("short", BY_HAND[:-1], "is truncated: its header says 2 × 2 × 3 = 12 bytes, 11"),
        ("long", BY_HAND + b"x", "bytes after its end"),
        ("plain.gz", BY_HAND, "not a whole gzip file"),
        ("short.gz", gzip.compress(BY_HAND, mtime=0)[:-9], "truncated or damaged"),
        ("checksum.gz", gzip.compress(BY_HAND, mtime=0)[:-8] + bytes(8), "not a whole gzip file"),
        ("flipped.gz", gzip.compress(BY_HAND, mtime=0)[:10] + b"\xff" * 40, "truncated or damaged"),
    ],
)
def test_refuses_with_the_name_and_the_fault(write, name, content, says):
    path = write(name, content)
    with pytest.raises(DataError, match=says) as refusal:
        read_idx(path)
    assert str(path) in str(refusal.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match=r"gone\.gz does not exist"):
        read_idx(tmp_path / "gone.gz")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(write):
    path = write("secret", BY_HAND)
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_idx(path)


@pytest.mark.parametrize("array", [np.zeros(3), np.uint8(1) + np.zeros((), np.uint8)])
def test_refuses_to_write_other_arrays(array):
    with pytest.raises(DataError, match="expected uint8 with one axis or more"):
        encode_idx(np.asarray(array))
