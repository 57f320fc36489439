"""Repairs to the pages that the theme makes."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from nagbook.words import say
from nagcore.files import write_whole

# What the theme writes.
TOGGLE = '<summary><span class="toctree-toggle"'
SIDEBAR = '<div id="pst-primary-sidebar"'


def drop_empty_navbar(_app: Sphinx, config: Config) -> None:
    """Leave out the theme's second top bar, which would hold nothing but a second search field.

    Set here because `html_theme_options` in `_config.yml` replaces Jupyter Book's own options,
    the launch and repository buttons among them.
    """
    for part in ("navbar_start", "navbar_center", "navbar_end", "navbar_persistent"):
        config.html_theme_options[part] = []


def name_parts(app: Sphinx, error: Exception | None) -> None:
    """Say what the arrows in the navigation do, and that the sidebar is a part of its own.

    The theme leaves them without a name, and its templates write them out of reach of options; a
    screen reader jumps from one named part of a page to the next.
    """
    if error is not None or app.builder.name != "html":
        return
    language = app.config.language
    toggle = TOGGLE.replace("<summary", f'<summary aria-label="{say(language, "toggle")}"')
    sidebar = f'{SIDEBAR} role="region" aria-label="{say(language, "sidebar")}"'
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        write_whole(page, text.replace(TOGGLE, toggle).replace(SIDEBAR, sidebar))
