"""The two editions: each page leads to the same place in the other one."""

from __future__ import annotations

from gettext import NullTranslations
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole
from myst_nb.ext.glue.utils import create_pending_glue_ref
from sphinx.addnodes import glossary, toctree
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.locale import init as init_locale
from sphinx.locale import translators

from nagbook import glued
from nagbook.translatable import ChooseMessages, name_solutions, write_messages
from nagbook.words import INTERFACE, say
from nagcore.book.languages import (
    CHINESE,
    ENGLISH,
    LANGUAGES,
    find_locale,
    page_address,
    top_address,
)

TEMPLATES = Path(__file__).parent / "templates"
INTERFACE_CATALOGS = ("sphinx", "booktheme")
HEADER = ["language-switch.html", "article-header-buttons.html"]


def link_editions(
    app: Sphinx,
    page: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Link a page to the other edition, for readers and, in its head, for search engines."""
    if doctree is None:
        return
    language = find_locale(app.config.language)
    other = next(each for each in LANGUAGES.values() if each != language)
    up = "../" * f"{language.folder}{page}".count("/")
    context["other_edition"] = other
    context["other_address"] = page_address(up, other, page)
    if app.config.html_baseurl:
        top = top_address(app.config.html_baseurl, language)
        alternates = [(each.code, page_address(top, each, page)) for each in LANGUAGES.values()]
        alternates.append(("x-default", page_address(top, ENGLISH, page)))
        links = [f'<link rel="alternate" hreflang="{c}" href="{a}">' for c, a in alternates]
        context["metatags"] = "\n".join([context.get("metatags", ""), *links])
    app.add_js_file("language.mjs", type="module")
    app.add_css_file("language.css")


def add_switch(_app: Sphinx, config: Config) -> None:
    """Put the link to the other edition first among the buttons above a page.

    The theme's own kind of button would open it in a new window.
    """
    config.templates_path.append(str(TEMPLATES))
    config.html_theme_options["article_header_end"] = HEADER


class OwnWords(NullTranslations):
    """A catalog that says some words by itself and leaves the others to another one."""

    def __init__(self, words: dict[str, str], others: NullTranslations) -> None:
        super().__init__()
        self._words = words
        self.add_fallback(others)

    def gettext(self, message: str) -> str:
        """Return the words for a message."""
        return self._words.get(message) or super().gettext(message)


def name_interface(app: Sphinx, config: Config) -> None:
    """Give buttons and links names in the language of the edition.

    The catalogs of Sphinx and the theme lack many; those of a folder of our own would have to be
    compiled before the theme reads them.
    """
    words = INTERFACE[find_locale(config.language).locale]
    for catalog in INTERFACE_CATALOGS:
        others = translators.get(("general", catalog), NullTranslations())
        translators["general", catalog] = OwnWords(words, others)
    app.translator = translators["general", "sphinx"]  # which templates are given
    config.html_theme_options["search_bar_text"] = say(config.language, "search")


class PasteText(PasteTextRole):
    """`{glue:text}` that also finds its value inside a translated paragraph.

    Sphinx parses a translation as a document of its own, which does not hold the notebook's
    values; they are pasted later then, as those of other notebooks are.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Paste the value, or leave a note where it belongs."""
        if "::" in self.text or "nb_renderer" in self.document:
            return super().run()
        key, _, form = self.text.rpartition(":")
        page = self.document.settings.env.docname
        reference = create_pending_glue_ref(
            self.document,
            self.source,
            self.line,
            f"/{page}.ipynb",
            key or form,
            inline=True,
            gtype="text",
            fmt_spec=form if key else "s",
        )
        return [reference], []


def name_parts(app: Sphinx, doctree: nodes.document) -> None:
    """Name the parts of the book in the language of the edition.

    They come from the table of contents, when the page has been translated already.
    """
    folders = [str(Path(app.srcdir, folder)) for folder in app.config.locale_dirs]
    catalog, _found = init_locale(folders, app.config.language, app.env.docname)
    noted = app.env.tocs.get(app.env.docname)  # holds copies
    trees = [*doctree.findall(toctree), *(noted.findall(toctree) if noted else ())]
    for tree in trees:
        if caption := tree.get("caption"):
            said = catalog.gettext(caption)
            tree["caption"] = tree["rawcaption"] = said
            if isinstance(tree.parent, nodes.compound):
                tree.parent["caption"] = said  # where it is looked for on paper


def sort_glossary(app: Sphinx, doctree: nodes.document) -> None:
    """Sort the terms of the Chinese edition by sound, where Sphinx takes the numbers of the signs.

    The common characters stand in that order in the national code, each by its first reading.
    """
    if find_locale(app.config.language) == CHINESE:
        for node in doctree.findall(glossary):
            if node["sorted"]:
                terms: Any = node[0]
                terms[:] = sorted(
                    terms, key=lambda term: term[0].astext().lower().encode("gb18030")
                )


def setup(app: Sphinx) -> None:
    """Connect what both editions need, and what makes the catalogs."""
    app.add_transform(ChooseMessages)
    app.add_post_transform(glued.TranslateGlued)
    app.add_role_to_domain("glue", "text", PasteText(), override=True)
    app.connect("config-inited", add_switch)
    app.connect("config-inited", name_interface)
    app.connect("doctree-read", name_solutions)
    app.connect("doctree-read", sort_glossary)
    app.connect("doctree-read", name_parts, priority=900)  # when all tables of contents are there
    app.connect("html-page-context", link_editions)
    app.connect("build-finished", write_messages)
