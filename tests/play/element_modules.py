"""Call a function of an element's module under node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from nagcore.book.node import find_node

MODULES = Path(__file__).parents[2] / "book" / "static" / "play"
# JSON knows no infinities: numbers that are not finite come back as words.
_SCRIPT = """
const [path, calls] = process.argv.slice(1);
const module = await import(path);
const plain = (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);
const results = JSON.parse(calls).map(([name, args]) => module[name](...args));
process.stdout.write(JSON.stringify(results, plain));
"""


def call_all(module: str, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    """Call functions of `book/static/play/MODULE`, each with its arguments, in one run of node."""
    command = [str(find_node()), "--input-type=module", "-e", _SCRIPT]
    result = subprocess.run(
        [*command, (MODULES / module).as_uri(), json.dumps(calls)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def call(module: str, function: str, *args: Any) -> Any:
    """Call one function of `book/static/play/MODULE`."""
    return call_all(module, [(function, list(args))])[0]
