"""The examples in the docstrings of the site's extension, which pytest is not told to collect."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import nagbook
import pytest


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(nagbook.__path__)])
def test_examples_of_the_extension(name: str) -> None:
    module = importlib.import_module(f"nagbook.{name}")
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
