"""Chapters carry the number of their file."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.environment import BuildEnvironment
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

CHAPTER = re.compile(r"chapters/0*(\d+)-")

_count_chapters = TocTreeCollectorWithStyles.assign_section_numbers


def install() -> None:
    """Make chapters/07-… chapter 7 in headings, figures and equations, whatever precedes it.

    Sphinx counts 1, 2, 3; a reader of chapter 7 who opens its file would look for number 3.
    """
    TocTreeCollectorWithStyles.assign_section_numbers = assign_section_numbers  # type: ignore


def assign_section_numbers(
    collector: TocTreeCollectorWithStyles, env: BuildEnvironment
) -> list[str]:
    """Number as before, then replace the first part of each chapter's numbers."""
    rewritten = _count_chapters(collector, env)
    for name, sections in env.toc_secnumbers.items():
        if number := number_of(name):
            for anchor, parts in sections.items():
                sections[anchor] = (number, *parts[1:])
            for reference in env.tocs[name].findall(nodes.reference):
                reference["secnumber"] = list(sections[reference["anchorname"]])
            env.titles[name]["secnumber"] = [number]
    return rewritten


def number_of(name: str) -> int | None:
    """Return the number in a chapter's name, None for other pages.

    Example:
        >>> number_of("chapters/07-cnn-repaired"), number_of("intro")
        (7, None)
    """
    found = CHAPTER.match(name)
    return int(found[1]) if found else None
