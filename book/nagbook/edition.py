"""Which edition a reader has before them: its version, the other versions, and the printed book."""

from __future__ import annotations

import html
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

import nagcore
from nagbook.words import say
from nagcore.book.languages import find_locale, top_address
from nagcore.book.printing import find_print
from nagcore.book.publishing import INDEX
from nagcore.evidence.provenance import commit_of

SHORT = 7  # digits of a commit


def state_edition(
    app: Sphinx,
    _page: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Say at the foot of each page which version it is and where others are."""
    if doctree is None:
        return
    language = find_locale(app.config.language)
    top = top_address(app.config.html_baseurl, language)
    words = html.escape(say_version(Path(app.srcdir), app.config.language))
    links = [f'<a href="{top}{INDEX}">{say(app.config.language, "versions")}</a>']
    if printed := find_print(Path(app.srcdir), language):
        address = context["pathto"](printed.name, 1)
        links.append(f'<a href="{address}">{say(app.config.language, "pdf")}</a>')
    context["theme_extra_footer"] = f"<p>{words} {' · '.join(links)}</p>"


@cache
def say_version(root: Path, language: str | None) -> str:
    """Say the package's version and, where it is known, the commit."""
    commit, _clean = commit_of(root)
    words = say(language, "version_at" if commit else "version")
    return words.format(version=nagcore.__version__, commit=(commit or "")[:SHORT])


def add_print(app: Sphinx, error: Exception | None) -> None:
    """Put the printed book beside the pages that link to it."""
    if error is None and app.builder.format == "html":
        printed = find_print(Path(app.srcdir), find_locale(app.config.language))
        if printed:
            shutil.copyfile(printed, Path(app.outdir, printed.name))
