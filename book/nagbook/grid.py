"""The cells of a table that a cell shows as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag


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

    A cell that covers several rows stands in the first, and names of rows stand over their columns.

    Example:
        >>> read_grid("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")
        Grid(head=[[('a', 1)]], body=[[('1', 1)]], stubs=0)
    """
    rows = BeautifulSoup(html, "html.parser").select("table tr")
    heads = [row for row in rows if row.find("td") is None]
    body = [row for row in rows if row.find("td") is not None]
    stubs = max((len(row.find_all("th")) for row in body), default=0)
    return Grid(_join_names(_fill(heads), stubs), _fill(body), stubs)


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


def _join_names(head: list[list[tuple[str, int]]], stubs: int) -> list[list[tuple[str, int]]]:
    """Move the names of the row labels up, where pandas gives them a line of their own."""
    if len(head) < 2 or any(text for text, _span in head[-1][stubs:]):
        return head
    above, names = head[-2], head[-1]
    if len(above) < stubs or any(span > 1 or text for text, span in above[:stubs]):
        return head
    return [*head[:-2], names[:stubs] + above[stubs:]]
