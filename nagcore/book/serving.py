"""Show the built site on this machine."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nagcore.book.building import site_folder
from nagcore.errors import UsageError

HOST = "127.0.0.1"  # this machine only


class _Handler(SimpleHTTPRequestHandler):
    """Serves files; a line for each of the thirty requests of a page would hide real messages."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if str(code).startswith(("4", "5")):
            super().log_request(code, size)


def open_server(root: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the built site that already listens; port 0 takes any free one.

    Raises:
        UsageError: the book is not built, or the port cannot be had.
    """
    site = site_folder(root)
    if not (site / "index.html").is_file():
        raise UsageError(f"{site} holds no site; build the book first: make book")
    if not 0 <= port <= 65535:
        raise UsageError(f"port {port} does not exist; choose one from 1024 to 65535")
    handler = functools.partial(_Handler, directory=str(site))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be opened: {error.strerror}; "
            f"choose another, for example: nagcore serve --port {8000 if port != 8000 else 8001}"
        ) from error


def serve(root: Path, port: int = 8000) -> None:
    """Serve the built site until interrupted.

    Args:
        root: the checkout.
        port: where to listen on 127.0.0.1.

    Raises:
        UsageError: the book is not built, or the port cannot be had.
    """
    with open_server(root, port) as server:
        print(f"http://{HOST}:{server.server_port}/  (Ctrl-C ends it)")  # noqa: T201
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
