"""What shards can be made of."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from PIL import Image

from nagcore.errors import DataError, MissingExtraError, UsageError
from nagcore.fashion_mnist import CLASSES, load_arrays
from nagcore.training.stream import ShardStream, make_shards
from nagcore.training.stream.sources import open_source


def gathered(source, rows=None) -> tuple[np.ndarray, np.ndarray]:
    chunks = list(open_source(str(source), rows).chunks)
    return tuple(np.concatenate(arrays) for arrays in zip(*chunks, strict=True))  # pyright: ignore


@pytest.mark.parametrize(
    ("source", "which"), [("fashion-mnist-1000", 0), ("fashion-mnist-1000-test", 2)]
)
def test_fashion_mnist(source, which):
    images, labels = gathered(source)
    np.testing.assert_array_equal(images, load_arrays()[which])
    np.testing.assert_array_equal(labels, load_arrays()[which + 1])


@pytest.mark.parametrize("rows", [1, 999, 1000, 1001, 6543])
def test_images_are_tiled_to_any_number(rows):
    images, labels = gathered("fashion-mnist-1000", rows)
    assert len(images) == rows
    places = np.arange(rows) % 1000
    np.testing.assert_array_equal(labels, load_arrays().train_labels[places])
    np.testing.assert_array_equal(images[-1], load_arrays().train_images[places[-1]])


def test_make_shards_writes_and_says_what(tmp_path):
    folder = str(tmp_path / "tiled")
    index = make_shards(
        "fashion-mnist-1000",
        folder,
        rows=2500,
        rows_per_shard=1024,
        rows_per_block=256,
        progress=False,
    )
    assert [shard.rows for shard in index.shards] == [1024, 1024, 452]
    assert ShardStream(folder).classes == CLASSES


IMAGES = np.random.default_rng(0).integers(0, 256, (11, 4, 5), dtype=np.uint8)
LABELS = np.arange(11) % 3


@pytest.mark.parametrize("names", [None, ("cat", "dog", "cow")])
def test_an_archive_of_arrays(tmp_path, names):
    arrays = {"images": IMAGES, "labels": LABELS} | ({"classes": names} if names else {})
    np.savez(tmp_path / "a.npz", **arrays)
    for found, expected in zip(gathered(tmp_path / "a.npz"), (IMAGES, LABELS), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert open_source(str(tmp_path / "a.npz")).classes == (names or ("0", "1", "2"))


def test_an_array_with_labels_beside_it(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS.astype(np.uint8))
    for found, expected in zip(gathered(tmp_path / "images.npy"), (IMAGES, LABELS), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": IMAGES},
        {"images": IMAGES, "labels": LABELS[:5]},
        {"images": IMAGES, "labels": LABELS / 2},
        {"images": IMAGES, "labels": LABELS[:0]},
        {"images": IMAGES[0], "labels": LABELS[:4]},
        {"images": IMAGES, "labels": np.array([object()] * 11)},
    ],
)
def test_an_archive_that_lacks_something_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=r"a\.npz"):
        open_source(str(tmp_path / "a.npz"))


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no archive")
    for name in ("a.npz", "b.npz", "c.npy"):
        with pytest.raises(DataError, match="cannot read"):
            open_source(str(tmp_path / name))


@pytest.fixture
def pictures(tmp_path):
    """Two classes, 6 and 3 pictures; the grey value tells which one it is."""
    for name, values in (("cat", range(6)), ("dog", range(6, 9))):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for value in values:
            picture = Image.fromarray(np.full((4, 5), 10 * value, dtype=np.uint8))
            picture.save(tmp_path / "pictures" / name / f"{value}.png")
    (tmp_path / "pictures" / "readme.txt").write_text("not a picture")
    return tmp_path / "pictures"


def test_a_folder_of_pictures(pictures):
    images, labels = gathered(pictures)
    assert images.shape == (9, 1, 4, 5)
    values = images[:, 0, 0, 0] // 10
    assert sorted(values.tolist()) == list(range(9))
    np.testing.assert_array_equal(labels, values >= 6)
    assert open_source(str(pictures)).classes == ("cat", "dog")


def test_pictures_are_mixed_and_repeated_alike(pictures):
    labels = gathered(pictures, 18)[1].tolist()
    assert labels[:9] == labels[9:]
    assert len(list(itertools.groupby(labels[:9]))) > 2


def test_coloured_pictures_have_three_channels(tmp_path):
    (tmp_path / "pictures" / "sky").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "sky" / "a.png")
    images, _ = gathered(tmp_path / "pictures")
    np.testing.assert_array_equal(images[0].transpose(1, 2, 0), pixels)


def test_a_picture_of_another_size_is_named(pictures):
    Image.new("L", (9, 9)).save(pictures / "dog" / "big.png")
    with pytest.raises(DataError, match=r"shape \(1, 9, 9\)|\(1, 4, 5\).*big\.png"):
        gathered(pictures)


def test_a_picture_that_is_none_is_named(pictures):
    (pictures / "dog" / "bad.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"bad\.png cannot be read as an image"):
        gathered(pictures)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        open_source(str(tmp_path))


def test_pillow_is_asked_for(pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match="pillow"):
        open_source(str(pictures))


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"source='half' is not known.*fashion-mnist-1000"):
        make_shards("half", str(tmp_path / "new"))
    with pytest.raises(UsageError, match="rows=0"):
        make_shards("fashion-mnist-1000", str(tmp_path / "new"), rows=0)
