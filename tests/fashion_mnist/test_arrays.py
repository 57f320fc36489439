"""The shipped images against the full set, torchvision and the published hashes."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from nagcore.errors import DataError, MissingExtraError, UsageError
from nagcore.fashion_mnist import CLASSES, describe, download_full, find_full, load_arrays
from nagcore.fashion_mnist.contents import FILES, FULL, SHIPPED
from nagcore.fashion_mnist.idx import encode_idx
from nagcore.fashion_mnist.locate import SHIPPED_FOLDER
from nagcore.fashion_mnist.selection import make_selection

FULL_FOLDER = find_full()
needs_full = pytest.mark.skipif(FULL_FOLDER is None, reason="the full set is not installed")

# MD5 of the unpacked originals: a second hash, from a source of its own.
MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}


@pytest.fixture
def shipped_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped files that the package takes for its own."""
    folder = tmp_path / "first_1000"
    shutil.copytree(SHIPPED_FOLDER, folder)
    monkeypatch.setattr("nagcore.fashion_mnist.arrays.SHIPPED_FOLDER", folder)
    return folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder on a machine where nothing is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NAGCORE_DATA", raising=False)
    monkeypatch.setattr("nagcore.fashion_mnist.locate.DEBIAN_FOLDER", tmp_path / "no-such-folder")
    return tmp_path


def put_empty_files(folder: Path, suffix: str) -> Path:
    folder.mkdir(parents=True)
    for file in FILES[FULL]:
        (folder / f"{file.name}{suffix}").touch()
    return folder


def test_shipped_arrays_are_real_images():
    arrays = load_arrays()
    for images, labels in (
        (arrays.train_images, arrays.train_labels),
        (arrays.test_images, arrays.test_labels),
    ):
        assert images.shape == (1000, 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        assert sorted(set(labels.tolist())) == list(range(len(CLASSES)))
        assert images.min() == 0
        assert images.max() == 255
        assert not images.flags.writeable


def test_no_test_image_is_a_training_image():
    arrays = load_arrays()
    training = {image.tobytes() for image in arrays.train_images}
    assert not any(image.tobytes() in training for image in arrays.test_images)


def test_the_readme_states_the_hashes_that_are_checked():
    readme = (SHIPPED_FOLDER.parent / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"`(\S+-ubyte)` \| [^|]+ \| `([0-9a-f]{64})`", readme))
    assert stated == {file.name: file.sha256 for file in FILES[SHIPPED]}


def test_the_licence_ships_with_the_images():
    text = resources.files("nagcore.fashion_mnist").joinpath("LICENSE-fashion-mnist.txt")
    assert "2017 Zalando SE" in text.read_text(encoding="utf-8")


@needs_full
def test_the_full_set_has_the_published_md5():
    arrays = load_arrays("full", FULL_FOLDER)
    for file, array in zip(FILES[FULL], arrays, strict=True):
        assert array.shape == file.shape
        assert hashlib.md5(encode_idx(array)).hexdigest() == MD5[file.name]


@needs_full
def test_the_selection_is_made_again_the_same(tmp_path: Path):
    for path in make_selection(tmp_path):
        shipped = SHIPPED_FOLDER / path.name
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(shipped.read_bytes())
        # No time and no name in the header, so that the same zlib makes the same bytes.
        assert path.read_bytes()[3:8] == shipped.read_bytes()[3:8] == bytes(5)


def test_torchvision_sees_the_same_pixels(tmp_path: Path):
    datasets = pytest.importorskip("torchvision.datasets")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in SHIPPED_FOLDER.iterdir():
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    arrays = load_arrays()
    for train, images, labels in (
        (True, arrays.train_images, arrays.train_labels),
        (False, arrays.test_images, arrays.test_labels),
    ):
        judge = datasets.FashionMNIST(str(tmp_path), train=train, download=False)
        np.testing.assert_array_equal(judge.data.numpy(), images)
        np.testing.assert_array_equal(judge.targets.numpy(), labels)
        assert tuple(judge.classes) == CLASSES


def test_describe_names_the_places_and_the_sizes(nowhere: Path):
    assert "1,000 training and 1,000 test" in describe()
    assert "full: not found" in describe()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("inside", ["", "FashionMNIST/raw"])
def test_places_where_the_full_set_is_found(nowhere, monkeypatch, inside, suffix):
    assert find_full() is None
    here = put_empty_files(nowhere / "data" / inside, suffix)
    assert find_full().resolve() == here  # pyright: ignore[reportOptionalMemberAccess]
    named = put_empty_files(nowhere / "named" / inside, suffix)
    monkeypatch.setenv("NAGCORE_DATA", str(nowhere / "named"))
    assert find_full() == named
    explicit = put_empty_files(nowhere / "explicit" / inside, suffix)
    assert find_full(nowhere / "explicit") == explicit
    assert find_full(nowhere / "elsewhere") is None


def test_a_folder_that_lacks_one_file_is_not_the_full_set(nowhere: Path):
    folder = put_empty_files(nowhere / "data", ".gz")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert find_full() is None


def test_debian_folder_under_the_prefix(nowhere: Path, monkeypatch):
    monkeypatch.setattr("nagcore.fashion_mnist.locate.DEBIAN_FOLDER", Path("share/f"))
    monkeypatch.setattr("sys.prefix", str(nowhere / "usr"))
    folder = put_empty_files(nowhere / "usr" / "share" / "f", ".gz")
    assert find_full() == folder


def test_absent_full_set_names_the_three_ways(nowhere: Path):
    with pytest.raises(DataError) as refusal:
        load_arrays("full")
    for way in ("NAGCORE_DATA", "dataset-fashion-mnist", "download=True", "data/FashionMNIST/raw"):
        assert way in str(refusal.value)


def test_another_name_is_refused():
    with pytest.raises(UsageError, match="which='tiny'"):
        load_arrays("tiny")


def test_one_changed_pixel_is_refused(shipped_copy: Path):
    path = shipped_copy / "t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is not the published file"):
        load_arrays()


def test_another_archive_of_the_same_content_is_accepted(shipped_copy: Path):
    path = shipped_copy / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))
    assert load_arrays().train_labels.sum() == load_arrays("shipped").train_labels.sum()


def test_missing_shipped_file_is_named(shipped_copy: Path):
    (shipped_copy / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz"):
        load_arrays()


def test_the_shipped_set_is_not_taken_for_the_full_one():
    with pytest.raises(DataError, match=r"expected \(60000, 28, 28\)"):
        load_arrays("full", SHIPPED_FOLDER)


def test_download_without_torchvision_names_the_extra(nowhere: Path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[book\]'"):
        load_arrays("full", download=True)


def test_failed_download_names_the_three_ways(nowhere: Path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    def no_network(root: str, download: bool) -> None:
        raise RuntimeError(f"no route to fetch {root}, {download}")

    monkeypatch.setattr(datasets, "FashionMNIST", no_network)
    with pytest.raises(DataError, match=r"into there: no route to fetch there, True.*Three ways"):
        download_full("there")


def test_download_goes_where_it_is_found_again(nowhere: Path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    def fetch(root: str, download: bool) -> None:
        put_empty_files(Path(root) / "FashionMNIST" / "raw", ".gz")

    monkeypatch.setattr(datasets, "FashionMNIST", fetch)
    monkeypatch.setenv("NAGCORE_DATA", str(nowhere / "fetched"))
    assert download_full() == find_full() == nowhere / "fetched" / "FashionMNIST" / "raw"
