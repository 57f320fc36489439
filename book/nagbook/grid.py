"""The cells of a table that a cell shows as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag

# The last two lines of a head, of which the second names the row labels and nothing else.
NAMES = re.compile(
    r"(?P<begun><tr[^>]*>\s*)(?P<corner>(?:<th></th>\s*)+)(?P<rest>(?:(?!</tr>).)*</tr>)\s*"
    r"<tr>\s*(?P<names>(?:<th>[^<]*</th>\s*?)+?)\s*(?:<th></th>\s*)+</tr>(?=\s*</thead>)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Grid:
    """The cells of a table as text, each with the number of columns that it covers."""

    head: list[list[tuple[str, int]]]
    body: list[list[tuple[str, int]]]
    stubs: int

    @property
    def columns(self) -> int:
        """The number of columns."""
        return max(sum(span for _text, span in row) for row in (*self.head, *self.body))


def read_grid(html: str) -> Grid:
    """Return the cells of the first table.

    A cell that covers several rows stands in the first.

    Example:
        >>> read_grid("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")
        Grid(head=[[('a', 1)]], body=[[('1', 1)]], stubs=0)
    """
    rows = BeautifulSoup(join_names(html), "html.parser").select("table tr")
    heads = [row for row in rows if row.find("td") is None]
    body = [row for row in rows if row.find("td") is not None]
    stubs = max((len(row.find_all("th")) for row in body), default=0)
    return Grid(_fill(heads), _fill(body), stubs)


def _fill(rows: Sequence[Tag]) -> list[list[tuple[str, int]]]:
    grid: list[list[tuple[str, int]]] = []
    covered: dict[int, int] = {}  # column to rows that a cell above still covers
    for row in rows:
        line: list[tuple[str, int]] = []
        place = 0
        for cell in row.find_all(["th", "td"]):
            place = _skip(covered, place, line)
            span = int(str(cell.get("colspan", "1")))
            line.append((" ".join(cell.get_text().split()), span))
            covered[place] = int(str(cell.get("rowspan", "1"))) - 1
            place += span
        _skip(covered, place, line)
        grid.append(line)
    return grid


def _skip(covered: dict[int, int], place: int, line: list[tuple[str, int]]) -> int:
    while covered.get(place, 0) > 0:
        covered[place] -= 1
        line.append(("", 1))
        place += 1
    return place


def join_names(html: str) -> str:
    """Move the names of the row labels up, where pandas gives them a line of their own.

    Example:
        >>> names = "<tr><th>method</th><th></th></tr>"
        >>> join_names(f"<thead><tr><th></th><th>loss</th></tr>{names}</thead>")
        '<thead><tr><th>method</th><th>loss</th></tr></thead>'
    """
    return NAMES.sub(_join, html)


def _join(found: re.Match[str]) -> str:
    if found["corner"].count("<th") != found["names"].count("<th"):
        return found[0]
    return found["begun"] + found["names"] + found["rest"]
