"""The code hash sees what the code does, and nothing else."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.evidence import codehash
from nagcore.evidence.codehash import canonical, code_files, code_hash

ROOT = Path(codehash.__file__).parents[2]
PYENV = Path.home() / ".pyenv" / "versions"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / "lab" / f"{name.replace('__in__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    write(
        tmp_path,
        __init__="import lab.unrelated",
        unrelated="",
        start="from lab.room import inner\nfrom . import beside\nimport os\n\n\ndef f():\n"
        "    from .late import g\n    return g\n",
        beside="import lab.plain as plain\nfrom .room.inner import x",
        plain="",
        late="def g():\n    return 1\n",
        room__in____init__="",
        room__in__inner="from .. import below\nx = 1\n",
        below="from lab.room2 import y",
        room2__in____init__="from .deep import y",
        room2__in__deep="y = 2",
    )
    return tmp_path


def test_the_closure_follows_every_form_of_import(lab: Path):
    # Not lab, lab.room (ancestors, not imported by name) and lab.unrelated (imported by lab).
    assert list(code_files("lab.start")) == [
        "lab.below",
        "lab.beside",
        "lab.late",
        "lab.plain",
        "lab.room.inner",
        "lab.room2",
        "lab.room2.deep",
        "lab.start",
    ]


def test_a_package_outside_counts_the_report_s_own_modules_too(lab: Path):
    write(lab, start="from nagcore.files import write_whole")
    assert list(code_files("lab.start")) == ["lab.start", "nagcore.errors", "nagcore.files"]


def test_importing_by_hash_runs_nothing(lab: Path):
    write(lab, late="raise SystemExit")
    code_hash("lab.start")
    assert "lab" not in sys.modules


@pytest.mark.parametrize("module", ["lab.late", "lab.below", "lab.room2.deep"])
def test_a_change_anywhere_in_the_closure_is_seen(lab: Path, module: str):
    before = code_hash("lab.start")
    path = code_files("lab.start")[module]
    path.write_text(path.read_text() + "\nz = 3\n")
    assert code_hash("lab.start") != before


def test_a_change_outside_the_closure_is_not_seen(lab: Path):
    before = code_hash("lab.start")
    write(lab, unrelated="z = 3", __init__="import lab.unrelated as other")
    (lab / "lab" / "data.txt").write_text("data")
    assert code_hash("lab.start") == before


BASE = '''
class Rule:
    """A rule."""

    scale: float = 2.0

    def step(self, x, *, size=0.1):
        """Step."""
        text = f"{x!r:>{10}} and {size:.2f}"  # a comment
        return x - size * self.scale, text, "it's", None


def empty():
    """Only words."""
'''
SAME = '''# The same, laid out otherwise.
class Rule:
    scale: float = 2.0
    def step(
        self,
        x,
        *,
        size=0.1,
    ):
        text = (f'{x!r:>{10}} '
                f'and {size:.2f}')
        return (x - (size * self.scale), text, u'it\\'s', None)
def empty():
    """Other words."""
'''


def test_layout_comments_and_docstrings_do_not_count():
    assert canonical(ast.parse(BASE)) == canonical(ast.parse(SAME))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x - size", "x + size"),
        ("0.1", "0.10001"),
        ("2.0", "2"),
        ("float", "int"),
        ("!r", "!s"),
        (".2f", ".3f"),
        (", *, size", ", size"),
        ("None", "0"),
        ("None", "False"),
        ("it's", "its"),
        ("def step", "async def step"),
        ("class Rule", "class Role"),
    ],
)
def test_what_the_code_does_counts(old: str, new: str):
    assert old in BASE
    assert canonical(ast.parse(BASE)) != canonical(ast.parse(BASE.replace(old, new)))


@settings(deadline=None)
@given(st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.none(), st.booleans()))
def test_constants_are_told_apart_as_python_tells_them(value: Any):
    tree = ast.Expression(ast.Constant(value))
    assert ascii(value) in canonical(tree) or value is None
    assert canonical(tree) != canonical(ast.Expression(ast.Constant("other value")))


def test_the_canonical_form_by_hand():
    # Written down, so that a change of the form, which makes every record stale, is seen.
    assert canonical(ast.parse("def f(a, *, b=None):\n    'Words.'\n    return a[0]")) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a')],"
        "kwonlyargs=[arg(arg='b')],kw_defaults=[Constant()]),"
        "body=[Return(value=Subscript(value=Name(id='a',ctx=Load()),"
        "slice=Constant(value=0),ctx=Load()))])])"
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_supported_python_finds_the_same_hash(version: str, lab: Path):
    found = sorted(PYENV.glob(f"{version}.*/bin/python"))
    if not found:
        pytest.skip(f"Python {version} is not installed under ~/.pyenv")
    write(lab, start=BASE + "\nfrom lab.late import g\n")
    script = (
        "import ast, hashlib, importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('codehash', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.code_hash('lab.start'))\n"
        "for file in sys.argv[2:]:\n"
        "    said = module.canonical(ast.parse(pathlib.Path(file).read_bytes()))\n"
        "    print(hashlib.sha256(said.encode()).hexdigest())\n"
    )
    # Whatever syntax the package uses is tried.
    files = sorted((ROOT / "nagcore").rglob("*.py"))
    done = subprocess.run(
        [found[0], "-c", script, codehash.__file__, *files],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{lab}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    here = [canonical(ast.parse(file.read_bytes())) for file in files]
    hashes = [hashlib.sha256(said.encode()).hexdigest() for said in here]
    assert done.stdout.split() == [code_hash("lab.start"), *hashes]


@pytest.mark.parametrize("module", ["lab.nothing", "nowhere", "nagcore.nothing"])
def test_a_module_without_source_is_refused(lab: Path, module: str):
    with pytest.raises(UsageError, match=f"module '{module}' has no source file"):
        code_hash(module)


def test_what_is_typed_into_a_notebook_has_no_identity(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(UsageError, match="'__main__' has no source file"):
        code_hash("__main__")


def test_source_that_is_not_python_is_refused(lab: Path):
    write(lab, late="def g(:\n")
    with pytest.raises(UsageError, match=r"late\.py cannot be read as Python"):
        code_hash("lab.start")
