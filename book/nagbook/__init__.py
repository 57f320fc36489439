"""What the site needs beyond Jupyter Book, as one Sphinx extension.

Each function mends one thing and says which; theme options and Sphinx events are used wherever
they reach.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from nagbook import (
    anchors,
    api,
    bibliography,
    cells,
    downloads,
    edition,
    frame,
    language,
    markup,
    maths,
    metadata,
    narrow,
    numbering,
    pages,
    play,
    printed,
    records,
    search,
    sources,
    spacing,
    speed,
    weight,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect every repair to the event where it belongs."""
    maths.install()
    numbering.install()
    bibliography.install()
    speed.install(app)
    api.setup(app)
    language.setup(app)
    anchors.setup(app)
    app.connect("config-inited", maths.check_style_version)
    app.connect("config-inited", pages.drop_empty_navbar)
    app.connect("config-inited", sources.link_sources)
    # Before Sphinx gathers what is offered for download, at the usual 500.
    app.connect("doctree-read", downloads.offer_downloads, priority=400)
    app.add_directive("record-index", records.RecordIndex)
    app.add_directive("chapter-head", frame.ChapterHead)
    app.connect("doctree-read", frame.complete_chapter, priority=400)
    app.connect("doctree-read", play.describe_pictures)
    search.setup(app)
    printed.setup(app)
    app.connect("doctree-resolved", spacing.set_spaces)
    app.connect("html-page-context", spacing.close_titles)
    app.connect("doctree-resolved", narrow.mark_narrow)
    app.connect("doctree-resolved", cells.bind_numbers)
    app.connect("doctree-resolved", play.file_pictures)
    app.connect("html-page-context", edition.state_edition)
    app.connect("build-finished", edition.add_print)
    app.connect("html-page-context", play.add_scripts)
    markup.setup(app)
    weight.setup(app)
    app.connect("html-page-context", metadata.add_metadata)
    app.connect("build-finished", metadata.write_site_files)
    app.connect("build-finished", pages.name_parts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
