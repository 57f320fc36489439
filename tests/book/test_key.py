"""The key of the cache changes with whatever the outputs rest on, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from nagcore.book.key import HOUSEKEEPING, cache_key, site_key


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    names = ("nagcore/core/rule.py", "nagcore/cli/app.py", "results/x/cpu.json", "README.md")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    (tmp_path / "requirements.lock").write_text("torch==2.15.0")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "nagcore/core/rule.py",
        "nagcore/core/new.py",
        "nagcore/fashion_mnist/images.npz",
        "results/x/cpu.json",
        "results/y/cuda.json",
        "requirements.lock",
    ],
)
def test_key_changes_with_what_outputs_rest_on(checkout: Path, name: str) -> None:
    before = cache_key(checkout)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("new")
    assert cache_key(checkout) != before


@pytest.mark.parametrize(
    "name",
    [
        "nagcore/cli/app.py",
        "nagcore/book/building.py",
        "nagcore/core/__pycache__/rule.pyc",
        "README.md",
        "tests/test_x.py",
    ],
)
def test_key_ignores_the_rest(checkout: Path, name: str) -> None:
    before = cache_key(checkout)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("new")
    assert cache_key(checkout) == before


def test_key_tells_a_renamed_file(checkout: Path) -> None:
    before = cache_key(checkout)
    (checkout / "nagcore/core/rule.py").rename(checkout / "nagcore/core/law.py")
    assert cache_key(checkout) != before


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "_config.yml", "book/nagbook/pages.py", "book/locale/zh/a.po"),
        *("chapters/1.ipynb", "nagcore/cli/app.py", "nagcore/core/rule.py", "results/x/cpu.json"),
    ],
)
def test_key_of_the_site_changes_with_whatever_pages_show(checkout: Path, name: str) -> None:
    before = site_key(checkout, ["en"], False)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("new")
    assert site_key(checkout, ["en"], False) != before


def test_key_of_the_site_tells_what_was_asked_for_and_ignores_what_sphinx_makes(
    checkout: Path,
) -> None:
    before = site_key(checkout, ["en"], False)
    assert site_key(checkout, ["en", "zh"], False) != before
    assert site_key(checkout, ["en"], True) != before
    (checkout / "book").mkdir()
    (checkout / "book" / "a.mo").write_text("compiled")
    assert site_key(checkout, ["en"], False) == before


def test_no_chapter_imports_housekeeping(root: Path) -> None:
    """Its modules are left out of the key, so a chapter must not rest on them."""
    modules = [f"nagcore.{name.removesuffix('.py')}" for name in HOUSEKEEPING]
    for path in (root / "chapters").glob("*.ipynb"):
        code = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        assert not [m for m in modules if m in "\n".join(code)], path.name
