"""The bibliography labels a work as the text cites it."""

from __future__ import annotations

import pytest
from nagbook.bibliography import REFERENCES, STYLE, ByAuthor, install, label_work
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin
from sphinxcontrib.bibtex import plugin as references

from nagcore.root import find_root

WORKS = parse_file(find_root() / "references.bib").entries


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("polyak1964", "Polyak, 1964"),
        ("vanscoy2018", "Van Scoy et al., 2018"),
        ("goyal2017", "Goyal et al., 2017"),
        ("deepmind2020", "DeepMind et al., 2020"),
        ("mccandlish2018", "McCandlish et al., 2018"),
        ("chollet2015", "Chollet et al., 2015"),
        ("dolan2002", "Dolan and Moré, 2002"),
    ],
)
def test_a_work_is_labelled_as_it_is_cited(key: str, label: str) -> None:
    assert label_work(WORKS[key]) == label


def test_works_stand_in_the_order_of_the_letters_that_are_read() -> None:
    names = ["zou2005", "vanscoy2018", "bottou2018", "dahl2023", "bot2025", "daspremont2021"]
    style = ByAuthor()
    labels = list(style.format_labels(style.sort([WORKS[name] for name in names])))
    assert [label.split(",")[0].split(" et")[0] for label in labels] == [
        "Boţ", "Bottou", "d'Aspremont", "Dahl", "Van Scoy", "Zou and Hastie",
    ]  # fmt: skip


def test_letters_tell_works_of_a_year_apart() -> None:
    style = ByAuthor()
    same = [Entry("book", {"year": year}, WORKS["polyak1964"].persons) for year in ("1", "2", "1")]
    assert list(style.format_labels(same)) == ["Polyak, 1a", "Polyak, 2", "Polyak, 1b"]


def test_labels_of_all_works_are_different() -> None:
    labels = list(ByAuthor().format_labels(list(WORKS.values())))
    assert len(set(labels)) == len(labels) > 100


def test_the_style_is_known_by_its_name() -> None:
    install()
    assert find_plugin("pybtex.style.formatting", STYLE) is ByAuthor
    cited = references.find_plugin("sphinxcontrib.bibtex.style.referencing", REFERENCES)()
    named = cited.person.author_or_editor_or_title(full=False)
    said = named.format_data({"entry": WORKS["chollet2015"], "style": cited})
    assert str(said) == "Chollet et al."
