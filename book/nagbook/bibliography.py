"""Works are labelled in the bibliography as they are cited in the text: author and year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from string import ascii_lowercase
from types import SimpleNamespace

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinxcontrib.bibtex.style.referencing import PersonStyle

STYLE = "by-author"
PERSONS = PersonStyle()  # as sphinxcontrib-bibtex names them in the text


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


class ByAuthor(Style):
    """The usual style of entries, sorted by author, with labels of author and year."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


def install() -> None:
    """Make the style known by the name that the settings of the book give.

    pybtex's own labels are of initials: "GDollarG+17", which no text says.
    """
    register_plugin("pybtex.style.formatting", STYLE, ByAuthor)
