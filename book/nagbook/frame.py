"""What stands round every chapter: its head with reading time, and at its foot how to go on.

The foot has the command that runs the page again and the entry that cites it. Both are made from
the notebook, so that they are right whatever its parameters and its title become.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import download_reference, only, pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import nagcore
from nagbook.downloads import find_executed, offer_file
from nagbook.numbering import number_of
from nagbook.words import say
from nagcore.chapters import describe_parameters

WORDS_PER_MINUTE = 170  # slower than a novel is read
CHARACTERS_PER_MINUTE = 320  # of Chinese
MINUTES_PER_FIGURE = 0.5
HAN = re.compile("[\u4e00-\u9fff]")
COUNTED = (nodes.paragraph, nodes.title, nodes.term)


class ChapterHead(SphinxDirective):
    """`{chapter-head}` holds what a reader should know before a chapter and what it gives."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """Parse the text; the facts of the page follow when the page has been read."""
        head = nodes.container(classes=["chapter-head"])
        self.set_source_info(head)
        self.state.nested_parse(self.content, self.content_offset, head)
        return [head]


def complete_chapter(app: Sphinx, doctree: nodes.document) -> None:
    """Add the facts of a chapter to its head, and its foot."""
    page = app.env.docname
    path = Path(app.env.doc2path(page))
    if number_of(page) is None or path.suffix != ".ipynb":
        return
    for head in doctree.findall(lambda node: "chapter-head" in _classes(node)):
        head += _state_facts(app, doctree, page)  # type: ignore[operator]
    top = next(doctree.findall(nodes.section), None)
    if top is not None:
        top += _explain_rerun(app, path)
        top += _cite(app, page, top)


def _classes(node: nodes.Node) -> list[str]:
    return node.get("classes", []) if isinstance(node, nodes.Element) else []


def count_minutes(doctree: nodes.document) -> int:
    """Return how long a page takes to read, in minutes, to the next five.

    Exercises are left out: whoever does them takes far longer, whoever does not passes over them.
    """
    figures = len(list(doctree.findall(nodes.figure)))
    texts = [node.astext() for kind in COUNTED for node in doctree.findall(kind)]
    text = "\n".join(texts)
    characters = len(HAN.findall(text))
    words = len(HAN.sub(" ", text).split())
    minutes = (
        words / WORDS_PER_MINUTE + characters / CHARACTERS_PER_MINUTE + figures * MINUTES_PER_FIGURE
    )
    return max(5, 5 * round(minutes / 5))


def _state_facts(app: Sphinx, doctree: nodes.document, page: str) -> nodes.paragraph:
    language = app.config.language
    facts = nodes.paragraph(classes=["chapter-facts"])
    facts += nodes.Text(say(language, "minutes").format(minutes=count_minutes(doctree)))
    # A printed page has no files to offer.
    links = only(expr="html")
    links += nodes.Text(" ")
    links += download_reference(
        "", "", nodes.Text(say(language, "source")), reftarget=f"/{page}.ipynb"
    )
    executed = find_executed(app, page)
    if executed is not None:
        name = f"{Path(page).name}-executed.ipynb"
        target = offer_file(app, page, name, nbformat.writes(executed))
        links += nodes.Text(" · ")
        links += download_reference("", "", nodes.Text(say(language, "executed")), reftarget=target)
    facts += links
    return facts


def _explain_rerun(app: Sphinx, path: Path) -> list[nodes.Node]:
    language = app.config.language
    text = nodes.paragraph()
    before, after = say(language, "again_text").split("{}")
    link = pending_xref(
        "",
        nodes.inline("", "ch:reproduce"),
        refdomain="std",
        reftype="ref",
        reftarget="ch:reproduce",
        refexplicit=False,
        refwarn=True,
        refdoc=app.env.docname,
    )
    text += [nodes.Text(before), link, nodes.Text(after)]
    command = command_of(path)
    box = nodes.container(classes=["chapter-foot"])
    box += [
        nodes.rubric("", say(language, "again")),
        text,
        nodes.literal_block(command, command, language="text", classes=["rerun"]),
    ]
    return [box]


def command_of(path: Path) -> str:
    """Return the command that runs a chapter with all its parameters as they stand.

    Args:
        path: the notebook.
    """
    number = f"{number_of(f'chapters/{path.stem}'):02d}"
    options = [
        f"-p {shlex.quote(f'{parameter.name}={plain(parameter.default)}')}"
        for parameter in describe_parameters(path)
    ]
    return " \\\n    ".join([f".venv/bin/nagcore run {number}", *options])


def plain(default: str) -> str:
    """Return a parameter's default as it is written on the command line, a text without quotes.

    Example:
        >>> plain('"cpu"'), plain("[0.1, 0.2]")
        ('cpu', '[0.1, 0.2]')
    """
    quoted = len(default) > 1 and default[0] == default[-1] and default[0] in "'\""
    return default[1:-1] if quoted else default


def _cite(app: Sphinx, page: str, top: nodes.section) -> list[nodes.Node]:
    title = next(top.findall(nodes.title)).astext()
    entry = citation(page, title, app.config.html_baseurl, app.config.html_title)
    box = nodes.admonition(classes=["dropdown", "chapter-cite"])
    box += nodes.title("", say(app.config.language, "cite"))
    box += nodes.literal_block(entry, entry, language="bibtex")
    return [box]


def citation(page: str, title: str, address: str, book: str) -> str:
    """Return the BibTeX entry of a page.

    Example:
        >>> print(citation("chapters/02-momentum", "Momentum", "https://a.org/", "B"))
        ... # doctest: +ELLIPSIS
        @incollection{nagcore-02-momentum,
          title = {Momentum},
          booktitle = {B},
          author = {{The nagcore authors}},
          year = {2026},
          chapter = {2},
          edition = {version ...},
          url = {https://a.org/chapters/02-momentum.html}
        }
    """
    fields = {
        "title": title,
        "booktitle": book,
        "author": "{The nagcore authors}",
        "year": "2026",
        "chapter": str(number_of(page)),
        "edition": f"version {nagcore.__version__}",
        "url": f"{address}{page}.html",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@incollection{{nagcore-{Path(page).name},\n{lines}\n}}"
