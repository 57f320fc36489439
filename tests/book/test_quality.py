"""What `nagcore quality` measures, and what it asks for."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagcore.book import links, quality, tools
from nagcore.book.quality import PageQuality, shortfalls
from nagcore.cli.quality import COLUMNS, rows_of
from nagcore.errors import UsageError

GOOD = {"accessibility": 100, "best-practices": 100, "seo": 100}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A checkout with a site of two pages and what else is HTML in it."""
    folder = tmp_path / "_build" / "html"
    for name in ("index", "intro", "zh/intro", "zh/index", "genindex", "_static/macros"):
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    os.utime(folder / "index.html", (1, 1))
    return tmp_path


def note(root: Path, name: str, *views: dict[str, Any]) -> None:
    folder = root / "_build" / "quality" / "visits"
    folder.mkdir(parents=True, exist_ok=True)
    empty = {"name": name, "violations": [], "foreign": [], "weight": 1}
    for number, view in enumerate(views):
        path = folder / f"{name.replace('/', '~')}-{number}.json"
        path.write_text(json.dumps(empty | view))


def finished(*results: dict[str, Any], report: str = "[]", code: int = 0) -> Any:
    """Return a stand-in for the tools: what Lighthouse and the validator would print."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        printed = report
        if "stdout" in options:
            options["stdout"].write(report)
        if "measure.mjs" in command:
            asked = {(task["page"], task["kind"]) for task in json.loads(options["input"])["tasks"]}
            answers = [r for r in results if (r["page"], r["kind"]) in asked]
            printed = "\n".join(map(json.dumps, answers))
        return subprocess.CompletedProcess(command, code, printed, "why")

    return run


def test_pages_are_those_that_readers_open(site: Path) -> None:
    assert quality.list_pages(site / "_build" / "html") == ["genindex", "intro", "zh/intro"]


def test_all_that_was_found_of_a_page_comes_together(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"filePath": str(site / "_build/html/intro.html")}
    entry["messages"] = [{"line": 3, "message": "stray", "ruleId": "order"}]  # type: ignore[assignment]
    base = {"page": "intro", "error": None, "failures": []}
    results = [base | {"kind": "rules", "scores": GOOD, "failures": ["seo title"]}]
    results += [base | {"kind": "desktop", "scores": {"performance": 97}}]
    results += [base | {"kind": "mobile", "scores": {"performance": n}} for n in (20, 95, 91)]
    monkeypatch.setattr(quality, "install_tools", lambda root: root)
    monkeypatch.setattr(subprocess, "run", finished(*results, report=json.dumps([entry])))
    note(site, "intro", {}, {"violations": ["image-alt"]}, {"weight": 7}, {"foreign": ["x"]})
    note(site, "genindex", {}, {})
    watched: list[dict[str, Any]] = []

    def watch(answers: quality.Results, total: int) -> Iterator[dict[str, Any]]:
        assert total == 15, "each of three pages by the rules, at a desk and thrice on a phone"
        for answer in answers:
            watched.append(answer)
            yield answer

    monkeypatch.setattr(quality, "IN_ONE", 1)
    pages = quality.measure(site, Path("chromium"), full=True, watch=watch)
    assert watched == results
    found = {page.page: page for page in pages}
    assert (found["intro"].rules, found["intro"].desktop) == (GOOD, 97)
    assert (found["intro"].mobile, found["intro"].mobile_median) == ([20, 95, 91], 91)
    assert (found["intro"].barriers, found["intro"].outside, found["intro"].weight) == (1, 1, 7)
    assert found["intro"].invalid == 1
    assert found["intro"].faults == [
        "line 3: stray (order)",
        "Lighthouse: seo title",
        "axe: image-alt",
    ]
    assert found["genindex"].barriers is None, "two of its four views were seen"
    row = rows_of([found["intro"]])[0]
    assert dict(zip(COLUMNS, row, strict=True))["phone"] == "91"
    untimed = {page.page: page for page in quality.measure(site, Path("chromium"))}["intro"]
    assert (untimed.rules, untimed.desktop, untimed.mobile) == (GOOD, None, [])


def test_a_chinese_page_is_seen_in_two_views(site: Path) -> None:
    note(site, "zh/intro", {}, {"weight": 5})
    found = {"zh/intro": PageQuality("zh/intro")}
    quality._read_visits(site, found)
    assert (found["zh/intro"].barriers, found["zh/intro"].weight) == (0, 5)


def test_visits_of_an_earlier_site_do_not_count(site: Path) -> None:
    note(site, "intro", {}, {}, {}, {})
    os.utime(site / "_build" / "html" / "index.html")
    for path in (site / "_build" / "quality" / "visits").iterdir():
        os.utime(path, (1, 1))
    found = {"intro": PageQuality("intro")}
    quality._read_visits(site, found)
    assert found["intro"].barriers is None


def test_unbuilt_site_is_an_error_that_says_how(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make book"):
        quality.measure(tmp_path, Path("chromium"))


def test_failing_tool_says_its_words(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", finished(code=1))
    with pytest.raises(UsageError, match="why"):
        quality.run_lighthouse(site, site, site, [])


@pytest.mark.parametrize(
    ("page", "short"),
    [
        (PageQuality("x", GOOD, 95, [10, 90, 100], 0, 300_000, 0, 0), []),
        (PageQuality("x"), []),
        (PageQuality("x", GOOD | {"seo": 99}), ["seo 99 < 100"]),
        (PageQuality("x", desktop=94), ["desktop 94 < 95"]),
        (PageQuality("x", mobile=[89, 89, 100]), ["mobile 89 < 90"]),
        (PageQuality("x", barriers=2, invalid=1), ["1 invalid", "2 barriers"]),
        (
            PageQuality("x", outside=1, weight=300_001),
            ["1 requests outside", "300001 bytes > 300000"],
        ),
    ],
)
def test_what_is_asked_of_a_page(page: PageQuality, short: list[str]) -> None:
    assert shortfalls(page, strict=True) == short


def test_phones_are_not_judged_on_a_busy_machine() -> None:
    assert shortfalls(PageQuality("x", mobile=[1])) == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / tools.FOLDER
    (folder / "node_modules").mkdir(parents=True)
    (folder / "package-lock.json").write_text("{}")
    return tmp_path


def test_tools_are_installed_once(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(command: list[str], cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append((command[-3:], options["env"]["PUPPETEER_SKIP_DOWNLOAD"]))
        (cwd / "node_modules" / ".package-lock.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    tools.install_tools(checkout)
    tools.install_tools(checkout)
    assert calls == [(["ci", "--no-audit", "--no-fund"], "1")]
    lock = checkout / tools.FOLDER / "package-lock.json"
    later = lock.stat().st_mtime + 60
    os.utime(lock, (later, later))
    tools.install_tools(checkout)
    assert len(calls) == 2, "the lock changed"


def test_failed_installation_says_why(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", finished(code=1))
    with pytest.raises(UsageError, match=r"why\nThey come from the npm registry"):
        tools.install_tools(checkout)


def test_npm_is_that_of_the_environment_or_else_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tools.find_npm()[-1].endswith("npm-cli.js")
    monkeypatch.setattr(tools, "find_node", lambda: tmp_path / "bin" / "node")
    monkeypatch.setattr(tools.shutil, "which", lambda name: f"/bin/{name}")
    assert tools.find_npm() == ["/bin/npm"]
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="system's package npm"):
        tools.find_npm()


def test_lock_names_no_host(root: Path) -> None:
    lock = json.loads((root / tools.FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


def test_broken_links_are_those_that_sphinx_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = {"filename": "a.md", "lineno": 3, "uri": "https://x.y", "info": "gone", "code": 404}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        report = tmp_path / "_build" / "linkcheck" / "output.json"
        report.parent.mkdir(parents=True)
        lines = [link | {"status": status} for status in ("working", "broken", "redirected")]
        report.write_text("\n".join(map(json.dumps, lines)))
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert links.find_broken_links(tmp_path) == ["a.md:3: https://x.y (gone)"]


def test_link_check_that_comes_to_no_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", finished(code=1))
    with pytest.raises(UsageError, match="why"):
        links.find_broken_links(tmp_path)
