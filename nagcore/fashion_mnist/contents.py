"""What Fashion-MNIST consists of: names, sizes, classes, and the hash of every file."""

from __future__ import annotations

from typing import NamedTuple

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SHIPPED = "shipped"
FULL = "full"


class File(NamedTuple):
    """One IDX file of a set."""

    name: str
    shape: tuple[int, ...]
    sha256: str
    """of the whole file once unpacked, header included: compression differs between sources"""


# In the order of the fields of `Arrays`.
FILES: dict[str, tuple[File, ...]] = {
    SHIPPED: (
        File(
            "train-images-idx3-ubyte",
            (1000, 28, 28),
            "e40edda7e9d8af05f5b762673ec21bbef87429a0c217d9e7953c711409749e45",
        ),
        File(
            "train-labels-idx1-ubyte",
            (1000,),
            "78ada934314bea75dcf5d086dfaad6ca75d2ed2801b6e35392fdb406a6338c12",
        ),
        File(
            "t10k-images-idx3-ubyte",
            (1000, 28, 28),
            "7a6d8e07ea021ec5bc73135ebd0a5770799557ec6f8242d8749c4f32a3cf4643",
        ),
        File(
            "t10k-labels-idx1-ubyte",
            (1000,),
            "b40abac7ec8228f434940f579deb7cf7b6e3103b5274cb91d1545771f5ef1c8b",
        ),
    ),
    FULL: (
        File(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        File(
            "train-labels-idx1-ubyte",
            (60000,),
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        File(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        File(
            "t10k-labels-idx1-ubyte",
            (10000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}
