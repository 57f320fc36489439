"""Whether the addresses that the book names outside of itself still answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from nagcore.errors import UsageError

SHOWN = 2000  # characters of an output that is no list of links


def find_broken_links(root: Path) -> list[str]:
    """Ask every address of the book, by Sphinx, and return those that do not answer, with why.

    Args:
        root: the checkout, its chapters executed: `nagcore book` was run before.

    Raises:
        UsageError: Sphinx did not come to an end.
    """
    output = root / "_build" / "linkcheck" / "output.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    arguments = ["build", ".", "--all", "--keep-going", "--builder", "linkcheck"]
    # It ends with an error where a link is broken, which is no failure of its own.
    done = subprocess.run(
        command + arguments, cwd=root, capture_output=True, text=True, check=False
    )
    if not output.is_file():
        raise UsageError(
            f"the links could not be checked:\n{(done.stdout + done.stderr).strip()[-SHOWN:]}\n"
            "Build the book first: nagcore book"
        )
    return broken_of(output.read_text(encoding="utf-8"))


def broken_of(report: str) -> list[str]:
    """Return the broken links of Sphinx's report, a line of JSON for each link.

    Example:
        >>> broken_of('{"status": "broken", "filename": "a.md", "lineno": 3, "uri": "https://x.y", '
        ...           '"info": "no such host", "code": 0}')
        ['a.md:3: https://x.y (no such host)']
    """
    links = map(json.loads, report.splitlines())
    return [
        f"{link['filename']}:{link['lineno']}: {link['uri']} ({link['info']})"
        for link in links
        if link["status"] == "broken"
    ]
