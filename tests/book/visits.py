"""Open one page of the built site in a browser and note everything a reader should not meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Route

SCHEMES = ("light", "dark")
WIDTHS = (390, 1280)  # pixels: a phone and a laptop

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
  ...document.querySelectorAll('article img, article figure svg:not(.katex svg)')
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


@dataclass
class Visit:
    """What one page did and showed at one width in one colour scheme."""

    name: str
    scheme: str
    width: int
    complaints: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    text: str = ""
    pictures: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)


def visit(browser: Browser, address: str, name: str, scheme: str, width: int) -> Visit:
    """Load one page, wait until nothing more is asked for, and look."""
    seen = Visit(name, scheme, width)
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    try:
        page = context.new_page()
        _listen(page, address, seen)
        page.goto(f"{address}/{name}.html", wait_until="networkidle")
        seen.text = page.evaluate(VISIBLE_TEXT)
        seen.pictures = page.evaluate(PICTURES)
        seen.figures = page.evaluate(FIGURES)
        seen.layout = page.evaluate(LAYOUT)
    finally:
        context.close()
    return seen


def _listen(page: Page, address: str, seen: Visit) -> None:
    def admit(route: Route) -> None:
        if route.request.url.startswith((f"{address}/", "data:")):
            route.continue_()
        else:
            seen.foreign.append(route.request.url)
            route.abort()

    page.route("**/*", admit)
    page.on("console", lambda m: seen.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("requestfailed", lambda request: seen.failed.append(request.url))
    page.on("response", lambda r: seen.failed.append(r.url) if r.status >= 400 else None)
