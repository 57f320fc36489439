"""Links to a section by its anchor lead there in every language."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

SLUGS = "myst_slugs"


class NoteAnchors(SphinxTransform):
    """Note the anchors of a page before its translation.

    MyST parses each translated paragraph as a page of that name, and what it notes of it, no
    anchors, takes the place of what it had noted of the page.
    """

    default_priority = 15  # Sphinx translates at 20

    def apply(self, **_kwargs: object) -> None:
        """Keep them until the page has been read."""
        found = self.env.metadata[self.env.docname].get(SLUGS)
        if found:
            self.env.temp_data[SLUGS] = found


def restore_anchors(app: Sphinx, _doctree: nodes.document) -> None:
    """Put the anchors of the page back."""
    if SLUGS in app.env.temp_data:
        app.env.metadata[app.env.docname][SLUGS] = app.env.temp_data.pop(SLUGS)


def setup(app: Sphinx) -> None:
    """Connect both halves."""
    app.add_transform(NoteAnchors)
    app.connect("doctree-read", restore_anchors)
