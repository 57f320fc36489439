"""`make gpu` on an image that brings its own PyTorch, and elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout that holds the script, a bootstrap that says it was called, and a fake python3."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "tools" / "gpu.sh", tmp_path / "tools")
    shutil.copy(ROOT / "Makefile", tmp_path)

    def script(path, body):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    script(
        tmp_path / "tools" / "bootstrap.sh",
        "echo bootstrap; mkdir -p .venv/bin; printf '#!/bin/sh\\necho locked \"$@\"\\n' "
        "> .venv/bin/nagcore; chmod +x .venv/bin/nagcore",
    )

    def run(*, has_gpu, command=("sh", "tools/gpu.sh", "--list")):
        check = "exit 0" if has_gpu else "exit 1"
        script(tmp_path / "bin" / "python3", f'case "$1" in -c) {check};; esac; echo image "$@"')
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        answer = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        return answer.stdout.splitlines()

    return run


def test_an_image_with_torch_and_a_gpu_is_used_as_it_is(checkout):
    assert checkout(has_gpu=True) == ["image -m nagcore.cli record --device cuda --stale --list"]


def test_elsewhere_the_locked_environment_is_made_first(checkout):
    assert checkout(has_gpu=False) == ["bootstrap", "locked record --device cuda --stale --list"]


def test_an_environment_that_is_there_is_preferred(checkout):
    checkout(has_gpu=False)
    assert checkout(has_gpu=True) == ["bootstrap", "locked record --device cuda --stale --list"]


def test_make_hands_its_arguments_on(checkout):
    said = checkout(
        has_gpu=True, command=["make", "--no-print-directory", "gpu", "ARGS=--within 20 --tier 1"]
    )
    assert said == ["image -m nagcore.cli record --device cuda --stale --within 20 --tier 1"]


def test_a_signal_reaches_the_recording_itself():
    """The shell is replaced, so that it cannot end before what it started."""
    text = (ROOT / "tools" / "gpu.sh").read_text()
    assert text.count(" record --device cuda --stale") == text.count("exec ") == 2
