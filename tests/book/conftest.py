"""What the tests of the book share: the checkout, its extension, and small books to build."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, sync_playwright

from nagcore.book import open_server
from nagcore.doctor import find_browser

ROOT = Path(__file__).parents[2]
# Where Sphinx finds the extension as well, and where the tests of the site find their helper.
sys.path[:0] = [str(ROOT / "book"), str(Path(__file__).parent)]


ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def write_notebook() -> Callable[..., Path]:
    """A function that writes a notebook of code cells under a title."""

    def write(path: Path, *cells: str) -> Path:
        title = nbformat.v4.new_markdown_cell("# A chapter\n\n## One\n\n## Two")
        notebook = nbformat.v4.new_notebook(
            cells=[title, *(nbformat.v4.new_code_cell(cell) for cell in cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own is downloaded from a host of its own."""
    program = find_browser()
    if program is None:
        raise FileNotFoundError(
            "Chromium was not found. Install it with: apt-get install chromium, "
            "or name it in NAGCORE_CHROMIUM"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(program), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The built site on this machine; an unbuilt one is an error that says `make book`."""
    with open_server(ROOT, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
