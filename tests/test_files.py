"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nagcore.errors import UsageError
from nagcore.files import write_whole


@pytest.mark.parametrize("content", ["κ = 10 000\n", b"\x00\xff", ""])
def test_content_is_written_as_given_and_folders_are_made(tmp_path: Path, content: str | bytes):
    path = write_whole(tmp_path / "a" / "b" / "note", content)
    expected = content.encode("utf-8") if isinstance(content, str) else content
    assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_what_the_umask_allows(tmp_path: Path):
    before = os.umask(0o022)
    try:
        path = write_whole(tmp_path / "note", "text")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("failure", "seen"),
    [(OSError(errno.ENOSPC, "No space left on device"), UsageError), (KeyboardInterrupt(),) * 2],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, failure: BaseException, seen
):
    path = tmp_path / "note"
    path.write_text("old")

    def fail(*arguments: object) -> None:
        raise failure

    monkeypatch.setattr(os, call, fail)
    kind = seen if isinstance(seen, type) else type(seen)
    with pytest.raises(kind) as caught:
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    if kind is UsageError:
        assert str(path) in str(caught.value)
        assert "No space left" in str(caught.value)


def test_a_process_killed_in_the_middle_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "note"
    path.write_text("old")
    script = (
        "import os, sys\n"
        "from nagcore.files import write_whole\n"
        "os.fsync = lambda descriptor: os._exit(9)\n"
        "write_whole(sys.argv[1], 'new' * 100_000)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script, path], env=environment, check=False)
    assert done.returncode == 9
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path):
    obstacle = tmp_path / "results"
    obstacle.write_text("a file where a folder should be")
    with pytest.raises(UsageError, match=r"results/x\.json.*nothing was written.*permissions"):
        write_whole(obstacle / "x.json", "{}")
    assert obstacle.read_text() == "a file where a folder should be"
