"""What must hold for every file of the repository, and for the package that is built from it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import yaml

import nagcore

ROOT = Path(__file__).resolve().parents[1]
BIBKEY = re.compile(r"\[([a-z]+\d{4}[a-z]*)\]")
# They work on one machine or behind one mirror only.
FORBIDDEN = {
    "path of one machine": re.compile(r"(?<![\w.])/(?:work|farm|root)/"),
    "host of a package registry": re.compile(
        r"pypi\.(?:python\.)?org|pythonhosted\.org|npmjs\.(?:org|com)|(?:deb|ftp)\.debian\.org"
        r"|https?://\S+\.whl"
    ),
}


def repository_files() -> list[Path]:
    """Return what is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip(f"not a git checkout: {answer.stderr.strip()}")
    return [path for name in answer.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def places(pattern: re.Pattern[str], text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def docstrings() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "nagcore").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds_what_works_on_one_machine_only(kind: str) -> None:
    found = []
    for path in repository_files():
        try:
            lines = places(FORBIDDEN[kind], path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # a picture, a font or an archive
            continue
        found += [f"{path.relative_to(ROOT)}:{line}" for line in lines]
    assert not found, f"{kind} in {', '.join(found)}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("path of one machine", "see " + "/work" + "/main"),
        ("host of a package registry", "https://files.python" + "hosted.org/x"),
        ("host of a package registry", "https://example.com/torch" + ".whl"),
    ],
)
def test_such_a_text_would_be_found(kind: str, text: str) -> None:
    assert places(FORBIDDEN[kind], f"first line\n{text}\n") == [2]


def test_every_source_is_in_the_bibliography() -> None:
    bibliography = (ROOT / "references.bib").read_text(encoding="utf-8")
    known = set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, re.MULTILINE))
    cited = {place: set(BIBKEY.findall(text)) for place, text in docstrings()}
    assert sum(map(len, cited.values())) > 10
    unknown = {place: keys - known for place, keys in cited.items() if keys - known}
    assert not unknown


def test_every_source_line_names_an_entry() -> None:
    found = [
        (place, line)
        for place, text in docstrings()
        for line in text.splitlines()
        if line.strip().startswith("Source:")
    ]
    assert len(found) > 10
    assert [place for place, line in found if not BIBKEY.search(line)] == []


def test_every_source_file_is_short_enough_to_hold_one_idea() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("nagcore", "book", "tests")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_the_rooms_import_only_those_below_them() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout


def test_the_wheel_holds_the_package_its_data_and_the_licences(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob(f"nagcore-{nagcore.__version__}-*.whl")
    archive = zipfile.ZipFile(wheel)
    names = set(archive.namelist())
    metadata = archive.read(f"nagcore-{nagcore.__version__}.dist-info/METADATA").decode()
    assert "Description-Content-Type: text/markdown" in metadata
    assert (ROOT / "README.md").read_text(encoding="utf-8") in metadata
    shipped = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "nagcore").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped <= names
    assert len([name for name in names if name.endswith("-ubyte.gz")]) == 4
    assert {name.rsplit("/", 1)[-1] for name in names if "/licenses/" in name} == {
        "LICENSE",
        "LICENSE-fashion-mnist.txt",
    }
    assert {name.split("/")[0] for name in names} == {
        "nagcore",
        f"nagcore-{nagcore.__version__}.dist-info",
    }


def test_the_changelog_has_room_for_the_next_change() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[?([^\]\s]+)\]?", changelog, re.MULTILINE)
    assert sections[0] == "Unreleased"


def test_the_citation_is_complete_and_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == nagcore.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]


def test_zenodo_says_what_the_citation_says() -> None:
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert zenodo["title"] == citation["title"]
    assert [person["name"] for person in zenodo["creators"]] == [
        person["name"] for person in citation["authors"]
    ]
    assert zenodo["license"] == citation["license"]
    assert zenodo["keywords"] == citation["keywords"]
    addresses = {link["identifier"] for link in zenodo["related_identifiers"]}
    assert citation["repository-code"] in addresses


def test_the_lock_pins_every_dependency_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[\[<>=~! ;]", line.lower(), maxsplit=1)[0] for line in wanted}
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    pinned = {entry.split("==")[0].strip(): entry for entry in entries if "==" in entry}
    assert names - {project["name"]} <= set(pinned)
    assert [name for name, entry in pinned.items() if "--hash=sha256:" not in entry] == []


def test_make_alone_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    assert {"book", "test", "gpu", "lint", "serve"} <= set(targets)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    answer = subprocess.run(
        ["make"], cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    )
    assert re.findall(r"^  make (\w+) +\S", answer.stdout, re.MULTILINE) == targets


def workflow_steps() -> dict[str, list[dict[str, str]]]:
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    jobs = {f.stem: yaml.safe_load(f.read_text(encoding="utf-8"))["jobs"].values() for f in files}
    return {name: [s for job in each for s in job["steps"]] for name, each in jobs.items()}


def test_workflows_run_the_same_commands_as_anybody() -> None:
    commands = {
        name: [s["run"] for s in steps if "run" in s] for name, steps in workflow_steps().items()
    }
    assert commands["ci"][0] == ".ci/run"
    assert ".ci/run 2>&1 | tee run.log" in "".join(commands["weekly"])
    assert "make book ARGS=--pdf" in commands["pages"]
    # What they install and do beyond that are this repository's own scripts and commands.
    words = [line.split()[0] for each in commands.values() for run in each for line in own(run)]
    assert set(words) <= {".ci/run", "make", "tools/debian.sh", ".venv/bin/nagcore"}


def own(run: str) -> list[str]:
    """Return the commands of a step that are neither the shell's, nor git's, nor GitHub's."""
    shell = ("set ", "cd ", "cat ", "git ", "gh ", "{ ", "open=", "if ", "else ", "fi")
    return [line for line in run.splitlines() if line and not line.startswith(shell)]


def test_workflows_pin_actions_by_major_version() -> None:
    actions = [s["uses"] for steps in workflow_steps().values() for s in steps if "uses" in s]
    assert actions
    assert [action for action in actions if not re.fullmatch(r"actions/[\w-]+@v\d+", action)] == []


@pytest.mark.parametrize(
    "script", [".ci/run", "tools/bootstrap.sh", "tools/debian.sh", "tools/gpu.sh"]
)
def test_scripts_can_be_run(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    shell = "bash" if "bash" in path.read_text(encoding="utf-8").splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(path)], check=True)
