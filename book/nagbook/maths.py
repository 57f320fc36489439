"""Formulas become HTML while the book is built: repairs to sphinxcontrib.katex."""

from __future__ import annotations

import html
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinxcontrib import katex

from nagcore.book.node import find_node

STARTUP_TIMEOUT = 60.0  # seconds; a busy machine may take more than the 5 of the package
RENDER_TIMEOUT = 30.0  # seconds, per formula
RETRY_INTERVAL = 0.01  # seconds
STYLE_VERSION = re.compile(r'katex-version::?after\{content:"([^"]+)"')

_logger = logging.getLogger(__name__)
_render_or_raise = katex.render_latex


def install() -> None:
    """Put the repairs in place, and use the node that the environment brings."""
    katex.NODEJS_BINARY = str(find_node())
    katex.STARTUP_TIMEOUT = STARTUP_TIMEOUT
    katex.RENDER_TIMEOUT = RENDER_TIMEOUT
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.KaTeXServer.start_server_process = classmethod(connect_when_listening)  # type: ignore[assignment]
    katex.render_latex = render_or_warn


def connect_when_listening(
    server: type[katex.KaTeXServer], rundir: Path, timeout: float
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the renderer and connect once it listens.

    The package connects as soon as the socket's file exists, which is before node listens on it;
    on a busy machine one start in eight was refused, and the build with it.
    """
    path = rundir / "katex.sock"
    command = server.build_command(socket=path)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=rundir)
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if process.poll() is not None:
                process.communicate()
                raise katex.KaTeXError(f"node ended with {process.returncode}") from None
            if time.monotonic() > deadline:
                process.kill()
                process.communicate()
                raise server.timeout_error(timeout) from None
            time.sleep(RETRY_INTERVAL)
        else:
            return process, connection


def render_or_warn(latex: str, options: dict[str, Any] | None = None) -> str:
    """Render a formula; a formula KaTeX cannot read is a warning, hence an error of the build.

    The package's default paints it red and goes on, so that nobody hears of it.
    """
    try:
        return _render_or_raise(latex, options)
    except katex.KaTeXError as error:
        _logger.warning("formula not understood: %s\n%s", error, latex, type="katex")
        return f"<code>{html.escape(latex)}</code>"


def check_style_version(app: Sphinx, config: Config) -> None:
    """Refuse a style sheet of another KaTeX than the one that makes the HTML."""
    for folder in config.html_static_path:
        style = Path(app.srcdir, folder, config.katex_css_path)
        if style.is_file():
            found = STYLE_VERSION.search(style.read_text(encoding="utf-8"))
            if found and found[1] == katex.katex_version:
                return
            raise ExtensionError(
                f"{style} is of KaTeX {found[1] if found else 'unknown'}, the renderer of "
                f"{katex.katex_version}: replace it and fonts/ by those of that version"
            )
    raise ExtensionError(f"{config.katex_css_path} is in none of {config.html_static_path}")
