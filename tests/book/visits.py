"""Open the pages of the built site in a browser and note everything a reader should not meet."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Route

from nagcore.files import write_whole

FIGURES_END = (".png", ".svg", ".jpg")
# What the table of quality shows of a visit.
NOTED = ("name", "scheme", "width", "complaints", "failed", "foreign", "violations", "weight")

# Text a reader sees, without code and without the copy of each formula meant for screen readers.
VISIBLE_TEXT = """() => {
  const hidden = 'pre, code, script, style, noscript, template, .katex-mathml, .katex-html';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const parts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest(hidden)) parts.push(walker.currentNode.data);
  }
  return parts.join('\\n');
}"""
# The root signs of formulas are SVG too, and no pictures.
PICTURES = """() => [
  ...document.querySelectorAll(
    'article img, article figure svg:not(.katex svg, [aria-hidden=true])')
].map(e => ({
  name: e.getAttribute('src') || e.outerHTML.slice(0, 80),
  alt: e.getAttribute('alt') || e.getAttribute('aria-label') || '',
  drawn: e.tagName === 'IMG' ? e.complete && e.naturalWidth > 0 : e.childElementCount > 0,
}))"""
FIGURES = """() => [...document.querySelectorAll('article figure')].map(e => ({
  name: e.id,
  caption: (e.querySelector('figcaption .caption-text') || {innerText: ''}).innerText.trim(),
  pictures: e.querySelectorAll('img, svg:not(.katex svg), canvas').length,
}))"""
LAYOUT = """() => ({
  page: document.documentElement.scrollWidth,
  window: document.documentElement.clientWidth,
  theme: document.documentElement.dataset.theme,
  background: getComputedStyle(document.body).backgroundColor,
  formula_errors: document.querySelectorAll('.katex-error, .math code').length,
  unnamed: [...document.querySelectorAll('summary, button, a[href]')]
    .filter(e => !(e.innerText.trim() || e.ariaLabel || e.title || e.textContent.trim()))
    .map(e => e.outerHTML.slice(0, 120)),
  description: (document.querySelector('meta[name=description]') || {content: ''}).content,
})"""
FOLLOWED = "scheme => document.documentElement.dataset.theme === scheme"
# Text and pictures wait until a reader comes near.
LAY_OUT_ALL = "document.documentElement.classList.add('laid-out')"
DRAW_ALL = """() => Promise.all([...document.querySelectorAll('img[loading=lazy]')].map(image => {
  image.loading = 'eager';
  return image.decode().catch(() => {});
}))"""
# The rules of WCAG 2.2, levels A and AA, and what axe counts as good practice. A letter stands in
# for each formula meanwhile: its many pieces have the colour of the text around them, and would
# take axe two thirds of its time.
AXE = """async () => {
  const swapped = [...document.querySelectorAll('.katex')].map(formula => {
    const letter = document.createTextNode('x');
    formula.replaceWith(letter);
    return [letter, formula];
  });
  const found = await axe.run(
    document,
    {resultTypes: ['violations'], runOnly: [
      'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']});
  swapped.forEach(([letter, formula]) => letter.replaceWith(formula));
  return found.violations.map(({id, nodes}) =>
    `${id} (${nodes.length}): ${nodes[0].html.slice(0, 150)} ${nodes[0].failureSummary}`);
}"""


@dataclass
class Visit:
    """What one page did and showed at one width in one colour scheme."""

    name: str
    scheme: str
    width: int
    complaints: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    text: str = ""
    pictures: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    weight: int = 0  # bytes


class Tab:
    """A tab of the browser, in which all pages are looked at one after the other.

    A page is loaded once for each width. The scheme of colours changes while it is open, as it
    does in the evening. The tab is one for all: a window for each page would cost more than it.
    """

    def __init__(self, browser: Browser, address: str, site: Path, axe: str) -> None:
        self._address = address
        self._site = site
        self._axe = axe
        self._seen = Visit("", "", 0)
        # Colours on their way from light to dark have no contrast.
        self._page = browser.new_page(reduced_motion="reduce")
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()

    def visit(self, name: str, scheme: str, width: int) -> Visit:
        """Load a page unless it is open, and look at it in one scheme."""
        if (name, width) != (self._seen.name, self._seen.width):
            self._open(name, scheme, width)
        page, loaded = self._page, self._seen
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function(FOLLOWED, arg=scheme)
        seen = Visit(name, scheme, width)
        seen.complaints, seen.failed = [*loaded.complaints], [*loaded.failed]
        seen.foreign, seen.asked = [*loaded.foreign], {*loaded.asked}
        seen.text = page.evaluate(VISIBLE_TEXT)
        seen.pictures = page.evaluate(PICTURES)
        seen.figures = page.evaluate(FIGURES)
        seen.layout = page.evaluate(LAYOUT)
        seen.violations = page.evaluate(AXE)
        seen.weight = weigh(self._site, seen.asked)
        return seen

    def _open(self, name: str, scheme: str, width: int) -> None:
        page = self._page
        page.goto("about:blank")  # what the page before still asks for ends here
        self._seen = Visit(name, scheme, width)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{self._address}/{name}.html", wait_until="networkidle")
        page.evaluate(LAY_OUT_ALL)
        page.evaluate(DRAW_ALL)
        page.evaluate(self._axe)

    def _listen(self) -> None:
        """Note what happens on each page under the visit that it belongs to."""

        def admit(route: Route) -> None:
            if route.request.url.startswith((f"{self._address}/", "data:")):
                self._seen.asked.add(urlsplit(route.request.url).path)
                route.continue_()
            else:
                self._seen.foreign.append(route.request.url)
                route.abort()

        def complain(words: str) -> None:
            self._seen.complaints.append(words)

        def fail(url: str) -> None:
            self._seen.failed.append(url)

        page = self._page
        page.route("**/*", admit)
        page.on("console", lambda m: complain(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("requestfailed", lambda request: fail(request.url))
        page.on("response", lambda r: fail(r.url) if r.status >= 400 else None)


def weigh(site: Path, asked: set[str]) -> int:
    """Return the compressed size of what a page loads besides its figures, in bytes.

    Args:
        site: the folder of the built pages.
        asked: the paths that the page asked for.
    """
    files = [site / unquote(path).lstrip("/") for path in asked if not path.endswith(FIGURES_END)]
    return sum(_packed_size(file) for file in files if file.is_file())


@cache
def _packed_size(file: Path) -> int:
    content = file.read_bytes()
    return len(content if file.suffix in (".woff", ".woff2") else gzip.compress(content))


def note_visit(root: Path, seen: Visit) -> None:
    """Leave the findings of a visit for the table of `nagcore quality`."""
    note = {name: value for name, value in asdict(seen).items() if name in NOTED}
    place = seen.name.replace("/", "~")
    path = root / "_build" / "quality" / "visits" / f"{place}-{seen.scheme}-{seen.width}.json"
    write_whole(path, json.dumps(note, ensure_ascii=False))
