"""What a cell shows: the element with its picture inside, and the picture for paper."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from html.parser import HTMLParser

import pytest
from element_modules import MODULES, call
from matplotlib.figure import Figure
from PIL import Image

from nagcore.errors import UsageError
from nagcore.evidence.figures.style import STYLES
from nagcore.evidence.play import Playground, cycle, rate_plane, trajectories

LARGEST = 25_000  # bytes of the picture inside a page


class Parts(HTMLParser):
    """Every tag with its attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def show(shown: Playground) -> dict[str, str]:
    return shown._repr_mimebundle_()[0]


def small_figure() -> Figure:
    figure = Figure((2, 1))
    figure.subplots().plot([1, 2], [3, 4], label="loss")
    return figure


def test_three_forms() -> None:
    forms = show(Playground("nag-cycle", small_figure(), "A line.", {"start": 3.3}))
    assert set(forms) == {"text/html", "image/png", "text/plain"}
    assert forms["text/plain"] == "A line."
    (element, attributes), (image, picture) = Parts(forms["text/html"]).tags
    assert (element, attributes) == ("nag-cycle", {"start": "3.3"})
    assert (image, picture["alt"]) == ("img", "A line.")
    inside = b64decode((picture["src"] or "").removeprefix("data:image/png;base64,"))
    paper = b64decode(forms["image/png"])
    widths = [Image.open(io.BytesIO(data)).width for data in (inside, paper)]
    assert widths[0] < widths[1]


def test_words_and_data_cannot_leave_their_place() -> None:
    data = {"text": '</script><b>"&'}
    shown = Playground("nag-cycle", small_figure(), 'A "<b>" & c.', {"name": '"><i>'}, data)
    parts = Parts(show(shown)["text/html"])
    assert [tag for tag, _ in parts.tags] == ["nag-cycle", "img", "script"]
    assert parts.tags[0][1] == {"name": '"><i>'}
    assert parts.tags[1][1]["alt"] == 'A "<b>" & c.'
    assert json.loads(parts.texts[0]) == data


@pytest.mark.parametrize("name", ["Start", "start point", "start=", ""])
def test_wrong_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        Playground("nag-cycle", Figure(), "", {name: 1.0})


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(UsageError, match="start is nan"):
        Playground("nag-cycle", Figure(), "", {"start": float("nan")})


def test_numbers_of_the_picture_are_kept_for_the_site() -> None:
    metadata = Playground("nag-cycle", small_figure(), "A line.")._repr_mimebundle_()[1]
    assert "loss" in metadata["nagcore"]["csv"]


@pytest.mark.parametrize("function", [trajectories, rate_plane, cycle])
def test_pictures_are_small(function: object) -> None:
    forms = show(function())  # type: ignore[operator]
    assert len(forms["text/html"]) < LARGEST


def test_methods_look_as_in_every_figure() -> None:
    text = (MODULES / "marks.mjs").read_text(encoding="utf-8")
    found = dict(re.findall(r'"([a-z-]+)": \{ color: "(#[0-9a-f]{6})"', text))
    assert found
    assert found == {name: STYLES[name].color for name in found}


@pytest.mark.parametrize("name", ["words", "trajectories", "rate-plane", "cycle"])
def test_words_are_there_in_both_languages(name: str) -> None:
    text = (MODULES / f"{name}.mjs").read_text(encoding="utf-8")
    found = re.search(r"  en: \{(.*?)\n  \},\n  zh: \{(.*?)\n  \},", text, re.S)
    assert found is not None
    keys = [re.findall(r'^\s+"?([\w-]+)"?:', part, re.M) for part in found.groups()]
    assert len(keys[0]) > 5
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.0012, 2, "0.0012"), (35.2, 2, "35"), (2.3e-9, 2, "2.3·10⁻⁹"), (25.0, 3, "25.0")],
)
def test_numbers_of_any_size(value: float, digits: int, shown: str) -> None:
    assert call("words.mjs", "showAnySize", value, digits) == shown


def test_minus_signs() -> None:
    assert call("words.mjs", "show", -1.5, 1) == "−1.5"
    assert call("words.mjs", "show", -0.001, 1) == "0.0"
