"""Provenance says where a number comes from, and gives nobody away."""

from __future__ import annotations

import getpass
import platform
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nagcore.errors import UsageError
from nagcore.evidence import provenance
from nagcore.evidence.device import in_words, require_available
from nagcore.evidence.provenance import Provenance, Source, commit_of, source_of, utc_now, versions

GOOD: dict[str, Any] = {
    "commit": None,
    "clean": None,
    "time": "2025-11-23T10:00:00Z",
    "versions": {"python": "3.12.1"},
    "device": "CPU (a model)",
    "threads": 1,
    "seconds": 0.5,
    "code_hash": "0" * 64,
}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(provenance.COMMIT_VARIABLE, raising=False)
    folder = tmp_path / "checkout"
    (folder / "inner").mkdir(parents=True)
    (folder / "code.py").write_text("x = 1\n")
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_git_is_asked_and_results_do_not_dirty_the_tree(checkout: Path):
    head = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == (head, True)
    (checkout / "results").mkdir()
    (checkout / "results" / "cpu.json").write_text("{}")
    assert commit_of(checkout) == (head, True)
    (checkout / "code.py").write_text("x = 2\n")
    assert commit_of(checkout) == (head, False)


def test_a_file_that_git_does_not_know_dirties_the_tree(checkout: Path):
    (checkout / "new.py").write_text("")
    assert commit_of(checkout)[1] is False


def test_a_package_inside_another_checkout_does_not_borrow_its_commit(checkout: Path):
    assert commit_of(checkout / "inner") == (None, None)


def test_a_checkout_without_a_commit_has_none(tmp_path: Path, checkout: Path):
    git(tmp_path, "init", "-q", str(tmp_path / "empty"))
    assert commit_of(tmp_path / "empty") == (None, None)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("abcdef0", ("abcdef0", None)), ("a" * 40 + "-dirty", ("a" * 40, False)), ("", (None, None))],
)
def test_a_copy_without_git_asks_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, expected: tuple
):
    monkeypatch.setenv(provenance.COMMIT_VARIABLE, stated)
    assert commit_of(tmp_path) == expected
    # No git at all is no different.
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == expected


@pytest.mark.parametrize("stated", ["main", "abc", "ABCDEF0", "a" * 41])
def test_a_commit_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str
):
    monkeypatch.setenv(provenance.COMMIT_VARIABLE, stated)
    with pytest.raises(UsageError, match=f"NAGCORE_COMMIT is '{stated}', expected"):
        commit_of(tmp_path)


def test_versions_are_the_true_ones_and_scikit_learn_s_only_when_loaded(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["torch"] == torch.__version__
    assert found["numpy"] == np.__version__
    assert "sklearn" not in found

    class Loaded:
        __version__ = "1.4"

    monkeypatch.setitem(sys.modules, "sklearn", Loaded)
    assert versions()["sklearn"] == "1.4"


def test_the_time_is_utc():
    stated = datetime.fromisoformat(utc_now())
    assert stated.utcoffset() is not None
    assert abs((datetime.now(UTC) - stated).total_seconds()) < 60


def test_source_of_a_module_is_its_commit_and_hash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "commit_of", lambda: ("abcdef0", True))
    source = source_of("nagcore.errors")
    assert source == Source("abcdef0", True, source.code_hash)
    assert re.fullmatch("[0-9a-f]{64}", source.code_hash)


def test_it_survives_json_and_short_commits_are_short():
    assert Provenance.from_json(GOOD).to_json() == GOOD
    assert Provenance.from_json(GOOD).short_commit == "unknown"
    assert Provenance.from_json({**GOOD, "commit": "a" * 40}).short_commit == "a" * 7


@pytest.mark.parametrize(
    "content",
    [
        [],
        {**GOOD, "host": "here"},
        {name: value for name, value in GOOD.items() if name != "time"},
        {**GOOD, "time": "yesterday"},
        {**GOOD, "clean": "yes"},
        {**GOOD, "seconds": None},
    ],
)
def test_malformed_provenance_is_refused(content: Any):
    with pytest.raises(ValueError, match=r"."):
        Provenance.from_json(content)


def test_the_device_in_words():
    assert re.fullmatch(r"CPU \(.+\)", in_words("cpu"))
    assert "(R)" not in in_words("cpu")
    for secret in (socket.gethostname(), str(Path.home()), str(Path.cwd()), getpass.getuser()):
        assert f" {secret} " not in f" {in_words('cpu')} "


def test_a_graphics_card_is_named_by_torch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100 80GB HBM3")
    assert in_words("cuda") == "GPU (NVIDIA H100 80GB HBM3)"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    require_available("cpu")
    with pytest.raises(UsageError, match="device is 'cuda', and this machine has no CUDA device"):
        require_available("cuda")
    with pytest.raises(UsageError, match="device is 'cudo', expected one of cuda, cpu"):
        require_available("cudo")
