"""Catalogs: what a translation must keep, how they follow the pages, and that ours are whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nagcore.book import translation
from nagcore.book.languages import (
    CATALOGS,
    CHINESE,
    ENGLISH,
    find_language,
    site_folder,
    write_config,
)
from nagcore.book.messages import (
    compare,
    find_missing_terms,
    has_words,
    needs_translation,
    read_terms,
)
from nagcore.errors import UsageError

SOURCE = "The gap is {glue:text}`gap:.2f` ({numref}`fig:a`), $x_k$ of `step()` [there](a.md)."
SOUND = "间隙为 {glue:text}`gap:.2f`（{numref}`fig:a`），`step()` 的 $x_k$，见[那里](a.md)。"


def test_a_sound_translation_has_no_complaint() -> None:
    assert compare(SOURCE, SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("gap:.2f", "gap:.1f", "role {glue:text}`gap:.2f` is missing"),
        ("{numref}`fig:a`", "图", "role {numref}`fig:a` is missing"),
        ("$x_k$", "$x_j$", "formula $x_k$ is missing"),
        ("`step()`", "`步()`", "code `step()` is missing"),
        ("(a.md)", "(b.md)", "link (a.md) is missing"),
    ],
)
def test_what_a_translation_lost_is_named(old: str, new: str, complaint: str) -> None:
    assert complaint in compare(SOURCE, SOUND.replace(old, new))


def test_a_reference_said_twice_is_one_too_many() -> None:
    assert compare(SOURCE, f"{SOUND}{{numref}}`fig:a`") == [
        "role {numref}`fig:a` is not in the source"
    ]


def test_formulas_may_be_repeated_and_their_words_translated() -> None:
    source = r"$a \text{ and } b$"
    assert compare(source, r"$a \text{ 且 } b$，即 $a \text{ 且 } b$") == []


def test_the_shown_text_of_a_reference_is_free_and_its_target_is_not() -> None:
    assert compare("{term}`step size`", "{term}`步长 <step size>`") == []
    assert compare("{term}`step size`", "{term}`步长`") != []


def test_places_for_numerals_are_kept() -> None:
    assert compare("{0} of {1}", "{1} 中的 {0}") == []
    assert compare("{0} of {1}", "{1} 中") == ["place {0} is missing"]


@pytest.mark.parametrize("text", ["`nagcore.core`", "$x$", "{glue:text}`a`, {ref}`b`", "1 × 2"])
def test_what_has_no_words_needs_no_translation(text: str) -> None:
    assert not has_words(text)


@pytest.mark.parametrize("text", ["{ref}`a`, {ref}`b`", "{glue:text}`a` ({numref}`b`)"])
def test_marks_between_references_are_translated(text: str) -> None:
    assert needs_translation(text)
    assert not has_words(text)


def test_numerals_in_formulas_need_no_translation() -> None:
    assert not needs_translation("$x_k$, `a` (1)")


def test_a_longer_term_hides_the_shorter_ones_inside_it(tmp_path: Path) -> None:
    table = tmp_path / "terms.csv"
    table.write_text(
        "english,chinese,use,note\nrate,速率,checked,\nlearning rate,学习率,checked,\n"
        "record,记录,advice,\n",
        encoding="utf-8",
    )
    terms = read_terms(table)
    assert find_missing_terms("The learning rates on record.", "学习率。", terms) == []
    assert find_missing_terms("The rate.", "学习率。", terms) == ["rate: expected 速率"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A checkout whose only page has two messages."""
    say(tmp_path, {"intro": ["A first step size.", "A second.", "`code`"]})
    return tmp_path


def say(root: Path, messages: dict[str, list[str]]) -> None:
    (root / "_build").mkdir(exist_ok=True)
    (root / "_build" / "messages.json").write_text(json.dumps(messages), encoding="utf-8")


def merge(root: Path) -> list[translation.Merge]:
    return translation.merge(root, translation.read_templates(root))


def fill(root: Path, source: str, text: str) -> None:
    path = translation.catalogs_folder(root) / "intro.po"
    catalog = translation.read_catalog(path)
    catalog[source].string = text
    translation.write_catalog(path, catalog)


def test_new_messages_are_untranslated(book: Path) -> None:
    assert merge(book) == [translation.Merge("intro", untranslated=2, fuzzy=0, dropped=0)]
    assert len(translation.find_untranslated(book)) == 2


def test_a_changed_message_keeps_its_former_translation_as_fuzzy(book: Path) -> None:
    merge(book)
    fill(book, "A first step size.", "第一个步长。")
    say(book, {"intro": ["A first step size!", "A second."]})
    assert merge(book) == [translation.Merge("intro", untranslated=1, fuzzy=1, dropped=1)]
    assert "intro: changed: 'A first step size!'" in translation.find_untranslated(book)


def test_translations_survive_a_merge_and_writing_again_changes_nothing(book: Path) -> None:
    merge(book)
    fill(book, "A second.", "第二个。")
    path = translation.catalogs_folder(book) / "intro.po"
    merge(book)
    first = path.read_bytes()
    merge(book)
    assert path.read_bytes() == first
    assert "第二个。".encode() in first


def test_what_a_changed_message_said_before_survives_any_number_of_merges(book: Path) -> None:
    long = " ".join(["A step size and", *["more words that Babel wraps"] * 5])
    say(book, {"intro": [f"{long}."]})
    merge(book)
    fill(book, f"{long}.", "第一个步长。")
    say(book, {"intro": [f"{long}!"]})
    path = translation.catalogs_folder(book) / "intro.po"
    merge(book)
    first = path.read_bytes()
    merge(book)
    assert path.read_bytes() == first
    (message,) = [each for each in translation.read_catalog(path) if each.id]
    assert message.previous_id == [f"{long}."]


def test_a_translated_message_forgets_what_it_said_before(book: Path) -> None:
    merge(book)
    fill(book, "A first step size.", "第一个步长。")
    say(book, {"intro": ["A first step size!"]})
    merge(book)
    path = translation.catalogs_folder(book) / "intro.po"
    path.write_text(path.read_text(encoding="utf-8").replace("#, fuzzy\n", ""), encoding="utf-8")
    merge(book)
    assert "#" not in path.read_text(encoding="utf-8")


def test_merging_our_own_catalogs_again_changes_nothing(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / CATALOGS, tmp_path / CATALOGS)
    folder = translation.catalogs_folder(tmp_path)
    catalogs = {page: folder / f"{page}.po" for page in translation.list_pages(folder)}
    before = {page: path.read_bytes() for page, path in catalogs.items()}
    translation.merge(tmp_path, {p: translation.read_catalog(f) for p, f in catalogs.items()})
    assert [page for page, path in catalogs.items() if path.read_bytes() != before[page]] == []


def test_what_is_the_same_in_both_languages_is_held_to_no_term(book: Path) -> None:
    say(book, {"intro": ["A step size.", "step size>=0.1"]})
    table = book / CATALOGS / "zh_CN" / "terms.csv"
    merge(book)
    table.write_text("english,chinese,use,note\nstep size,步长,checked,\n", encoding="utf-8")
    fill(book, "step size>=0.1", "step size>=0.1")
    fill(book, "A step size.", "一步。")
    assert translation.find_unsound(book) == ["intro: step size: expected 步长: 'A step size.'"]


def test_what_pages_no_longer_say_is_found_and_dropped(book: Path) -> None:
    merge(book)
    say(book, {"other": ["A third."]})
    templates = translation.read_templates(book)
    assert "intro: no longer said 'A second.'" in translation.find_changed(book, templates)
    assert "other: no message 'A third.'" in translation.find_changed(book, templates)
    merge(book)
    assert translation.find_changed(book, templates) == []


def test_without_a_build_there_is_nothing_to_translate(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nagcore book"):
        translation.read_templates(tmp_path)


def test_an_unknown_language_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="en or zh"):
        find_language("fr")


def test_the_settings_of_an_edition_come_from_the_common_ones(tmp_path: Path) -> None:
    import yaml

    common = "title: Book\nhtml: {baseurl: https://a.org/}\nsphinx: {local_extensions: {e: x}}\n"
    (tmp_path / "_config.yml").write_text(common, encoding="utf-8")
    english, chinese = (
        yaml.safe_load(write_config(tmp_path, language).read_text(encoding="utf-8"))
        for language in (ENGLISH, CHINESE)
    )
    assert english["html"]["baseurl"] == "https://a.org/"
    assert chinese["html"]["baseurl"] == "https://a.org/zh/"
    assert chinese["sphinx"]["config"]["language"] == "zh_CN"
    assert chinese["sphinx"]["local_extensions"] == {"e": str(tmp_path / "x")}
    assert chinese["execute"]["cache"] == english["execute"]["cache"]


def test_no_message_is_untranslated_or_out_of_date(root: Path) -> None:
    assert translation.list_pages(translation.catalogs_folder(root))
    assert translation.find_untranslated(root) == []


def test_every_translation_keeps_its_references_and_the_agreed_terms(root: Path) -> None:
    assert translation.find_unsound(root) == []


@pytest.mark.browser
def test_the_catalogs_are_those_of_the_built_pages(root: Path) -> None:
    assert translation.find_changed(root, translation.read_templates(root)) == []


@pytest.mark.browser
def test_every_page_is_in_both_editions_with_the_same_places(root: Path) -> None:
    import re

    english, chinese = site_folder(root), site_folder(root, CHINESE)
    counted = re.compile(r"id\d+")
    places = re.compile(r'<(?:section|figure|div|span|dt)\b[^>]* id="([^"]+)"')
    pages = [path for path in english.rglob("*.html") if chinese not in path.parents]
    for page in pages:
        other = chinese / page.relative_to(english)
        ours, theirs = (set(places.findall(p.read_text(encoding="utf-8"))) for p in (page, other))
        # Sphinx counts citations, and a translation may name them in another order.
        assert {place for place in ours ^ theirs if not counted.fullmatch(place)} == set(), (
            page.name
        )
