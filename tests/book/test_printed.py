"""Pages for the printer: no files, no reference, chapters numbered as on the site."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook import edition, printed
from sphinx.addnodes import toctree
from sphinx_proof.nodes import proof_node, theorem_node

from nagcore.book.languages import CHINESE, ENGLISH
from nagcore.book.printing import TOO_WIDE, find_print, find_print_faults, print_folder


def page() -> nodes.document:
    document = new_document("page")
    section = nodes.section()
    line = nodes.paragraph("", "data (CSV)", classes=["figure-files"])
    figure = nodes.figure("", nodes.legend("", line), nodes.legend("", nodes.paragraph("", "kept")))
    tree = toctree(entries=[(None, "book/api"), (None, "book/glossary")])
    tree["includefiles"] = ["book/api", "book/glossary"]
    proof = proof_node("", nodes.admonition("", nodes.paragraph("", "Proof. It is so.")))
    section += [figure, tree, proof, theorem_node("", realtype="theorem")]
    document += section
    return document


def app(name: str, form: str) -> Any:
    return SimpleNamespace(
        builder=SimpleNamespace(format=form),
        env=SimpleNamespace(docname=name, titles={name: nodes.title("", "Nesterov’s")}),
    )


def test_a_printed_chapter_is_adapted():
    document = page()
    printed.adapt(app("chapters/07-cnn-repaired", "latex"), document)
    counter = next(document.findall(nodes.raw))
    assert document[0] is counter
    assert r"\setcounter{chapter}{6}" in counter.astext()
    assert [legend.astext() for legend in document.findall(nodes.legend)] == ["kept"]
    tree = next(document.findall(toctree))
    assert (tree["entries"], tree["includefiles"]) == ([(None, "book/glossary")], ["book/glossary"])
    assert not list(document.findall(proof_node))
    assert "Proof. It is so." in document.astext()
    sections = list(document.findall(nodes.section))
    assert [section["names"] for section in sections] == [["nesterov’s"]]
    assert next(document.findall(theorem_node))["realtype"] == "Theorem"


def test_other_pages_have_no_number():
    document = page()
    printed.adapt(app("book/glossary", "latex"), document)
    assert next(document.findall(nodes.raw)).astext().strip() == r"\setcounter{secnumdepth}{-1}"


def test_a_page_of_the_site_is_left_alone():
    document = page()
    before = document.pformat()
    printed.adapt(app("chapters/07-cnn-repaired", "html"), document)
    assert document.pformat() == before


@pytest.mark.parametrize(("width", "found"), [(TOO_WIDE + 1, 1), (TOO_WIDE - 1, 0)])
def test_lines_are_too_wide_where_a_reader_would_see_it(width: float, found: int):
    log = f"Overfull \\hbox ({width}pt too wide) in paragraph at lines 1--2\n"
    assert len(find_print_faults(log)) == found


def test_an_error_of_latex_is_a_fault():
    assert find_print_faults("! Undefined control sequence.\nl.3 \\x\n")


def test_a_letter_without_a_font_is_a_fault():
    assert find_print_faults("x\nMissing character: There is no ₖ (U+2096) in font [F]\n")


def test_a_print_is_found_where_this_build_made_one(tmp_path: Path):
    assert find_print(tmp_path, CHINESE) is None
    path = print_folder(tmp_path) / "zh" / "nesterov-acceleration-zh.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%PDF")
    assert find_print(tmp_path, CHINESE) == path
    assert find_print(tmp_path, ENGLISH) is None


@pytest.mark.parametrize("made", [True, False])
def test_pages_link_to_the_print_only_where_there_is_one(tmp_path: Path, made: bool):
    if made:
        path = print_folder(tmp_path) / "en" / "nesterov-acceleration.pdf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"%PDF")
    config = SimpleNamespace(language="en", html_baseurl="https://a.org/")
    site: Any = SimpleNamespace(srcdir=tmp_path, config=config)
    context: dict[str, Any] = {"pathto": lambda name, _kind: f"../{name}"}
    edition.state_edition(site, "page", "", context, new_document("page"))
    foot = context["theme_extra_footer"]
    assert ('href="../nesterov-acceleration.pdf"' in foot) is made
    assert 'href="https://a.org/versions.html"' in foot
