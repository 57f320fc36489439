"""What the quality of the built site is, page by page, and whether it is what we ask for."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from nagcore.book.building import site_folder
from nagcore.book.languages import CHINESE
from nagcore.book.node import find_node
from nagcore.book.tools import install_tools
from nagcore.errors import UsageError

VALIDATOR = Path("node_modules", "html-validate", "bin", "html-validate.mjs")
RULES = ("accessibility", "best-practices", "seo")
IN_ONE = 5  # pages that one Lighthouse is asked about, before it is said how far it is
AT_A_TIME = 2  # pages judged by rules; a page that is timed has the machine for itself
MOBILE_RUNS = 3  # their median counts: one run on a busy machine says little
LEAST_DESKTOP, LEAST_MOBILE = 95, 90
HEAVIEST = 300_000  # bytes, compressed, without figures
SCHEMES = ("light", "dark")
WIDTHS = (390, 1280)  # pixels: a phone and a laptop


@dataclass
class PageQuality:
    """What was measured of one page; None where it was not."""

    page: str
    rules: dict[str, int] = field(default_factory=dict)
    desktop: int | None = None
    mobile: list[int] = field(default_factory=list)
    barriers: int | None = None
    weight: int | None = None
    outside: int | None = None
    invalid: int | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def mobile_median(self) -> int | None:
        """The median of the runs, which one slow run does not move."""
        return round(statistics.median(self.mobile)) if self.mobile else None


Results = Iterable[dict[str, Any]]


def measure(
    root: Path,
    chromium: Path,
    *,
    full: bool = False,
    watch: Callable[[Results, int], Results] = lambda results, _total: results,
) -> list[PageQuality]:
    """Measure the pages of the built site.

    html-validate reads every page, and what the tests of the site saw in the browser is taken
    from their notes. Lighthouse judges the English pages by its rules, of the Chinese ones, which
    differ in words alone, every fifth. With `full` it judges all, and times them: a machine that
    has other work measures that badly.

    Args:
        root: the checkout.
        chromium: the browser's program.
        full: have Lighthouse judge and time every page.
        watch: is given what Lighthouse says, one by one, and how much it will be, and passes it
            on; by default it shows nothing.

    Raises:
        UsageError: the site is not built, or a tool could not be installed or failed.
    """
    site = site_folder(root)
    if not (site / "index.html").is_file():
        raise UsageError(f"{site} holds no site; build the book first: make book")
    folder = install_tools(root)
    found = {page: PageQuality(page) for page in list_pages(site)}
    for page, faults in _validate(folder, site):
        if page in found:
            found[page].invalid = len(faults)
            found[page].faults += faults
    judged = list(found) if full else choose_judged(list(found))
    said = _ask_lighthouse(folder, site, chromium, judged, timed=full)
    for result in watch(said, len(judged) * (2 + MOBILE_RUNS if full else 1)):
        _take(found[result["page"]], result)
    _read_visits(root, found)
    return list(found.values())


def choose_judged(pages: Sequence[str]) -> list[str]:
    """Return the English pages, and every fifth of the Chinese.

    Example:
        >>> choose_judged(["intro", "zh/a", "zh/b", "zh/c", "zh/d", "zh/e", "zh/f"])
        ['intro', 'zh/a', 'zh/f']
    """
    chinese = [page for page in pages if page.startswith(CHINESE.folder)]
    return [page for page in pages if page not in chinese] + chinese[::5]


def list_views(page: str) -> list[tuple[str, int]]:
    """Return the schemes of colours and widths in which the tests of the site look at a page.

    Chinese pages differ in words alone: on a phone by night, on a laptop by day.

    Example:
        >>> list_views("intro")
        [('light', 390), ('dark', 390), ('light', 1280), ('dark', 1280)]
        >>> list_views("zh/intro")
        [('dark', 390), ('light', 1280)]
    """
    views = [(scheme, width) for width in WIDTHS for scheme in SCHEMES]
    return views[1:3] if page.startswith(CHINESE.folder) else views


def list_pages(site: Path) -> list[str]:
    """Return the pages of a site without their ending; the first only leads to another."""
    paths = (path.relative_to(site) for path in site.rglob("*.html"))
    names = {path.with_suffix("").as_posix() for path in paths if path.parts[0][0] != "_"}
    return sorted(name for name in names if not name.endswith("index") or name.endswith("genindex"))


def _ask_lighthouse(
    folder: Path, site: Path, chromium: Path, pages: Sequence[str], *, timed: bool
) -> Iterator[dict[str, Any]]:
    ask = partial(run_lighthouse, folder, site, chromium)
    rules = [{"page": page, "kind": "rules"} for page in pages]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for results in pool.map(ask, _split(rules, IN_ONE)):
            yield from results
    if timed:
        kinds = ["desktop", *["mobile"] * MOBILE_RUNS]
        times = [{"page": page, "kind": kind} for page in pages for kind in kinds]
        for part in _split(times, IN_ONE * len(kinds)):
            yield from ask(part)


def _split(tasks: list[dict[str, str]], size: int) -> Iterator[list[dict[str, str]]]:
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]


def run_lighthouse(
    folder: Path, site: Path, chromium: Path, tasks: list[dict[str, str]]
) -> list[dict[str, Any]]:
    """Return what Lighthouse says of each task, a page and what to do with it.

    Raises:
        UsageError: it failed; its last words are in the message.
    """
    order = {"site": str(site.resolve()), "chromium": str(chromium), "tasks": tasks}
    done = subprocess.run(
        [str(find_node()), "measure.mjs"],
        cwd=folder,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UsageError(f"Lighthouse failed on {site}:\n{done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _take(quality: PageQuality, result: dict[str, Any]) -> None:
    scores, kind = result["scores"], result["kind"]
    if result["error"]:
        quality.faults.append(f"Lighthouse: {result['error']}")
    elif kind == "rules":
        quality.rules = scores
        quality.faults += [f"Lighthouse: {failure}" for failure in result["failures"]]
    elif kind == "desktop":
        quality.desktop = scores["performance"]
    else:
        quality.mobile.append(scores["performance"])


def _validate(folder: Path, site: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every page with what is wrong in its HTML."""
    command = [str(find_node()), str(folder / VALIDATOR), "--formatter", "json"]
    command += ["--config", str(folder / "htmlvalidate.config.mjs"), str(site / "**" / "*.html")]
    # Into a file: it ends before a pipe has taken all of a long report.
    with TemporaryFile("w+", encoding="utf-8") as output:
        done = subprocess.run(
            command, cwd=folder, stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
        output.seek(0)
        try:
            report = json.load(output)
        except json.JSONDecodeError as error:
            raise UsageError(f"html-validate failed: {done.stderr.strip()[-2000:]}") from error
    wrong = {Path(entry["filePath"]): entry["messages"] for entry in report}
    for page in list_pages(site):
        messages = wrong.get(site / f"{page}.html", [])
        yield page, [f"line {m['line']}: {m['message']} ({m['ruleId']})" for m in messages]


def _read_visits(root: Path, found: dict[str, PageQuality]) -> None:
    """Add what the tests of the site saw, where they saw this site and not an earlier one."""
    built = (site_folder(root) / "index.html").stat().st_mtime
    seen: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((root / "_build" / "quality" / "visits").glob("*.json")):
        if path.stat().st_mtime >= built:
            note = json.loads(path.read_text(encoding="utf-8"))
            seen.setdefault(note["name"], []).append(note)
    for page, notes in seen.items():
        if page in found and len(notes) == len(list_views(page)):
            quality = found[page]
            quality.barriers = sum(len(note["violations"]) for note in notes)
            quality.outside = sum(len(note["foreign"]) for note in notes)
            quality.weight = max(note["weight"] for note in notes)
            quality.faults += [f"axe: {words}" for note in notes for words in note["violations"]]


def shortfalls(quality: PageQuality, *, strict: bool = False) -> list[str]:
    """Return where a page is not what we ask for.

    Args:
        quality: of the page.
        strict: also how fast it is, which a busy machine measures badly.

    Example:
        >>> shortfalls(PageQuality("intro", {"seo": 90}, desktop=99, mobile=[20, 95, 96]))
        ['seo 90 < 100']
    """
    short = [f"{name} {score} < 100" for name, score in quality.rules.items() if score < 100]
    if strict and quality.desktop is not None and quality.desktop < LEAST_DESKTOP:
        short.append(f"desktop {quality.desktop} < {LEAST_DESKTOP}")
    median = quality.mobile_median
    if strict and median is not None and median < LEAST_MOBILE:
        short.append(f"mobile {median} < {LEAST_MOBILE}")
    counted = {
        "invalid": quality.invalid,
        "barriers": quality.barriers,
        "requests outside": quality.outside,
    }
    short += [f"{count} {name}" for name, count in counted.items() if count]
    if quality.weight is not None and quality.weight > HEAVIEST:
        short.append(f"{quality.weight} bytes > {HEAVIEST}")
    return short
