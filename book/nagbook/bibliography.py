"""Works are labelled in the bibliography as they are cited in the text: author and year."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from string import ascii_lowercase
from types import SimpleNamespace
from typing import Any

from pybtex import plugin
from pybtex.database import Entry, Person
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import author_year_title
from pybtex.style.template import Node
from pybtex.style.template import node as template
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

STYLE = "by-author"
REFERENCES = "author_year"  # as the settings of the book name the style of references
_OTHERS = " and others"


@template
def shorten(children: list[Node], data: dict[str, Any], et_al: Text) -> Text:
    """Say "et al." after one name too, where BibTeX's "others" were taken for a second author."""
    named = children[0].format_data(data)
    return named[: -len(_OTHERS)] + et_al if str(named).endswith(_OTHERS) else named


class Persons(PersonStyle):
    """Persons as sphinxcontrib-bibtex names them in the text, but for "others"."""

    def names(self, role: str, full: bool) -> Node:
        """Return a template of the names in one role."""
        return shorten(et_al=self.other)[super().names(role, full)]

    def author_or_editor_or_title(self, full: bool) -> Node:
        """Return a template of the names by which a work is cited."""
        return shorten(et_al=self.other)[super().author_or_editor_or_title(full)]


PERSONS = Persons()


@dataclass
class References(AuthorYearReferenceStyle):
    """The usual references by author and year, with these names."""

    person: PersonStyle = field(default_factory=Persons)


def label_work(entry: Entry) -> str:
    """Return how a work is cited in the text.

    Example:
        >>> from pybtex.database import Person
        >>> people = [Person("Dolan, Elizabeth D."), Person("Moré, Jorge J.")]
        >>> label_work(Entry("article", {"year": "2002"}, {"author": people}))
        'Dolan and Moré, 2002'
    """
    persons, fields = entry.persons or {}, entry.fields or {}
    role = "author" if "author" in persons else "editor"
    data = {"entry": entry, "style": SimpleNamespace(person=PERSONS)}
    # A name with a blank has a tie there, by which a reader's search would not find it.
    people = str(PERSONS.names(role, full=False).format_data(data)).replace("\xa0", " ")
    return f"{people}, {fields['year']}"


class AuthorYearLabels(BaseLabelStyle):
    """Labels of author and year, with a letter where several works have the same."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Return the labels, in the order of the works."""
        labels = [label_work(entry) for entry in sorted_entries]
        shared = Counter(labels)
        seen: Counter[str] = Counter()
        for label in labels:
            letter = ascii_lowercase[seen[label]] if shared[label] > 1 else ""
            seen[label] += 1
            yield f"{label}{letter}"


class ByLetters(author_year_title.SortingStyle):
    """The usual order, by the letters of names as they are read."""

    def person_key(self, person: Person) -> str:
        """Return what a person is sorted by, without the braces and accents of the name.

        Example:
            >>> ByLetters().person_key(Person("{Van Scoy}, Bryan"))
            'van scoy  bryan  '
        """
        letters = unicodedata.normalize("NFKD", super().person_key(person))
        return "".join(c for c in letters if c not in "{}" and not unicodedata.combining(c))


class ByAuthor(Style):
    """The usual style of entries, sorted by author, with labels of author and year."""

    default_sorting_style = ByLetters
    default_label_style = AuthorYearLabels


def install() -> None:
    """Make the styles known by the names that the settings of the book give.

    pybtex's own labels are of initials: "GDollarG+17", which no text says.
    """
    plugin.register_plugin("pybtex.style.formatting", STYLE, ByAuthor)
    register_plugin("sphinxcontrib.bibtex.style.referencing", REFERENCES, References, force=True)
