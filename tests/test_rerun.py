"""What a reader who executes a chapter with other parameters gets, and what stays untouched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nbformat
import pytest

from nagcore.chapters import run_chapter

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def tracked_state() -> str:
    """Return a hash of everything that a run must leave alone."""
    digest = hashlib.sha256()
    for folder in ("results", "chapters"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and ".ipynb_checkpoints" not in path.parts:
                digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def execute(chapter: str, folder: Path, **parameters: str) -> nbformat.NotebookNode:
    name = "-".join([chapter, *parameters.values()]) + ".ipynb"
    written = run_chapter(chapter, parameters, output=folder / name, progress=False)
    return nbformat.read(written, as_version=4)


def figure(notebook: nbformat.NotebookNode, name: str) -> str:
    """Return the picture that the cell of a figure shows."""
    (cell,) = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name
    ]
    (picture,) = [o["data"]["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    return picture


def glued(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return what the cells hand to the prose and the captions."""
    return {
        output.metadata["scrapbook"]["name"]: str(output["data"].get(form))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "scrapbook" in output.get("metadata", {})
        for form in ["application/papermill.record/text/plain"]
    }


def test_other_parameters_change_the_figure(tmp_path):
    short = execute("01", tmp_path, steps="5")
    shorter = execute("01", tmp_path, steps="4")
    again = execute("01", tmp_path, steps="05")
    assert figure(short, "fig:valley") != figure(shorter, "fig:valley")
    assert figure(short, "fig:valley") == figure(again, "fig:valley")
    assert figure(short, "fig:gd-kappa") == figure(shorter, "fig:gd-kappa")


def test_the_cnn_chapter_measures_afresh_and_leaves_the_records_alone(tmp_path):
    before = tracked_state()
    notebook = execute("07", tmp_path, epochs="1", seeds="1")
    assert tracked_state() == before
    values = glued(notebook)
    assert "Measured afresh in this run" in values["cnn_note"]
    assert "n = 1" in values["cnn_note"]
    assert "(n = 1, spread unknown)" in values["acc_nag"]
    assert "Measured afresh" not in values["tuning_note"]
