"""Versions of the site stand side by side, and each is replaced alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nagcore.book.publishing import publish, withdraw
from nagcore.errors import UsageError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_site(tmp_path / "site", "first")


def make_site(folder: Path, text: str) -> Path:
    (folder / "_static").mkdir(parents=True)
    (folder / "zh").mkdir()
    (folder / "index.html").write_text(text)
    (folder / "zh" / "index.html").write_text(text)
    (folder / "_static" / f"{text}.css").write_text("")
    return folder


def test_the_latest_replaces_itself_and_leaves_versions_and_git(site: Path, tmp_path: Path):
    pages = tmp_path / "pages"
    (pages / ".git").mkdir(parents=True)
    (pages / ".git" / "HEAD").write_text("ref")
    publish(site, pages, "latest")
    publish(site, pages, "v0.1.0")
    publish(make_site(tmp_path / "next", "second"), pages, "latest")
    assert (pages / "index.html").read_text() == "second"
    assert (pages / "v0.1.0" / "index.html").read_text() == "first"
    assert not (pages / "_static" / "first.css").exists(), "a page of before would stay for ever"
    assert (pages / ".git" / "HEAD").read_text() == "ref"
    assert (pages / ".nojekyll").exists()


def test_versions_are_listed_newest_first_and_previews_not(site: Path, tmp_path: Path):
    pages = tmp_path / "pages"
    for name in ("latest", "v0.9.0", "v0.10.0", "preview-3"):
        publish(site, pages, name)
    text = (pages / "versions.html").read_text()
    assert text.index('href="./"') < text.index("v0.10.0/") < text.index("v0.9.0/")
    assert "v0.9.0/zh/" in text
    assert "preview-3" not in text


def test_a_preview_is_withdrawn_alone(site: Path, tmp_path: Path):
    pages = tmp_path / "pages"
    publish(site, pages, "latest")
    publish(site, pages, "preview-3")
    withdraw(pages, "preview-3")
    assert not (pages / "preview-3").exists()
    assert (pages / "index.html").exists()


@pytest.mark.parametrize("name", ["", "..", "v1/../..", "main", "preview-", "_static"])
def test_other_names_are_refused(name: str, site: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="expected latest, a version"):
        publish(site, tmp_path / "pages", name)
    assert not (tmp_path / "pages").exists()


def test_an_unbuilt_site_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="nagcore book"):
        publish(tmp_path / "none", tmp_path / "pages", "latest")


def test_the_latest_cannot_be_withdrawn(tmp_path: Path):
    with pytest.raises(UsageError, match="latest"):
        withdraw(tmp_path, "latest")
