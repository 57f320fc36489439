"""What the site needs beyond Jupyter Book, as one Sphinx extension.

Each function mends one thing and says which; theme options and Sphinx events are used wherever
they reach.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from nagbook import api, downloads, maths, numbering, pages, sources


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect every repair to the event where it belongs."""
    maths.install()
    numbering.install()
    api.setup(app)
    app.connect("config-inited", maths.check_style_version)
    app.connect("config-inited", pages.drop_empty_navbar)
    app.connect("config-inited", sources.link_sources)
    # Before Sphinx gathers what is offered for download, at the usual 500.
    app.connect("doctree-read", downloads.offer_downloads, priority=400)
    app.connect("html-page-context", pages.add_description)
    app.connect("build-finished", pages.drop_icon_script)
    app.connect("build-finished", pages.name_toggles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
