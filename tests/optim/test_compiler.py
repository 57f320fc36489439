"""C++ is compiled at first use and kept where only this user can put it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nagcore.optim import compiler

needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
TWICE = 'extern "C" int twice(int x) { return 2 * x; }'


@pytest.fixture
def cache_base(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def compiled():
    """Compile, without the memory of this process."""
    return compiler.load_library.__wrapped__(TWICE)


def twice(x):
    library = compiled()
    assert library
    return library.twice(x)


def assert_whole(folder):
    """Check that each file holds what its name says, and return the files."""
    files = list(folder.iterdir())
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert digest.startswith(file.name.split(".")[1])
    return files


@needs_gcc
def test_what_was_compiled_is_kept_for_this_user_alone(cache_base, monkeypatch):
    assert twice(21) == 42
    folder = cache_base / "nagcore" / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = assert_whole(folder)
    monkeypatch.setattr(compiler, "_compile", None)  # a second compilation would fail
    assert twice(4) == 8
    assert list(folder.iterdir()) == [file]


@needs_gcc
@pytest.mark.parametrize("content", [b"", b"no library", None])
def test_a_damaged_file_is_made_anew(cache_base, content):
    compiled()
    (file,) = (cache_base / "nagcore" / "kernels").iterdir()
    damaged = file.with_suffix(".new")
    damaged.write_bytes(file.read_bytes()[:-100] if content is None else content)
    damaged.replace(file)  # the library that is in use keeps its file
    assert twice(21) == 42
    assert len(assert_whole(file.parent)) == 1


@needs_gcc
def test_two_processes_may_compile_at_once(cache_base, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\n[ "$1" = --version ] || sleep 0.5\nexec g++ "$@"\n')
    slow.chmod(0o755)
    # the compiler alone, without torch
    program = f"""
import sys, types
package = types.ModuleType("nagcore.optim")
package.__path__ = [{str(Path(compiler.__file__).parent)!r}]
sys.modules["nagcore.optim"] = package
from nagcore.optim.compiler import load_library
print(load_library({TWICE!r}).twice(21))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "CXX": str(slow)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [p.communicate()[0].strip() for p in processes] == ["42", "42"]
    assert assert_whole(cache_base / "nagcore" / "kernels")


@pytest.mark.parametrize("command", ["no-such-compiler", "false", " "])
def test_without_a_compiler_there_is_none_and_no_noise(cache_base, monkeypatch, capfd, command):
    monkeypatch.setenv("CXX", command)
    assert compiled() is None
    assert capfd.readouterr() == ("", "")


@needs_gcc
def test_without_openmp_it_is_compiled_all_the_same(cache_base, monkeypatch, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text(
        '#!/bin/sh\nfor word; do [ "$word" = -fopenmp ] && exit 1; done\nexec g++ "$@"\n'
    )
    plain.chmod(0o755)
    monkeypatch.setenv("CXX", str(plain))
    assert twice(21) == 42


@needs_gcc
def test_a_cache_that_cannot_be_used_is_replaced_by_a_temporary_one(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert twice(21) == 42


def test_a_folder_that_others_can_write_to_is_not_trusted(cache_base):
    folder = compiler.cache_folder()
    assert folder == cache_base / "nagcore" / "kernels"
    folder.chmod(0o777)
    assert compiler.cache_folder() != folder
