"""The elements to play with, on the pages of the built site: seen, heard and moved by every way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from visits import LAY_OUT_ALL

from nagcore.chapters import list_chapters

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

READ_ALOUD = 500  # milliseconds after which a change has been told to screen readers
DRAG_ERROR = 12  # pixels; a point may rest on whole numbers only
SETTINGS = [("light", 1280), ("dark", 390)]
STATE = """tag => {
  const e = document.querySelector(tag);
  return {
    drawn: [...e.querySelectorAll('.nag-plot')].map(plot => plot.innerHTML),
    said: e.querySelector('.nag-live').textContent,
    role: e.getAttribute('role'),
    label: e.getAttribute('aria-label'),
    status: e.querySelector('.nag-live').getAttribute('role'),
    height: e.offsetHeight,
    reserved: parseFloat(getComputedStyle(e).minHeight),
    widest: Math.max(...[...e.querySelectorAll('*:not(svg *)')]
      .map(x => x.getBoundingClientRect().right)),
    small: [...e.querySelectorAll('button, label:has(input), input[type=range], select')]
      .filter(x => x.getBoundingClientRect().height < 24).map(x => x.outerHTML.slice(0, 80)),
    ink: [...e.querySelectorAll('[style*="--c"]')].slice(0, 1).map(x =>
      getComputedStyle(x).getPropertyValue('--ink')),
  };
}"""


SAYS_ELSE = """([tag, said]) =>
  document.querySelector(tag).querySelector('.nag-live').textContent !== said"""


def find_elements() -> list[tuple[str, str]]:
    """Return the page and the tag of every element that a chapter shows."""
    found = []
    for path in list_chapters(ROOT):
        for cell in nbformat.read(path, as_version=4).cells:
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name", "")
            if name.startswith("fig:play-"):
                found.append((f"chapters/{path.stem}", name.replace("fig:play-", "nag-")))
    return found


CASES = [(*case, *setting) for case in find_elements() for setting in SETTINGS]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(map(str, case[1:])))
def played(
    request: pytest.FixtureRequest,
    browser: Browser,
    address: str,
) -> Iterator[tuple[Page, str]]:
    """A page and the tag of an element on it; complaints of the console fail the test."""
    name, tag, scheme, width = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 400
    )
    page, complaints = _open(context)
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.wait_for_selector(f"{tag}:defined .nag-live:not(:empty)", state="attached")
    # Sections that are laid out on the way would move the element after it was looked at.
    page.evaluate(LAY_OUT_ALL)
    page.locator(tag).scroll_into_view_if_needed()
    yield page, tag
    context.close()
    assert complaints == []


def _open(context: BrowserContext) -> tuple[Page, list[str]]:
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def look(page: Page, tag: str) -> dict[str, Any]:
    """Return what is drawn and said once everything has come to rest."""
    page.wait_for_timeout(READ_ALOUD)
    return page.evaluate(STATE, tag)


def test_all_six_are_in_the_book() -> None:
    names = {"trajectories", "rate-plane", "restart", "noise", "cycle", "records"}
    assert {tag for _, tag in find_elements()} == {f"nag-{name}" for name in names}


def test_element_fits_its_place_and_has_names_and_colours(played: tuple[Page, str]) -> None:
    page, tag = played
    state = look(page, tag)
    assert state["role"] == "group"
    assert state["label"]
    assert state["status"] == "status"
    assert state["said"]
    # A height that was not reserved would move the text below when the script comes.
    assert state["height"] <= state["reserved"] + 1
    assert state["widest"] <= page.viewport_size["width"]  # type: ignore[index]
    assert state["small"] == []
    dark = page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert [ink for ink in state["ink"] if ink.startswith("oklch") != dark] == []


def test_keys_move_what_can_be_moved(played: tuple[Page, str]) -> None:
    page, tag = played
    before = look(page, tag)
    handle = page.locator(f"{tag} .nag-handle")
    if handle.count():
        handle.first.press("ArrowLeft")
        handle.first.press("ArrowDown")
    else:  # an element without a point to drag is moved by its controls
        page.locator(f"{tag} input[type=checkbox]").first.press("Space")
    assert look(page, tag)["drawn"] != before["drawn"]


def test_controls_change_picture_and_text_by_keyboard(played: tuple[Page, str]) -> None:
    page, tag = played
    before = look(page, tag)
    sliders = page.locator(f"{tag} input[type=range]")
    if sliders.count():
        sliders.first.focus()
        for _ in range(12):
            page.keyboard.press("ArrowLeft")
    else:
        page.locator(f"{tag} select").first.focus()
        page.keyboard.press("ArrowDown")
    # On a busy machine the text comes later than the rest of READ_ALOUD.
    page.wait_for_function(SAYS_ELSE, arg=[tag, before["said"]], timeout=10_000)
    assert look(page, tag)["drawn"] != before["drawn"]


def middle(knob: Locator) -> tuple[float, float]:
    """Return the place of a point in the window."""
    box = knob.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_point_can_be_dragged_and_put_back(played: tuple[Page, str]) -> None:
    page, tag = played
    knob = page.locator(f"{tag} .nag-handle .nag-knob").first
    if not knob.count():
        pytest.skip("there is no point to drag")
    knob.scroll_into_view_if_needed()
    before = look(page, tag)
    x, y = middle(knob)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y + 12, steps=4)
    page.mouse.up()
    assert look(page, tag)["drawn"] != before["drawn"]
    assert middle(knob)[0] == pytest.approx(x - 40, abs=DRAG_ERROR)
    page.mouse.move(2, 2)
    page.locator(f"{tag} button", has_text="Reset").first.click()
    assert look(page, tag)["said"] == before["said"]


def test_finger_drags_the_point(played: tuple[Page, str]) -> None:
    page, tag = played
    knob = page.locator(f"{tag} .nag-handle .nag-knob").first
    if not knob.count() or not page.evaluate("navigator.maxTouchPoints"):
        pytest.skip("there is no point to move, or no finger")
    knob.scroll_into_view_if_needed()
    look(page, tag)
    x, y = middle(knob)
    finger = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x - 20, "y": y}]),
        ("touchMove", [{"x": x - 40, "y": y}]),
        ("touchEnd", []),
    ):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    look(page, tag)
    assert middle(knob)[0] == pytest.approx(x - 40, abs=DRAG_ERROR)


def test_picture_stands_there_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    for name, tag in find_elements():
        page = context.new_page()
        page.goto(f"{address}/{name}.html")
        picture = page.locator(f"{tag} > img")
        assert picture.is_visible()
        assert (picture.get_attribute("alt") or "") != ""
        page.close()
    context.close()
