"""Descriptions, navigation bar and chapter numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from nagbook import numbering, pages


def parse(text: str) -> nodes.document:
    return publish_doctree(text, settings_overrides={"report_level": 5})


def test_description_is_the_first_paragraph_without_formulas() -> None:
    text = "Title\n=====\n\nWith :math:`x`.\n\nWhat the *page*\nsays."
    assert pages.describe(parse(text)) == "What the page says."


def test_long_description_is_cut_at_a_word() -> None:
    described = pages.describe(parse("Title\n=====\n\n" + "word " * 100))
    assert len(described) <= pages.DESCRIPTION_LENGTH
    assert described.endswith("word…")


def test_description_is_escaped_and_added() -> None:
    context = {"metatags": "<meta>"}
    pages.add_description(None, "x", "x", context, parse('T\n=\n\nA "b" <c>'))  # type: ignore[arg-type]
    assert context["metatags"].startswith("<meta>")
    assert 'content="A &quot;b&quot; &lt;c&gt;"' in context["metatags"]


def test_page_without_text_gets_no_description() -> None:
    context: dict[str, str] = {}
    pages.add_description(None, "x", "x", context, parse("Title\n====="))  # type: ignore[arg-type]
    pages.add_description(None, "search", "x", context, None)  # type: ignore[arg-type]
    assert context == {}


def test_buttons_survive_the_removal_of_the_navbar() -> None:
    config = SimpleNamespace(html_theme_options={"launch_buttons": {"colab_url": "x"}})
    pages.drop_empty_navbar(None, config)  # type: ignore[arg-type]
    assert config.html_theme_options["launch_buttons"] == {"colab_url": "x"}
    assert config.html_theme_options["navbar_persistent"] == []


@pytest.mark.parametrize(
    ("name", "number"),
    [("chapters/07-cnn", 7), ("chapters/10-noise", 10), ("book/07-x", None), ("intro", None)],
)
def test_chapter_number(name: str, number: int | None) -> None:
    assert numbering.number_of(name) == number


def test_numbers_of_a_chapter_are_those_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "_count_chapters", lambda collector, env: ["rewritten"])
    reference = nodes.reference("", "", anchorname="#rule", secnumber=[2, 1])
    env = SimpleNamespace(
        toc_secnumbers={"chapters/03-nesterov": {"": (2,), "#rule": (2, 1)}, "intro": {"": (9,)}},
        tocs={"chapters/03-nesterov": nodes.bullet_list("", reference)},
        titles={"chapters/03-nesterov": nodes.title(secnumber=[2])},
    )
    assert numbering.assign_section_numbers(None, env) == ["rewritten"]  # type: ignore[arg-type]
    assert env.toc_secnumbers["chapters/03-nesterov"] == {"": (3,), "#rule": (3, 1)}
    assert env.toc_secnumbers["intro"] == {"": (9,)}
    assert reference["secnumber"] == [3, 1]
    assert env.titles["chapters/03-nesterov"]["secnumber"] == [3]


@pytest.mark.parametrize("up", ["", "../"])
def test_icon_script_is_dropped_and_the_others_kept(tmp_path: Path, up: str) -> None:
    scripts = tmp_path / "_static" / "scripts"
    scripts.mkdir(parents=True)
    for name in ("fontawesome.js", "fontawesome.js.map", "bootstrap.js", "bootstrap.js.map"):
        (scripts / name).write_text("")
    kept = f'<script defer src="{up}_static/scripts/bootstrap.js"></script>'
    icons = f'<script defer src="{up}_static/scripts/fontawesome.js?digest=55c2"></script>'
    (tmp_path / "page.html").write_text(f"<head>\n  {icons}\n  {kept}</head>")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    pages.drop_icon_script(app, None)  # type: ignore[arg-type]
    assert (tmp_path / "page.html").read_text() == f"<head>\n  {kept}</head>"
    assert [path.name for path in scripts.iterdir()] == ["bootstrap.js"]


def test_toggles_of_the_navigation_get_a_name(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"{pages.TOGGLE}></span></summary><summary>Other</summary>")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    pages.name_toggles(app, None)  # type: ignore[arg-type]
    assert page.read_text() == (
        '<summary aria-label="Pages of this part"><span class="toctree-toggle"></span></summary>'
        "<summary>Other</summary>"
    )
