"""The environment is made when it must be and only then; a stand-in for uv notes what is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UV = """#!/bin/sh
[ "$1" = --version ] && { echo "uv ${UV_STAND_IN_VERSION:-0.13.9}"; exit; }
echo "$1 $2 $3" >>"$UV_STAND_IN_LOG"
case "$1 $2" in
    "venv "*) rm -rf .venv; mkdir -p .venv/bin; ln -s "$PYTHON_BASE" .venv/bin/python ;;
    "pip sync") [ -z "${UV_STAND_IN_FAILS:-}" ] ;;
    "pip install") printf '#!/bin/sh\\n' >.venv/bin/nagcore; chmod +x .venv/bin/nagcore ;;
esac
"""


class Checkout:
    """A folder with the files that the bootstrap reads, and a PATH that holds only stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.parent / "bin"
        self.log = folder.parent / "log"
        (folder / "tools").mkdir(parents=True)
        for name in ("tools/bootstrap.sh", "tools/uv.txt"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "requirements.lock").write_text("a==1\n")
        (folder / "pyproject.toml").write_text("[project]\n")
        self.path.mkdir()
        for name in ("cat", "chmod", "date", "dirname", "ln", "mkdir", "mv", "rm"):
            (self.path / name).symlink_to(str(shutil.which(name)))
        self.add("uv", UV)
        (self.path / "python3").symlink_to(sys.executable)

    def add(self, name: str, script: str) -> None:
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def use_bare_python(self) -> None:
        """Let the interpreter have neither pip nor venv, as Debian ships it."""
        base = os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]
        self.add("bare", f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec "{base}" "$@"\n')
        script = self.folder / "tools" / "bootstrap.sh"
        found = "os.path.realpath(sys._base_executable)"
        assert found in script.read_text()
        script.write_text(script.read_text().replace(found, f'"{self.path}/bare"'))

    def run(self, **variables: str) -> tuple[int, list[str], str]:
        """Run the bootstrap; return its exit status, what uv was asked to do, and what it said."""
        self.log.write_text("")
        base = os.path.realpath(sys._base_executable)  # type: ignore[attr-defined]
        environment = {"PATH": str(self.path), "UV_STAND_IN_LOG": str(self.log)}
        environment |= {"PYTHON_BASE": base, **variables}
        answer = subprocess.run(
            ["/bin/sh", str(self.folder / "tools/bootstrap.sh")],
            env=environment,
            capture_output=True,
            text=True,
        )
        asked = [" ".join(line.split()[:2]) for line in self.log.read_text().splitlines()]
        return answer.returncode, asked, answer.stderr


WHOLE = ["venv --quiet", "pip sync", "pip install"]
RENEWED = ["pip sync", "pip install"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "check out")


def test_it_is_made_once(checkout: Checkout) -> None:
    assert checkout.run()[:2] == (0, WHOLE)
    assert checkout.run() == (0, [], "")


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_is_needed_renews_it(checkout: Checkout, name: str) -> None:
    checkout.run()
    (checkout.folder / name).write_text("changed\n")
    assert checkout.run()[:2] == (0, RENEWED)
    assert checkout.run()[1] == []


def test_a_change_of_the_interpreter_makes_it_anew(checkout: Checkout) -> None:
    checkout.run()
    stamp = checkout.folder / ".venv" / "complete"
    stamp.write_text("another-interpreter " + stamp.read_text().split()[1])
    assert checkout.run()[:2] == (0, WHOLE)


def test_an_interrupted_installation_is_made_anew(checkout: Checkout) -> None:
    assert checkout.run(UV_STAND_IN_FAILS="1")[0] != 0
    assert checkout.run()[:2] == (0, WHOLE)


def test_an_interrupted_renewal_is_made_anew(checkout: Checkout) -> None:
    checkout.run()
    (checkout.folder / "requirements.lock").write_text("b==1\n")
    assert checkout.run(UV_STAND_IN_FAILS="1")[0] != 0
    assert checkout.run()[:2] == (0, WHOLE)


def test_another_python_is_refused_by_its_version(checkout: Checkout) -> None:
    pretend = "import sys; sys.version_info = (3, 10, 2)"
    checkout.add(
        "python3",
        '#!/bin/sh\n[ "$1" = --version ] && { echo Python 3.10.2; exit; }\n'
        f'exec "{sys.executable}" -c "{pretend}$2"\n',
    )
    status, asked, said = checkout.run()
    assert (status, asked) == (1, [])
    assert "found Python 3.10.2, but Python 3.11, 3.12 or 3.13 is needed" in said


def test_no_python_is_told(checkout: Checkout) -> None:
    (checkout.path / "python3").unlink()
    status, _, said = checkout.run()
    assert status == 1
    assert "found no python3" in said


def test_the_python_named_by_the_user_is_taken(checkout: Checkout) -> None:
    (checkout.path / "python3").unlink()
    assert checkout.run(PYTHON=sys.executable)[:2] == (0, WHOLE)
    assert checkout.run()[:2] == (0, [])


def test_without_uv_pip_and_venv_the_remedy_is_named(checkout: Checkout) -> None:
    (checkout.path / "uv").unlink()
    checkout.use_bare_python()
    status, asked, said = checkout.run()
    assert (status, asked) == (1, [])
    assert "apt-get install python3-venv, or python3-pip" in said
    assert not (checkout.folder / ".tools").exists()


def test_an_old_uv_is_passed_over(checkout: Checkout) -> None:
    checkout.use_bare_python()
    status, asked, said = checkout.run(UV_STAND_IN_VERSION="0.7.9")
    assert (status, asked) == (1, [])
    assert "needed is 0.8 or later (0.x), found uv 0.7.9" in said
