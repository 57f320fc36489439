"""The form of every chapter: thin, stripped, with one cell of parameters and labels of its own."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from nagcore.chapters import list_chapters

ROOT = Path(__file__).resolve().parents[1]
PARAMETER = re.compile(r"\w+: (int|float|str|bool|list\[(int|float|str)\]) = \S.*  # \S")
MAX_LINES = 20
LABELS = (
    re.compile(r"^\(([\w:.-]+)\)=\s*$", re.MULTILINE),
    re.compile(r"^:(?:label|name): *(\S+)\s*$", re.MULTILINE),
    re.compile(r"^.*\$\$ *\(([\w:.-]+)\)\s*$", re.MULTILINE),
)


def faults(notebook: NotebookNode) -> Iterator[str]:
    """Yield what is wrong with a chapter, each with the number of its cell."""
    codes = [(i, cell) for i, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    tagged = [cell for _, cell in codes if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        yield f"{len(tagged)} cells tagged parameters, expected one"
    for cell in tagged:
        yield from parameter_faults(cell.source)
    for number, cell in codes:
        yield from (f"cell {number}: {fault}" for fault in cell_faults(cell))


def parameter_faults(source: str) -> Iterator[str]:
    for line in source.splitlines():
        if not PARAMETER.match(line):
            yield f"parameter {line!r}, expected name: type = literal  # meaning"
            continue
        value = ast.parse(line).body[0].value  # type: ignore[attr-defined]
        try:
            ast.literal_eval(value)
        except ValueError:
            yield f"parameter {line!r} is not a literal"


def cell_faults(cell: NotebookNode) -> Iterator[str]:
    tags = set(cell.metadata.get("tags", []))
    if cell.outputs or cell.execution_count is not None:
        yield "holds outputs; strip it: nbstripout"
    if len(cell.source.splitlines()) > MAX_LINES:
        yield f"longer than {MAX_LINES} lines"
    # papermill counts an error left in the output as a failed run, whatever the tag says.
    if "raises-exception" in tags:
        yield "tagged raises-exception; catch the error and print it"
    code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
    if any(line.startswith("!") for line in code.splitlines()):
        yield "runs a shell command"
        return
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    # A reader's exercise may ask for a function; the report's own live in the package.
    if not tags & {"exercise", "solution"}:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, definitions):
                yield f"defines {node.name}"
    figure = cell.metadata.get("mystnb", {}).get("figure")
    if figure is not None:
        image = cell.metadata["mystnb"].get("image", {})
        if not (figure.get("name") and figure.get("caption") and image.get("alt")):
            yield "a figure without name, caption or alternative text"


def read(path: Path) -> NotebookNode:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # for instance a cell without an id
        return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def labels(path: Path) -> list[str]:
    if path.suffix == ".md":
        texts, names = [path.read_text(encoding="utf-8")], []
    else:
        cells = read(path).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in cells]
        names = [figure["name"] for figure in figures if "name" in figure]
    return names + [label for text in texts for form in LABELS for label in form.findall(text)]


@pytest.mark.parametrize("path", list_chapters(ROOT), ids=lambda path: path.stem)
def test_a_chapter_has_the_agreed_form(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert list(faults(notebook)) == []
    assert notebook.metadata.kernelspec.name == "python3"


def test_there_are_chapters() -> None:
    assert len(list_chapters(ROOT)) >= 3


def test_labels_are_unique_in_the_whole_book() -> None:
    pages = [*list_chapters(ROOT), *ROOT.glob("*.md"), *(ROOT / "book").rglob("*.md")]
    counts = Counter(label for page in pages for label in labels(page))
    assert len(counts) > 10
    assert [label for label, count in counts.items() if count > 1] == []


def chapter(source: str = "1", parameters: str = "n: int = 1  # how many", **cell) -> NotebookNode:
    tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    return nbformat.v4.new_notebook(cells=[tagged, nbformat.v4.new_code_cell(source, **cell)])


def test_a_good_chapter_has_no_fault() -> None:
    text = 'rates: list[float] = [0.1]  # step sizes\ndevice: str = "cpu"  # "cpu" or "cuda"'
    assert list(faults(chapter("%config x = 1\nprint(n)", text))) == []


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (chapter("def f(): pass"), "cell 2: defines f"),
        (chapter("if True:\n    class A: pass"), "cell 2: defines A"),
        (chapter("1\n" * 21), "cell 2: longer than 20 lines"),
        (chapter("!ls"), "cell 2: runs a shell command"),
        (chapter(execution_count=1), "cell 2: holds outputs"),
        (chapter(metadata={"tags": ["raises-exception"]}), "cell 2: tagged raises-exception"),
        (chapter(metadata={"tags": ["parameters"]}), "2 cells tagged parameters"),
        (chapter(metadata={"mystnb": {"figure": {"name": "fig:a"}}}), "cell 2: a figure without"),
        (chapter(parameters="n = 1  # how many"), "parameter 'n = 1"),
        (chapter(parameters="n: int = 1"), "parameter 'n: int = 1'"),
        (chapter(parameters="n: int = f(1)  # how many"), "is not a literal"),
    ],
)
def test_a_fault_is_found(bad: NotebookNode, fault: str) -> None:
    assert any(fault in found for found in faults(bad))


def test_labels_are_found_in_every_form(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("(ch:a)=\n# A\n\n$$ x $$ (eq:a)\n\n```{prf:theorem}\n:label: thm:a\n```\n")
    notebook = tmp_path / "a.ipynb"
    nbformat.write(chapter(metadata={"mystnb": {"figure": {"name": "fig:a"}}}), notebook)
    assert sorted(labels(page) + labels(notebook)) == ["ch:a", "eq:a", "fig:a", "thm:a"]
