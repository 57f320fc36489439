"""Tables that cells show as HTML, set for paper.

Without this a data frame is printed as its text, folded at 80 columns. The widths of columns follow
from the lengths of words as in a browser: no column is narrower than its longest word, and what
room is left goes to those that hold more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.texescape import escape

from nagbook.grid import Grid, read_grid

LINE = 470.0  # points of a line of the page
END = 4  # rows at each end of a table that stay together
TURN = "\n\\nointerlineskip\\penalty150\n"  # where the page may turn, and no gap where it does not
MANY = 12  # rows from which a written table may go on on the next page
LEADING = 1.2  # between two lines, in sizes of letters
GAP = 0.8  # between two columns, in widths of a letter m
GAP_WRITTEN = 1.6  # the same in a written table, with something to spare
SIZES = (9.0, 8.0, 7.0, 6.3)  # points of letters
NUMBER = re.compile(r"[-+−±<>≤≥≈×(]*\s*(?:\d|∞|nan|inf)|[–—-]$")
# What a line may not break: a word, and a Chinese letter with the point after it.
WORD = re.compile(r"[\u2e80-\u9fff\uff00-\uffef][，。、；：）]?|[^\s\u2e80-\u9fff\uff00-\uffef]+")
BROAD = frozenset("mwMW%—∞@")
SLIM = frozenset("iljtfrI.,:;'’|()[] ")


class SetTables(SphinxPostTransform):
    """Set tables when their words are known: references resolved, those of cells translated."""

    default_priority = 30  # after 10 and 20, when that is done
    formats = ("latex",)

    def run(self, **_kwargs: object) -> None:
        """Put a table of LaTeX in the place of each one of HTML, and fit the written ones."""
        spread_tables(self.document)
        for node in list(self.document.findall(nodes.raw)):
            if _is_table(node):
                _leave_box(node)
                node.replace_self(nodes.raw("", set_table(node.astext()), format="latex"))


def prefer_tables(doctree: nodes.document) -> None:
    """Choose the HTML of an output that holds a table, where print would take its text."""
    for node in list(doctree.findall(nodes.raw)):
        bundle = node.parent.parent
        if _is_table(node) and isinstance(bundle, nodes.container) and "nb_element" in bundle:
            bundle.replace_self(node)


def spread_tables(doctree: nodes.document) -> None:
    """Let a written table of many rows go on on the next page, with columns as wide as its words.

    Tables with formulas are left to LaTeX, which alone knows how wide those are.
    """
    for table in doctree.findall(nodes.table):
        rows = [[entry.astext() for entry in row] for row in table.findall(nodes.row)]
        if len(rows) <= MANY or any(table.findall(nodes.math)) or len(set(map(len, rows))) > 1:
            continue
        columns = list(zip(*rows, strict=True))
        words = [WORD.findall(" ".join(column)) for column in columns]
        least = [max(map(measure, column), default=0) + GAP_WRITTEN for column in words]
        most = [max(map(measure, column)) + GAP_WRITTEN for column in columns]
        widths = share(least, most, LINE / SIZES[0])
        for spec, width in zip(table.findall(nodes.colspec), widths, strict=True):
            spec["colwidth"] = round(10 * width)
        table["classes"] += ["longtable", "colwidths-given"]


def _is_table(node: nodes.raw) -> bool:
    return "html" in node.get("format", "") and "<table" in node.astext()


def _leave_box(node: nodes.Node) -> None:
    """Take a table out of the indented box of outputs, which would make it narrower."""
    while (node := node.parent) is not None:
        if isinstance(node, nodes.container) and "cell_output" in node["classes"]:
            node["classes"].remove("cell_output")


def measure(text: str) -> float:
    """Return about how long a text is, in widths of a letter m.

    Example:
        >>> measure("12") < measure("mm") < measure("动量")
        True
    """
    return sum(map(_width, text))


def _width(letter: str) -> float:
    if unicodedata.category(letter) == "Mn":
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in BROAD or letter.isupper():
        return 0.8
    return 0.32 if letter in SLIM else 0.53


def _is_number(cells: Sequence[str]) -> bool:
    filled = [text for text in cells if text]
    return 2 * sum(NUMBER.match(text) is not None for text in filled) > len(filled)


def share(least: Sequence[float], most: Sequence[float], room: float) -> list[float]:
    """Return widths of columns between the least that each needs and the most that it can use.

    Example:
        >>> share([1.0, 1.0], [2.0, 4.0], 4.0)
        [1.5, 2.5]
        >>> share([1.0, 1.0], [2.0, 4.0], 9.0)
        [2.0, 4.0]
    """
    wished = sum(most) - sum(least)
    part = 1.0 if wished <= 0 else max(0.0, min(1.0, (room - sum(least)) / wished))
    return [low + part * (high - low) for low, high in zip(least, most, strict=True)]


def set_table(html: str) -> str:
    """Return a table as LaTeX that fits the line, in the largest letters that allow it."""
    grid = read_grid(html)
    columns = _columns(grid)
    numbers = [_is_number(column) and place >= grid.stubs for place, column in enumerate(columns)]
    least, most = _limits(grid, columns, numbers)
    gaps = GAP * (grid.columns - 1)
    fitting = (size for size in SIZES if (sum(least) + gaps) * size <= LINE)
    size = next(fitting, SIZES[-1])
    widths = [size * width for width in share(least, most, LINE / size - gaps)]
    return _write(grid, widths, numbers, size)


def _columns(grid: Grid) -> list[list[str]]:
    return [[row[place][0] for row in grid.body] for place in range(grid.columns)]


def _limits(
    grid: Grid, columns: Sequence[Sequence[str]], numbers: Sequence[bool]
) -> tuple[list[float], list[float]]:
    least, most = [0.0] * grid.columns, [0.0] * grid.columns
    for place, (column, number) in enumerate(zip(columns, numbers, strict=True)):
        for text in column:
            parts = re.split(r" (?=\()", text) if number else WORD.findall(text)
            least[place] = max([least[place], *map(measure, parts)])
            most[place] = max(most[place], measure(text))
    for row in grid.head:
        place = 0
        for text, span in row:
            missing = max(map(measure, WORD.findall(text)), default=0.0) - sum(least[place:][:span])
            for covered in range(place, place + span):
                least[covered] += max(0.0, missing) / span
                most[covered] = max(most[covered], least[covered], measure(text) / span / 2)
            place += span
    return [width + 0.3 for width in least], [width + 0.5 for width in most]


def _write(grid: Grid, widths: Sequence[float], numbers: Sequence[bool], size: float) -> str:
    sides = [r"\raggedleft" if number else r"\raggedright" for number in numbers]
    gap = rf"@{{\hspace{{{GAP * size:.1f}pt}}}}"
    columns = gap.join(map(_column, sides, widths))
    font = rf"\fontsize{{{size}}}{{{LEADING * size:.1f}}}\selectfont"
    begin = rf"\noindent\hfil\begin{{tabular}}[t]{{@{{}}{columns}@{{}}}}"
    end = r"\end{tabular}\par"
    top = [r"\toprule", *(_write_head(row, widths, GAP * size) for row in grid.head), r"\midrule"]
    pieces = _join_ends(_group(grid, _write_body(grid, widths, size)))
    pieces = [[*top, *pieces[0]], *pieces[1:]]
    pieces[-1] = [*pieces[-1], r"\bottomrule"]
    start = rf"\par\medskip\begingroup\parskip0pt\renewcommand{{\tablesize}}{{{font}}}"
    said = TURN.join("\n".join([begin, *piece, end]) for piece in pieces)
    return f"\n{start}\n{said}\n\\endgroup\\medskip\n"


def _write_body(grid: Grid, widths: Sequence[float], size: float) -> list[str]:
    folded = any(
        size * measure(text) > width
        for row in grid.body
        for (text, _span), width in zip(row, widths, strict=True)
    )
    said = [" & ".join(_say(text) for text, _span in row) + r" \\" for row in grid.body]
    for place, row in enumerate(grid.body[1:], 1):
        if row[0][0] and (folded or grid.stubs > 1):
            said[place] = r"\addlinespace[2pt]" + said[place]
    return said


def _group(grid: Grid, rows: Sequence[str]) -> list[list[str]]:
    """Put rows together that have their name in common."""
    groups: list[list[str]] = []
    for row, said in zip(grid.body, rows, strict=True):
        if row[max(grid.stubs - 2, 0)][0] or not groups:
            groups.append([])
        groups[-1].append(said)
    return groups


def _join_ends(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the pieces of a table between which a page may turn.

    longtable would turn it too, but prints its head twice where the page turns just before it.
    Neither the head of a table is alone on a page nor its last row.
    """
    left = list(map(list, groups))
    first, last = left.pop(0), []
    while left and len(first) < END:
        first += left.pop(0)
    while left and len(last) < END:
        last = [*left.pop(), *last]
    return [piece for piece in (first, *left, last) if piece]


def _column(side: str, width: float) -> str:
    return rf">{{{side}\arraybackslash}}p{{{width:.1f}pt}}"


def _write_head(row: Sequence[tuple[str, int]], widths: Sequence[float], gap: float) -> str:
    cells, rules, place = [], "", 0
    for text, span in row:
        if span > 1:
            form = _column(r"\centering", sum(widths[place:][:span]) + gap * (span - 1))
            after = "" if place + span == len(widths) else rf"\hspace{{{gap:.1f}pt}}"
            cells.append(rf"\multicolumn{{{span}}}{{@{{}}{form}@{{{after}}}}}{{{_say(text)}}}")
            rules += rf"\cmidrule(lr){{{place + 1}-{place + span}}}"
        else:
            cells.append(_say(text))
        place += span
    return " & ".join(cells) + r" \\" + rules


def _say(text: str) -> str:
    return escape(text, "xelatex")
