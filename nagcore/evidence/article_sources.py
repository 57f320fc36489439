"""What a paper is called, and what a module needs: two plain facts that claims are held against."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.root import find_root


def read_titles(keys: Iterable[str], root: Path | None = None) -> dict[str, str]:
    """Return the titles of works in the report's bibliography, by key.

    Args:
        keys: of `references.bib`.
        root: the checkout; found from the current folder if left out.

    Raises:
        UsageError: the bibliography has no such key.

    Example:
        >>> read_titles(["kingma2015"])["kingma2015"]
        'Adam: a method for stochastic optimization'
    """
    text = ((root or find_root()) / "references.bib").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^@\w+\{([^,]+),(.*?)^\}", text, re.DOTALL | re.MULTILINE))
    titles = {}
    for key in keys:
        if key not in entries:
            raise UsageError(f"{key!r} is not in references.bib: {closest_first(key, entries)}")
        title = re.search(r"^ *title *= *\{(.*)\},?$", entries[key], re.MULTILINE)
        titles[key] = re.sub(r"[{}]", "", title.group(1)) if title else ""
    return titles


def loads(module: str, others: Iterable[str]) -> dict[str, bool]:
    """Return which of the other modules a new Python has loaded after importing one.

    Args:
        module: what is imported.
        others: what is looked for.

    Example:
        >>> loads("nagcore.core", ["numpy", "fractions"])
        {'numpy': False, 'fractions': False}
    """
    asked = list(others)
    code = f"import sys, {module}; print([name in sys.modules for name in {asked!r}])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return dict(zip(asked, ast.literal_eval(answer), strict=True))
