"""What a cell shows to be played with: an element of the page, and a picture where there is none.

An element is written in JavaScript (`book/static/play/`); its function here chooses the numbers,
draws the picture that stands for it on paper and without scripts, and returns a `Playground`:

    def restart(*, interval: int = 40) -> Playground:
        return Playground(
            "nag-restart",
            figure=draw_something(...),      # of nagcore.evidence.figures
            alt="What the picture shows.",
            attributes={"interval": interval},
            data=None,                       # or anything that JSON holds, read as `this.data`
        )
"""

from __future__ import annotations

import html
import io
import json
import math
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from nagcore.errors import UsageError
from nagcore.evidence.figure_data import notebook_metadata

_PAPER_DPI = 220
_SCREEN_DPI = 90
_COLORS = 96  # of the picture inside the page, which has to be small
_NAME = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True)
class Playground:
    """An element of a page to play with, and its picture.

    Shown by a notebook, it is HTML with the picture inside, which a reader without scripts sees,
    and the picture as PNG for paper.

    Args:
        tag: name of the element, "nag-" and lower-case letters.
        figure: the picture, drawn by `nagcore.evidence.figures`.
        alt: what the picture shows.
        attributes: numbers and texts the element starts from, by names with hyphens.
        data: what JSON can hold, for more than attributes can say; None for none.

    Raises:
        UsageError: a name is none, or a number is not finite.

    Example:
        >>> shown = Playground("nag-cycle", Figure((1, 1)), "A cycle.", {"start": 3.3})
        >>> shown.html(picture="")
        '<nag-cycle start="3.3"><img src="data:image/png;base64," alt="A cycle."></nag-cycle>'
    """

    tag: str
    figure: Figure
    alt: str
    attributes: Mapping[str, float | str] = field(default_factory=dict)
    data: Any = None

    def __post_init__(self) -> None:
        for name in (self.tag, *self.attributes):
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"{name!r} is no name of an element or attribute; expected lower-case "
                    "letters and hyphens, as in 'step-size'"
                )
        for name, value in self.attributes.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"{name} is {value!r}, expected a finite number")

    def html(self, picture: str) -> str:
        """Write the element.

        Args:
            picture: inside it, PNG in base64.
        """
        attributes = "".join(
            f' {name}="{html.escape(_plain(value))}"' for name, value in self.attributes.items()
        )
        image = f'<img src="data:image/png;base64,{picture}" alt="{html.escape(self.alt)}">'
        return f"<{self.tag}{attributes}>{image}{self._script()}</{self.tag}>"

    def _script(self) -> str:
        if self.data is None:
            return ""
        # "</script>" inside a text would end the element
        text = json.dumps(self.data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return '<script type="application/json">' + text.replace("<", r"\u003c") + "</script>"

    def _repr_mimebundle_(
        self,
        include: Any = None,  # noqa: ARG002
        exclude: Any = None,  # noqa: ARG002
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the element, its picture and its name, and the numbers that the picture shows."""
        paper, screen = _as_png(self.figure, _PAPER_DPI), _small_png(self.figure)
        bundle = {
            "text/html": self.html(b64encode(screen).decode()),
            "image/png": b64encode(paper).decode(),
            "text/plain": self.alt,
        }
        return bundle, dict(notebook_metadata(self.figure))


def require_condition_number(value: float) -> None:
    """Raise UsageError unless value is a condition number, 1 or more.

    Example:
        >>> require_condition_number(0.5)
        Traceback (most recent call last):
        nagcore.errors.UsageError: condition_number is 0.5, expected a finite number, 1 or larger
    """
    if not 1 <= value < math.inf:
        raise UsageError(f"condition_number is {value!r}, expected a finite number, 1 or larger")


def _plain(value: float | str) -> str:
    return str(value) if isinstance(value, (str, int)) else repr(float(value))


def _as_png(figure: Figure, dpi: float) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, metadata={})
    return stream.getvalue()


def _small_png(figure: Figure) -> bytes:
    """A picture in few colours: lines and flat areas lose nothing that is seen."""
    drawn = Image.open(io.BytesIO(_as_png(figure, _SCREEN_DPI))).convert("RGB")
    stream = io.BytesIO()
    drawn.quantize(_COLORS).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
