"""What a page loads before it can be read: one style sheet, and scripts that wait for the text.

Measured on a phone's connection as Lighthouse imitates it, the theme's own thirteen style sheets
and sixteen scripts keep a page blank for five seconds.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from nagbook.icons import drop_unused_icons, subset_fonts
from nagcore.files import write_whole

TEMPLATES = Path(__file__).parents[1] / "templates"
BUNDLE = "_static/book.css"
# The theme links these by a template of its own, ahead of what extensions ask for.
THEME_STYLES = ("_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css")
# Later inline scripts of the head set its constants, and cannot wait.
AT_ONCE = "_static/documentation_options.js"
IMPORT = re.compile(r'@import\s+(?:url\()?"([^"]+)"\)?;')
CHARSET = '@charset "UTF-8";'
URL = re.compile(r"""url\((["']?)(?!data:|https?:|[#/])([^)"']+)\1\)""")


def use_templates(_app: Sphinx, config: Config) -> None:
    """Put `book/templates` before the theme's; Jupyter Book has no option for it."""
    config.templates_path = [str(TEMPLATES), *config.templates_path]


class Bundle:
    """The one style sheet of all pages, made of what they would have asked for."""

    def __init__(self) -> None:
        self.names = dict.fromkeys(THEME_STYLES)

    def collect(
        self,
        _app: Sphinx,
        _page: str,
        _template: str,
        context: dict[str, Any],
        _doctree: Any,
    ) -> None:
        """Note the style sheets of a page and have it ask for the one instead."""
        styles = context["css_files"]
        self.names |= dict.fromkeys(str(style.filename) for style in styles if is_bundled(style))
        context["css_files"] = [style for style in styles if not is_bundled(style)]
        context["book_css"] = BUNDLE

    def write(self, app: Sphinx, error: Exception | None) -> None:
        """Write the sheet, and the fonts of the icons that the pages show.

        Connected after the theme, which writes its colours of code when the build ends.
        """
        if error is not None or app.builder.name != "html":
            return
        site = Path(app.outdir)
        sheet = drop_unused_icons(join_styles(site, self.names), site)
        write_whole(site / BUNDLE, subset_fonts(sheet, site / "_static"))
        drop_leftovers(site / "_static")


def is_bundled(style: Any) -> bool:
    """Say whether a style sheet is a file of the book that always applies."""
    return str(style.filename).startswith("_static/") and not style.attributes.keys() - {
        "rel",
        "type",
    }


def defer_scripts(
    _app: Sphinx,
    page: str,
    _template: str,
    context: dict[str, Any],
    _doctree: Any,
) -> None:
    """Let scripts run in their order once the text is there.

    The page of the search keeps the theme's way: its own scripts need the others at once.
    """
    if page == "search":
        return
    # Copies, because all pages share these.
    context["script_files"] = [
        type(script)(script.filename, priority=script.priority, defer="defer", **script.attributes)
        if waits(script)
        else script
        for script in context["script_files"]
    ]


def waits(script: Any) -> bool:
    """Say whether a script of a file may wait; modules do so by themselves."""
    named = getattr(script, "filename", None)
    return bool(named) and str(named) != AT_ONCE and not {"type", "defer"} & {*script.attributes}


def join_styles(site: Path, names: Iterable[str]) -> str:
    """Return style sheets as one that stands in `_static`, in their order.

    Args:
        site: the folder of the built pages.
        names: the sheets' paths in it.
    """
    folder = posixpath.dirname(BUNDLE)
    sheets = []
    for name in names:
        text = (site / name).read_text(encoding="utf-8")
        base = posixpath.dirname(name)
        if (asked := IMPORT.search(text)) is not None:
            inner = posixpath.normpath(posixpath.join(base, asked[1]))
            text = IMPORT.sub("", text) + (site / inner).read_text(encoding="utf-8")
        text = text.replace(CHARSET, "")
        sheets.append(
            URL.sub(
                lambda found, base=base: (
                    f"url({posixpath.relpath(posixpath.join(base, found[2]), folder)})"
                ),
                text,
            )
        )
    return CHARSET + "\n" + "\n".join(sheets)


def drop_leftovers(static: Path) -> None:
    """Remove what no page asks for, more than half of the site.

    The script that draws the icons again, which our template does not load; the maps of scripts
    and styles, for those who develop the theme; its templates, copied as if they were pages.
    """
    kinds = ("scripts/fontawesome.js*", "scripts/*.map", "styles/*.map", "*webpack-macros.html")
    for path in {path for kind in kinds for path in static.glob(kind)}:
        path.unlink()


def setup(app: Sphinx) -> None:
    """Connect the above: after the theme has its say on each page, and after its last word."""
    bundle = Bundle()
    app.connect("config-inited", use_templates)
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("html-page-context", bundle.collect, priority=900)
    app.connect("build-finished", bundle.write, priority=950)
