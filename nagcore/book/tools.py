"""The programs that judge the built site: installed by npm, run by the environment's node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from nagcore.book.node import find_node
from nagcore.errors import UsageError

FOLDER = Path("tools", "quality")
AXE = Path("node_modules", "axe-core", "axe.min.js")


def install_tools(root: Path) -> Path:
    """Return the folder of the tools, installed as their lock says.

    Args:
        root: the checkout.

    Raises:
        UsageError: there is no npm, or it could not install them; its words are in the message.
    """
    folder = root / FOLDER
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return folder
    # A browser is the machine's own; the package would fetch another from a host of its own.
    environment = with_node(PUPPETEER_SKIP_DOWNLOAD="1")
    command = [*find_npm(), "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UsageError(
            f"npm could not install the tools of {folder}:\n{done.stderr.strip()}\n"
            "They come from the npm registry: try again where it can be reached"
        )
    installed.touch()
    return folder


def find_npm() -> list[str]:
    """Return the command of npm: that of the environment's node, or else the machine's own.

    The environment's node brings npm without a command that works.

    Raises:
        UsageError: there is neither.
    """
    node = find_node()
    for home in (node.parent.parent / "lib", node.parent):
        script = home / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(node), str(script)]
    if found := shutil.which("npm"):
        return [found]
    raise UsageError(
        "npm was found neither beside the environment's node nor on PATH; it installs the tools "
        "that judge the site. Install it by your system's package npm"
    )


def with_node(**variables: str) -> dict[str, str]:
    """Return the environment's variables and more, with our node the first on PATH."""
    path = os.pathsep.join([str(find_node().parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, **variables}


def read_axe(root: Path) -> str:
    """Return the script of axe, which looks on a page for barriers to people with disabilities."""
    return (install_tools(root) / AXE).read_text(encoding="utf-8")
