"""Every page of the built site in headless Chromium: light and dark, on a phone and a laptop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlencode, urljoin, urlsplit

import nbformat
import pytest
from playwright.sync_api import Browser
from sphinx_external_toc.parsing import parse_toc_yaml
from visits import Tab, Visit, note_visit

from nagcore.book import site_folder
from nagcore.book.quality import list_views
from nagcore.book.tools import read_axe

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TOC = sorted(parse_toc_yaml(ROOT / "_toc.yml"))
# Pages that Sphinx makes: they are looked at as well, but have no text of ours.
MADE = ["genindex", "search"]
# The Chinese pages stand at the same paths under zh/.
EDITIONS = ["", *(["zh/"] if (site_folder(ROOT) / "zh").is_dir() else [])]
PAGES = [edition + name for edition in EDITIONS for name in TOC]
ALL = [edition + name for edition in EDITIONS for name in [*TOC, *MADE]]
# One worker has all visits of a page, so that none is made twice.
CASES = [
    pytest.param((name, scheme, width), marks=pytest.mark.xdist_group(name))
    for name in ALL
    for scheme, width in list_views(name)
]
HERE = "http://book"
RAW_MATHS = re.compile(
    r"\$\$|\\[(\[]|\\(?:frac|begin|alpha|nabla|kappa|lVert|mathrm)\b|\$[^$\n]*\\\w"
)
RAW_MARKUP = re.compile(r"\{[a-z:]+\}`|:::|```")


@pytest.fixture(scope="session")
def tab(browser: Browser, address: str) -> Iterator[Tab]:
    """The tab in which pages are visited, with axe at hand."""
    axe = read_axe(ROOT)
    with Tab(browser, address, site_folder(ROOT), axe) as opened:
        yield opened


@pytest.fixture(scope="session", params=CASES, ids=lambda case: "-".join(map(str, case)))
def seen(request: pytest.FixtureRequest, tab: Tab) -> Visit:
    """One visit, shared by the tests below."""
    found = tab.visit(*request.param)
    note_visit(ROOT, found)
    return found


def test_no_error_in_the_console(seen: Visit) -> None:
    assert seen.complaints == []


def test_no_request_fails_and_none_leaves_this_machine(seen: Visit) -> None:
    assert seen.foreign == []
    assert seen.failed == []


def test_no_raw_maths_or_markup(seen: Visit) -> None:
    assert len(seen.text) > 200 or seen.name.endswith("search"), "the page is empty"
    assert RAW_MATHS.findall(seen.text) == []
    assert RAW_MARKUP.findall(seen.text) == []
    assert seen.layout["formula_errors"] == 0


def declared_figures(name: str) -> set[str]:
    """Return the ids that the figures of a chapter must have on its page."""
    notebook = ROOT / f"{name.removeprefix('zh/')}.ipynb"
    if not notebook.is_file():
        return set()
    cells = nbformat.read(notebook, as_version=4).cells
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in cells]
    return {figure["name"].replace(":", "-") for figure in figures if "name" in figure}


def test_every_figure_of_the_chapter_is_there(seen: Visit) -> None:
    assert {figure["name"] for figure in seen.figures} == declared_figures(seen.name)


def test_every_figure_is_drawn_captioned_and_described(seen: Visit) -> None:
    assert [f["name"] for f in seen.figures if not (f["caption"] and f["pictures"])] == []
    assert [p["name"] for p in seen.pictures if not p["drawn"]] == []
    # Without a text of ours, the alternative text is the file's name.
    assert [p["alt"] for p in seen.pictures if not p["alt"] or "_images/" in p["alt"]] == []


def test_page_fits_its_window(seen: Visit) -> None:
    assert seen.layout["page"] <= seen.layout["window"]


def test_page_follows_the_colour_scheme(seen: Visit) -> None:
    assert seen.layout["theme"] == seen.scheme
    brightness = max(map(int, re.findall(r"\d+", seen.layout["background"])[:3]))
    assert brightness < 64 if seen.scheme == "dark" else brightness > 192


def test_every_control_has_a_name(seen: Visit) -> None:
    assert seen.layout["unnamed"] == []


def test_page_describes_itself_to_search_engines(seen: Visit) -> None:
    assert seen.layout["description"]
    assert "(SVG)" not in seen.layout["description"]


def test_axe_finds_no_barrier(seen: Visit) -> None:
    assert seen.violations == []


def test_page_is_light(seen: Visit) -> None:
    """What a page needs besides its figures, compressed."""
    assert seen.weight <= 300_000


@pytest.mark.parametrize("name", PAGES)
def test_every_internal_link_arrives(name: str) -> None:
    page = f"{HERE}/{name}.html"
    text = (site_folder(ROOT) / f"{name}.html").read_text(encoding="utf-8")
    links = [unescape(link) for link in re.findall(r"""<a\b[^>]*\shref="([^"]*)\"""", text)]
    assert links
    inside = {target for link in links if (target := urljoin(page, link)).startswith(f"{HERE}/")}
    assert [target for target in sorted(inside) if not arrives(target)] == []


def arrives(target: str) -> bool:
    """Say whether a file of the site answers to an address, and holds the place it names."""
    plain, place = urldefrag(target)
    path = site_folder(ROOT) / unquote(urlsplit(plain).path).lstrip("/")
    if not path.is_file():
        return False
    return not place or path.suffix != ".html" or unquote(place) in places_of(path)


@cache
def places_of(path: Path) -> frozenset[str]:
    """Return the places of a page that a link can name."""
    text = path.read_text(encoding="utf-8")
    return frozenset(map(unescape, re.findall(r"""\b(?:id|name)=["']([^"']+)["']""", text)))


def test_front_page_leads_into_the_book(browser: Browser, address: str) -> None:
    page = browser.new_page()
    try:
        page.goto(f"{address}/")
        page.wait_for_url(f"{address}/intro.html")
    finally:
        page.close()


@pytest.mark.parametrize(("scripts", "theme"), [(True, "dark"), (False, "light")])
def test_colours_wait_for_no_script(
    browser: Browser, address: str, scripts: bool, theme: str
) -> None:
    """No flash of white in the evening, and a page with colours for who runs no scripts."""
    page = browser.new_page(color_scheme="dark", java_script_enabled=scripts)
    try:
        page.route("**/*.js*", lambda route: route.abort())
        page.goto(f"{address}/chapters/02-momentum.html")
        assert page.locator("html").get_attribute("data-theme") == theme
        head = page.locator(".chapter-head").evaluate("e => getComputedStyle(e).borderLeftWidth")
    finally:
        page.close()
    assert head == "4px"


PLACE = """id => new Promise(done => setTimeout(
  () => done(document.getElementById(id).getBoundingClientRect().top), 500))"""


def test_links_into_a_page_arrive_on_a_phone(browser: Browser, address: str) -> None:
    """Text that waits to be laid out has no height of its own yet."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    near = range(-5, 131)  # pixels from the top, where the bar of buttons is
    try:
        page.goto(f"{address}/chapters/05-restart.html#restart-when-the-run-says-so")
        assert int(page.evaluate(PLACE, "restart-when-the-run-says-so")) in near
        page.goto(f"{address}/chapters/05-restart.html")
        page.locator('a.headerlink[href="#speed-on-data"]').evaluate("link => link.click()")
        assert int(page.evaluate(PLACE, "speed-on-data")) in near
        page.reload()
        assert int(page.evaluate(PLACE, "speed-on-data")) in near
    finally:
        page.close()


@pytest.mark.parametrize("name", ["nagcore.optim.NAG", "nagcore.theory.certify"])
def test_search_finds_a_public_name(browser: Browser, address: str, name: str) -> None:
    page = browser.new_page()
    try:
        page.goto(f"{address}/search.html?q={name.rpartition('.')[2]}")
        page.wait_for_selector(f"#search-results a[href*='#{name}']")
    finally:
        page.close()


SEARCHES = {
    "heavy ball": "chapters/02-momentum.html",
    "restart": "chapters/05-restart.html",
    "nesterov=True": "chapters/03-nesterov.html",
    "batch size": "chapters/10-noise-and-batch-size.html",
    "condition number": "chapters/01-gradient-descent.html",
    "certificate": "chapters/04-certificates.html",
    "warm-up": "chapters/08-training.html",
}


@pytest.mark.parametrize(("words", "page"), SEARCHES.items())
def test_search_finds_the_chapter_among_the_first(
    browser: Browser, address: str, words: str, page: str
) -> None:
    tab = browser.new_page()
    try:
        tab.goto(f"{address}/search.html?{urlencode({'q': words})}")
        tab.wait_for_selector("#search-results li:nth-child(3) a")
        found = tab.eval_on_selector_all(
            "#search-results li > a", "es => es.slice(0, 3).map(e => e.getAttribute('href'))"
        )
    finally:
        tab.close()
    assert page in [urldefrag(link).url.partition("?")[0] for link in found]


PRINTED = """() => {
  const shown = e =>
    e.getBoundingClientRect().height > 0 && getComputedStyle(e).visibility === 'visible';
  const all = selector => [...document.querySelectorAll(selector)];
  const folded = all('article .toggle-hidden, article details:not([open])');
  return {
    frame: all('.bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, '
      + '.prev-next-footer, .copybtn, .figure-files').filter(shown).map(e => e.className),
    folded: folded.length,
    opened: folded.filter(e => shown(e.lastElementChild)).length,
    background: getComputedStyle(document.body).backgroundColor,
    code: getComputedStyle(document.querySelector('.highlight .k, .highlight .kn')).color,
    address: getComputedStyle(document.querySelector('article p a'), '::after').content,
  };
}"""


def test_printed_page_is_the_text_with_all_opened(browser: Browser, address: str) -> None:
    page = browser.new_page(color_scheme="dark")
    try:
        page.goto(f"{address}/chapters/02-momentum.html")
        page.wait_for_selector(".toggle-hidden")
        page.emulate_media(media="print")
        seen = page.evaluate(PRINTED)
    finally:
        page.close()
    assert seen["frame"] == []
    assert seen["opened"] == seen["folded"] > 10
    assert seen["background"] == "rgb(255, 255, 255)"
    assert seen["code"] == "rgb(0, 0, 0)"
    assert seen["address"] == "none"
