"""Navigation bar, its arrows, and chapter numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from nagbook import numbering, pages
from nagbook.words import say


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


@pytest.mark.parametrize(("language", "word"), [("en", "The book"), ("zh_CN", "全书")])
def test_parts_of_the_page_get_a_name(tmp_path: Path, language: str, word: str) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"{pages.TOGGLE}></span></summary><summary>Other</summary>{pages.SIDEBAR}>")
    config = SimpleNamespace(language=language)
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"), config=config)
    pages.name_parts(app, None)  # type: ignore[arg-type]
    toggle = say(language, "toggle")
    assert page.read_text(encoding="utf-8") == (
        f'<summary aria-label="{toggle}"><span class="toctree-toggle"></span></summary>'
        f'<summary>Other</summary>{pages.SIDEBAR} role="region" aria-label="{word}">'
    )
