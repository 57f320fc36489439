"""Scripts of the elements to play with, and the words of their pictures, on the pages they need."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils import nodes
from docutils.utils import new_document
from nagbook.play import add_scripts, describe_pictures, file_pictures, find_elements

ELEMENT = (
    '<nag-rate-plane method="nag"><img src="data:image/png;base64,AA==" alt="old"></nag-rate-plane>'
)


def page(*parts: nodes.Node) -> nodes.document:
    document = new_document("page")
    document += list(parts)
    return document


def output(html: str, alt: str = "") -> nodes.container:
    """What MyST-NB makes of an output with two forms."""
    bundle = nodes.container(nb_element="mime_bundle")
    bundle += nodes.container("", nodes.raw("", html, format="html"), mime_type="text/html")
    image = nodes.image(uri="a.png", **({"alt": alt} if alt else {}))
    bundle += nodes.container("", image, mime_type="image/png")
    return bundle


class Added:
    """An application that notes which files pages ask for."""

    def __init__(self) -> None:
        self.files: list[tuple[str, dict[str, Any]]] = []

    def add_js_file(self, name: str, **options: Any) -> None:
        self.files.append((name, options))

    def add_css_file(self, name: str, **options: Any) -> None:
        self.files.append((name, options))


def scripts(doctree: nodes.document | None) -> list[tuple[str, dict[str, Any]]]:
    app = Added()
    add_scripts(app, "page", "page.html", {}, doctree)  # type: ignore[arg-type]
    return app.files


def test_page_with_an_element_loads_its_script_once() -> None:
    two = page(output(ELEMENT), output(ELEMENT))
    assert scripts(two) == [
        ("play/rate-plane.mjs", {"type": "module"}),
        ("play/play.css", {}),
    ]


def test_page_without_an_element_loads_nothing() -> None:
    other = nodes.raw("", "<table><nagging></table>", format="html")
    for paper in (nodes.raw("", ELEMENT, format="latex"), other):
        assert scripts(page(paper)) == []
    assert scripts(None) == []


def test_picture_takes_the_words_of_the_cell() -> None:
    document = page(output(ELEMENT, 'A "plane"\nof rates.'))
    describe_pictures(SimpleNamespace(), document)  # type: ignore[arg-type]
    ((node, name),) = find_elements(document)
    assert name == "rate-plane"
    assert 'alt="A &quot;plane&quot; of rates."' in node.astext()


def test_picture_is_a_file_on_the_site_and_stays_inside_elsewhere(tmp_path: Path) -> None:
    document = page(output(ELEMENT), output("<p>other</p>"))
    builder = SimpleNamespace(format="latex", imagedir="_images")
    app: Any = SimpleNamespace(builder=builder, outdir=tmp_path)
    file_pictures(app, document, "chapters/02")
    assert next(find_elements(document))[0].astext() == ELEMENT
    builder.format = "html"
    file_pictures(app, document, "chapters/02")
    (picture,) = (tmp_path / "_images").iterdir()
    assert picture.read_bytes() == b"\0"
    assert next(find_elements(document))[0].astext() == (
        f'<nag-rate-plane method="nag"><img src="../_images/{picture.name}" '
        'loading="lazy" alt="old">'
        "</nag-rate-plane>"
    )


def test_picture_keeps_its_words_where_the_cell_has_none() -> None:
    document = page(output(ELEMENT), output("<p>other</p>", "of another output"))
    describe_pictures(SimpleNamespace(), document)  # type: ignore[arg-type]
    assert next(find_elements(document))[0].astext() == ELEMENT
