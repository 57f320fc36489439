"""What the doctor says where a thing is here, missing or broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from nagcore import doctor
from nagcore.doctor import Finding, diagnose, find_browser
from nagcore.errors import UsageError


def finding(what: str, root: Path | None = None) -> Finding:
    (match,) = [each for each in diagnose(root) if each.what == what]
    return match


def make_program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("NAGCORE_CHROMIUM", raising=False)
    return folder


def test_what_is_here_is_found_with_its_version() -> None:
    assert str(torch.__version__) == finding("torch").found
    assert sys.executable in str(finding("Python").found)
    assert "1,000 + 1,000" in str(finding("shipped images").found)


def test_every_thing_has_a_purpose_and_a_remedy_and_a_name_of_its_own() -> None:
    findings = diagnose()
    assert all(each.what and each.enables and each.remedy for each in findings)
    assert len({each.what for each in findings}) == len(findings)


def test_missing_programs_are_told_not_raised(bare_path: Path) -> None:
    for what in ("git", "npm", "browser"):
        assert finding(what).found is None


def test_a_broken_program_is_told_with_its_error(bare_path: Path) -> None:
    make_program(bare_path, "git", "exit 3")
    assert finding("git").found is None
    assert "exit status 3" in finding("git").remedy


def test_a_program_on_the_path_is_found(bare_path: Path) -> None:
    git = make_program(bare_path, "git", "echo git version 9")
    assert finding("git").found == f"git version 9 ({git})"


def test_a_package_that_is_not_installed_is_none() -> None:
    assert doctor._package("no-such-package-here")() is None


def test_the_named_browser_comes_before_those_on_the_path(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_browser() is None
    usual = make_program(bare_path, "google-chrome", "")
    assert find_browser() == usual
    named = make_program(bare_path, "mine", "")
    monkeypatch.setenv("NAGCORE_CHROMIUM", str(named))
    assert find_browser() == named


def test_a_named_browser_that_is_missing_is_an_error_and_a_finding(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path, "chromium", "")
    monkeypatch.setenv("NAGCORE_CHROMIUM", "/nowhere/chrome")
    with pytest.raises(UsageError, match="NAGCORE_CHROMIUM='/nowhere/chrome' is not a program"):
        find_browser()
    assert finding("browser").found is None
    assert "/nowhere/chrome" in finding("browser").remedy


def test_the_book_is_found_once_it_is_built(tmp_path: Path) -> None:
    assert finding("built book", tmp_path).found is None
    site = tmp_path / "_build" / "html" / "index.html"
    site.parent.mkdir(parents=True)
    site.touch()
    assert finding("built book", tmp_path).found == str(site)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, "CUDA: card"), (False, True, "MPS"), (False, False, None)],
)
def test_the_accelerator_is_named(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "card")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert finding("accelerator").found == expected
