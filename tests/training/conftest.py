"""Small data for quick runs."""

from __future__ import annotations

import pytest

from nagcore.training.data import ImageData, load_fashion_mnist


@pytest.fixture(scope="session")
def shipped() -> tuple[ImageData, ImageData]:
    return load_fashion_mnist()


@pytest.fixture(scope="session")
def train(shipped) -> ImageData:
    return shipped[0].subset(list(range(60)))


@pytest.fixture(scope="session")
def test_set(shipped) -> ImageData:
    return shipped[1].subset(list(range(40)))
