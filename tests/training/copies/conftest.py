"""Lets the tests of copies find what they share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from tiny_copies import make_examples

from nagcore.training.copies import Examples


@pytest.fixture(scope="session")
def examples() -> Examples:
    return make_examples()
