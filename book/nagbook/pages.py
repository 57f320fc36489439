"""Repairs to the pages that the theme makes."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

ICON_SCRIPT = re.compile(
    r'\s*<script defer src="[^"]*_static/scripts/fontawesome\.js[^"]*"></script>'
)
TOGGLE = '<summary><span class="toctree-toggle"'
DESCRIPTION_LENGTH = 160  # characters; search engines cut there


def drop_empty_navbar(_app: Sphinx, config: Config) -> None:
    """Leave out the theme's second top bar, which would hold nothing but a second search field.

    Set here because `html_theme_options` in `_config.yml` replaces Jupyter Book's own options,
    the launch and repository buttons among them.
    """
    for part in ("navbar_start", "navbar_center", "navbar_end", "navbar_persistent"):
        config.html_theme_options[part] = []


def describe(doctree: nodes.document) -> str:
    """Return the first paragraph of a page as plain text, cut at a word.

    Example:
        >>> from docutils.core import publish_doctree
        >>> describe(publish_doctree("Title\\n=====\\n\\nWhat the *page* says."))
        'What the page says.'
    """
    for paragraph in doctree.findall(nodes.paragraph):
        if paragraph.next_node(nodes.math) is None and paragraph.astext().strip():
            text = " ".join(paragraph.astext().split())
            if len(text) <= DESCRIPTION_LENGTH:
                return text
            return text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return ""


def add_description(
    _app: Sphinx,
    _pagename: str,
    _templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give each page a description, which the theme does not."""
    if doctree is not None and (text := describe(doctree)):
        content = html.escape(text, quote=True)
        context["metatags"] = (
            f'{context.get("metatags", "")}\n<meta name="description" content="{content}">'
        )


def drop_icon_script(app: Sphinx, error: Exception | None) -> None:
    """Leave the icons to their font; the theme also loads 1.5 MB of script that draws them again.

    The theme's own template writes the tag, out of reach of its options. The maps of its scripts,
    for those who develop the theme, are twice the rest of the site and go as well.
    """
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(ICON_SCRIPT.sub("", text), encoding="utf-8")
    scripts = Path(app.outdir, "_static", "scripts")
    for path in {*scripts.glob("fontawesome.js*"), *scripts.glob("*.map")}:
        path.unlink()


def name_toggles(app: Sphinx, error: Exception | None) -> None:
    """Say what the arrows in the navigation do; the theme leaves them without a name."""
    if error is not None or app.builder.format != "html":
        return
    named = TOGGLE.replace("<summary>", '<summary aria-label="Pages of this part">')
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(TOGGLE, named), encoding="utf-8")
