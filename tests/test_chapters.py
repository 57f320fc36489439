"""Chapters run with other parameters: stub chapters in a folder of their own, executed for real."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from nagcore.chapters import (
    ChapterError,
    Parameter,
    convert_value,
    describe_parameters,
    find_chapter,
    list_chapters,
    parse_parameter,
    run_chapter,
)
from nagcore.errors import UsageError

PARAMETERS = """epochs: int = 20  # passes over the data
rate: float = 0.5  # step size
device: str = "cpu"  # where to compute
plot: bool = True  # draw the figure
seeds: list[int] = [0, 1]  # one run each"""


def write_chapter(root: Path, name: str, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = root / "chapters" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text("root: intro\n")
    write_chapter(
        tmp_path,
        "03-nesterov",
        "import pathlib\nprint(epochs, rate, device, plot, seeds, pathlib.Path.cwd().name)",
    )
    write_chapter(tmp_path, "07-cnn-repaired", "print('before')", "1 / 0", "print('after')")
    return tmp_path


def printed(notebook: Path) -> str:
    outputs = [o for c in json.loads(notebook.read_text())["cells"] for o in c.get("outputs", [])]
    return "".join("".join(output.get("text", [])) for output in outputs)


def test_values_reach_the_chapter_with_their_types(root: Path) -> None:
    given = {"epochs": "3", "rate": "1", "device": "cuda", "plot": "no", "seeds": "4,5"}
    before = {path: path.read_bytes() for path in list_chapters(root)}
    output = run_chapter("3", given, root=root, progress=False)
    assert printed(output) == "3 1.0 cuda False [4, 5] chapters\n"
    assert output.parent == root / "_runs"
    assert {path: path.read_bytes() for path in list_chapters(root)} == before
    assert tempfile.gettempdir() not in output.read_text()


def test_each_choice_of_parameters_has_its_own_file(root: Path) -> None:
    outputs = {run_chapter("03", {"epochs": n}, root=root, progress=False) for n in ("1", "2", "1")}
    assert sorted(printed(output).split()[0] for output in outputs) == ["1", "2"]


def test_a_failing_cell_is_named_and_the_notebook_kept(root: Path) -> None:
    with pytest.raises(ChapterError, match=r"cell 3: ZeroDivisionError: division by zero") as info:
        run_chapter("07", {}, root=root, progress=False)
    (kept,) = (root / "_runs").iterdir()
    assert str(kept) in str(info.value)
    assert printed(kept) == "before\n"


def test_plain_papermill_runs_a_chapter_too(root: Path) -> None:
    command = [sys.executable, "-m", "papermill", "chapters/03-nesterov.ipynb", "out.ipynb"]
    command += ["-p", "epochs", "1", "-p", "device", "mps", "--no-progress-bar"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    assert printed(root / "out.ipynb").startswith("1 0.5 mps True [0, 1]")


@pytest.mark.parametrize(
    "name",
    ["7", "07", "07-cnn-repaired", "07-cnn-repaired.ipynb", "chapters/07-cnn-repaired.ipynb"],
)
def test_a_chapter_is_found_by_number_name_or_path(root: Path, name: str) -> None:
    assert find_chapter(name, root).stem == "07-cnn-repaired"


def test_an_unknown_chapter_lists_the_others_closest_first(root: Path) -> None:
    with pytest.raises(UsageError, match=r"'cnn'.*07-cnn-repaired, 03-nesterov"):
        find_chapter("cnn", root)


def test_an_unknown_parameter_lists_the_others_closest_first(root: Path) -> None:
    with pytest.raises(UsageError, match=r"03-nesterov has no parameter 'seed'.*one of: seeds, "):
        run_chapter("03", {"seed": "1"}, root=root, progress=False)
    assert not (root / "_runs").exists()


def test_parameters_are_described_in_their_order(root: Path) -> None:
    described = describe_parameters(find_chapter("03", root))
    assert [p.name for p in described] == ["epochs", "rate", "device", "plot", "seeds"]
    assert described[0] == Parameter("epochs", "int", "20", "passes over the data")
    assert described[-1].type == "list[int]"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1.5"),
        ("int", ""),
        ("float", "fast"),
        ("bool", "maybe"),
        ("list[int]", "1,x"),
        ("list[int]", "[1"),
        ("list[float]", "[]]"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(kind: str, value: str) -> None:
    with pytest.raises(UsageError) as info:
        convert_value(Parameter("epochs", kind, "20", ""), value)
    assert all(part in str(info.value) for part in ("'epochs'", repr(value), kind, "epochs=20"))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("bool", "False", False),
        ("list", "a, b", ["a", "b"]),
        ("list[str]", "['a', 'b']", ["a", "b"]),
        ("list[float]", "[1, 2.5]", [1.0, 2.5]),
        ("float", "1e-3", 0.001),
        ("str", "", ""),
    ],
)
def test_a_value_is_converted(kind: str, value: str, expected: object) -> None:
    converted = convert_value(Parameter("x", kind, "", ""), value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_a_parameter_without_a_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="name=value"):
        parse_parameter(text)


@pytest.mark.parametrize(
    "output", ["chapters/03-nesterov.ipynb", "chapters/new.ipynb", "README.md"]
)
def test_committed_files_are_not_written_over(root: Path, output: str) -> None:
    with pytest.raises(UsageError, match=r"outside chapters/"):
        run_chapter("03", {}, root=root, output=root / output, progress=False)


def test_a_file_that_is_no_notebook_is_refused(root: Path) -> None:
    (root / "chapters" / "08-broken.ipynb").write_text("{")
    with pytest.raises(UsageError, match="cannot read the chapter"):
        run_chapter("08", {}, root=root, progress=False)
