"""A file or a folder is written whole or not at all."""

from __future__ import annotations

import errno
import os
import platform
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nagcore.errors import UsageError
from nagcore.files import remove_folder, remove_leftovers, whole_folder, write_whole


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
        "from nagcore.files import remove_folder, remove_leftovers, whole_folder, write_whole\n"
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


def fill(folder: Path) -> None:
    (folder / "a").write_text("first")
    (folder / "b").write_bytes(b"second")


def test_a_folder_is_there_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "runs" / "one"
    with whole_folder(path) as folder:
        fill(folder)
        assert not path.exists()
        assert folder.parent == path.parent
    assert sorted(file.name for file in path.iterdir()) == ["a", "b"]
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_flushed_before_it_gets_its_name(tmp_path: Path, monkeypatch):
    done: list[str] = []
    real = {name: getattr(os, name) for name in ("fsync", "rename")}

    def fsync(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        real["fsync"](descriptor)

    def rename(source: Path, target: Path) -> None:
        done.append("rename")
        real["rename"](source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    with whole_folder(tmp_path / "one") as folder:
        fill(folder)
    if Path("/proc/self/fd").exists():
        assert sorted(done[:2]) == ["a", "b"]
        assert done[2:] == [folder.name, "rename", tmp_path.name]


def test_where_folders_cannot_be_flushed_files_are(tmp_path: Path, monkeypatch):
    real, flushed = os.fsync, []

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        flushed.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_folder(tmp_path / "new" / "one") as folder:
        fill(folder)
    assert len(flushed) == 2
    assert (tmp_path / "new" / "one" / "b").read_bytes() == b"second"


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_folder_that_fails_leaves_nothing(tmp_path: Path, monkeypatch, call: str, failure):
    def fail(*arguments: object) -> None:
        raise failure

    monkeypatch.setattr(os, call, fail)
    kind = UsageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(kind), whole_folder(tmp_path / "one") as folder:
        fill(folder)
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_filling_leaves_nothing_and_is_passed_on(tmp_path: Path):
    def fail(folder: Path) -> None:
        fill(folder)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"), whole_folder(tmp_path / "one") as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "one").mkdir()
    says = "there is something of this name"
    with pytest.raises(UsageError, match=says), whole_folder(tmp_path / "one") as folder:
        fill(folder)
    assert list(tmp_path.iterdir()) == [tmp_path / "one"]
    assert list((tmp_path / "one").iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from nagcore.files import remove_folder, whole_folder, write_whole
folder, at = Path(sys.argv[1]), int(sys.argv[2])
calls = 0
def counted(real):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == at:
            os._exit(9)
        return real(*arguments, **options)
    return call
for name in ("fsync", "rename", "replace", "chmod", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
write_whole(folder / "note", "text")
with whole_folder(folder / "one") as unfinished:
    (unfinished / "a").write_text("first")
    (unfinished / "b").write_text("second")
with whole_folder(folder / "two") as unfinished:
    (unfinished / "a").write_text("first")
remove_folder(folder / "two")
"""


def test_a_process_killed_at_any_call_leaves_what_can_be_removed(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    removed = 0
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        words = [sys.executable, "-c", KILLED, str(folder), str(at)]
        status = subprocess.run(words, env=environment, check=False).returncode
        removed += len(remove_leftovers(folder))
        names = {path.name for path in folder.iterdir()}
        assert names <= {"note", "one", "two"}
        if "one" in names:
            assert {path.name for path in (folder / "one").iterdir()} == {"a", "b"}
        if "two" in names:
            assert {path.name for path in (folder / "two").iterdir()} == {"a"}
        if status == 0:
            break
        assert status == 9
    assert names == {"note", "one"}
    assert removed > 5


def unfinished(folder: Path, host: str, process: int) -> Path:
    path = folder / f".one.writing-{host}-{process}-ab12cd_x"
    path.mkdir()
    (path / "a").write_text("part")
    return path


def test_only_leftovers_of_the_dead_are_removed(tmp_path: Path):
    here = platform.node()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone = {
        unfinished(tmp_path, here, dead.pid),
        unfinished(tmp_path, here, os.getpid()),  # of an earlier process of our number
    }
    kept = {unfinished(tmp_path, here, os.getppid()), unfinished(tmp_path, "elsewhere", 1)}
    others = {tmp_path / name for name in (".hidden", "one", f".one.writing-{here}")}
    for path in others:
        path.mkdir()
    link = tmp_path / f".two.writing-{here}-{dead.pid}-abcdefgh"
    link.symlink_to(tmp_path / "one")
    assert set(remove_leftovers(tmp_path)) == gone
    assert set(tmp_path.iterdir()) == kept | others | {link}
    for path in kept:
        os.utime(path, (1.0, 1.0))
    assert set(remove_leftovers(tmp_path)) == kept
    assert set(tmp_path.iterdir()) == others | {link}


def test_what_this_process_is_writing_is_no_leftover(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with whole_folder(tmp_path / "one") as folder:
        fill(folder)
        assert remove_leftovers(".") == []
    assert (tmp_path / "one" / "a").exists()


def test_a_folder_that_cannot_be_removed_is_a_clear_error(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot remove .*/one: No such file.*permissions"):
        remove_folder(tmp_path / "one")
