"""Pages for the printer: no files, no reference, chapters numbered as on the site."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook import edition, printed
from sphinx.addnodes import number_reference, toctree
from sphinx_proof.nodes import proof_node, theorem_node

from nagcore.book.languages import CHINESE, ENGLISH
from nagcore.book.printing import TOO_HIGH, TOO_WIDE, find_print, find_print_faults, print_folder


def page() -> nodes.document:
    document = new_document("page")
    section = nodes.section()
    line = nodes.paragraph("", "data (CSV)", classes=["figure-files"])
    figure = nodes.figure("", nodes.legend("", line), nodes.legend("", nodes.paragraph("", "kept")))
    tree = toctree(entries=[(None, "book/api"), (None, "book/glossary")])
    tree["includefiles"] = ["book/api", "book/glossary"]
    proof = proof_node("", nodes.admonition("", nodes.paragraph("", "Proof. It is so.")))
    cite = nodes.admonition("", nodes.title("", "Cite this page"), classes=["chapter-cite"])
    section += [figure, cite, tree, proof, theorem_node("", realtype="theorem")]
    document += section
    return document


def app(name: str, form: str, language: str = "en") -> Any:
    return SimpleNamespace(
        config=SimpleNamespace(language=language, html_baseurl="https://a.org/", root_doc="intro"),
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
    assert "Cite this page" not in document.astext()
    assert "Proof. It is so." in document.astext()
    sections = list(document.findall(nodes.section))
    assert [section["names"] for section in sections] == [["nesterov’s"]]
    assert next(document.findall(theorem_node))["realtype"] == "Theorem"


def test_other_pages_have_no_number():
    document = page()
    printed.adapt(app("book/glossary", "latex"), document)
    assert next(document.findall(nodes.raw)).astext().strip() == r"\setcounter{secnumdepth}{-1}"


def test_the_first_page_does_not_go_on_under_the_title_of_the_contents():
    document = page()
    printed.adapt(app("intro", "latex"), document)
    assert [raw.astext().strip() for raw in document.findall(nodes.raw)][1:] == [r"\markboth{}{}"]


def test_a_page_of_the_site_is_left_alone():
    document = page()
    before = document.pformat()
    printed.adapt(app("chapters/07-cnn-repaired", "html"), document)
    assert document.pformat() == before


@pytest.mark.parametrize(("language", "said"), [("en", "on the site"), ("zh_CN", "网站上")])
def test_a_figure_to_play_with_says_where_it_moves(language: str, said: str):
    document = page()
    figures = [
        nodes.figure("", nodes.caption("", "Paths."), ids=[name])
        for name in ("fig-play-a", "fig-b")
    ]
    document += figures
    printed.adapt(app("chapters/02-momentum", "latex", language), document)
    moving, still = figures
    (link,) = moving.findall(nodes.reference)
    assert link.astext() == said
    assert link["refuri"] == "https://a.org/chapters/02-momentum.html#fig-play-a"
    assert still.astext() == "Paths."


def test_the_bibliography_has_one_heading_and_the_works_of_chapters():
    title = nodes.title("", "Bibliography")
    lists = [
        nodes.section("", nodes.title("", f"Works {place}"), nodes.paragraph("", f"list {place}"))
        for place in ("in chapters", "in code")
    ]
    document = new_document("page")
    document += nodes.section("", title, *lists)
    printed.adapt(app("book/bibliography", "latex"), document)
    assert [title.astext() for title in document.findall(nodes.title)] == ["Bibliography"]
    assert "list in chapters" in document.astext()
    assert "list in code" not in document.astext()
    assert r"\RenewDocumentCommand{\chapter}{s o m}{}" in printed.PREAMBLE


def test_titles_leave_the_height_of_pages_alone():
    # What titlesec does otherwise; a page that comes out too high is a fault of its own, see below.
    assert r"\renewcommand{\bottomtitlespace}{-1pt}" in printed.PREAMBLE
    assert r"\preto\section{\keepspace{" in printed.PREAMBLE
    # The one without the capital leaves half a page empty before a table that does not fit; it is
    # for boxes alone, whose names the other one leaves at the foot.
    assert r"\BeforeBeginEnvironment{sphinxadmonition}{\needspace{" in printed.PREAMBLE
    assert printed.PREAMBLE.count(r"\needspace{") == 1


def test_a_reference_reaches_the_exercise_of_another_chapter():
    document = page()
    document.settings.env = SimpleNamespace(sphinx_exercise_registry={"ex:bend": {}})
    there = number_reference("", "", refuri="%chapters/05-restart#ex:bend")
    figure = number_reference("", "", refuri="%chapters/05-restart#fig:waves")
    document += [there, figure]
    printed.PointToExercises(document).run()
    assert there["refid"] == "ex:bend"
    assert "refid" not in figure


def test_an_apostrophe_is_as_narrow_in_chinese_as_in_english():
    config: Any = SimpleNamespace(language="zh_CN", latex_elements={})
    printed.choose_fonts(app("intro", "latex"), config)
    assert r'\xeCJKDeclareCharClass{Default}{"2019}' in config.latex_elements["preamble"]


@pytest.mark.parametrize(("form", "style"), [("latex", printed.CODE_STYLE), ("html", "sphinx")])
def test_code_is_dark_on_paper_alone(form: str, style: str):
    site = app("intro", form)
    site.config.pygments_style = "sphinx"
    printed.choose_code_style(site)
    assert site.config.pygments_style == style


@pytest.mark.parametrize(("width", "found"), [(TOO_WIDE + 1, 1), (TOO_WIDE - 1, 0)])
def test_lines_are_too_wide_where_a_reader_would_see_it(width: float, found: int):
    log = f"Overfull \\hbox ({width}pt too wide) in paragraph at lines 1--2\n"
    assert len(find_print_faults(log)) == found


@pytest.mark.parametrize(("height", "found"), [(TOO_HIGH + 1, 1), (TOO_HIGH - 1, 0)])
def test_a_page_is_too_high_where_it_touches_its_foot(height: float, found: int):
    log = f"Overfull \\vbox ({height}pt too high) has occurred while \\output is active []\n"
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
