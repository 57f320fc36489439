"""Fashion-MNIST: the 2,000 images that ship with the package, and the full set where it is."""

from nagcore.fashion_mnist.arrays import Arrays, describe, load_arrays
from nagcore.fashion_mnist.contents import CLASSES
from nagcore.fashion_mnist.download import download_full
from nagcore.fashion_mnist.idx import read_idx
from nagcore.fashion_mnist.locate import find_full

__all__ = ["CLASSES", "Arrays", "describe", "download_full", "find_full", "load_arrays", "read_idx"]
