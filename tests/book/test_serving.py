"""Serving the site, and the errors a user may meet."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from nagcore.book import open_server, site_folder
from nagcore.errors import UsageError


@pytest.fixture
def built(tmp_path: Path) -> Path:
    site_folder(tmp_path).mkdir(parents=True)
    (site_folder(tmp_path) / "index.html").write_text("the book")
    return tmp_path


def test_site_is_served_on_this_machine_only(built: Path) -> None:
    with open_server(built, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            with urllib.request.urlopen(f"{address}/index.html") as response:
                assert response.read() == b"the book"
            with pytest.raises(urllib.error.HTTPError, match="404") as caught:
                urllib.request.urlopen(f"{address}/nothing.html")
            caught.value.close()
        finally:
            server.shutdown()
            thread.join()
        assert server.server_address[0] == "127.0.0.1"


def test_unbuilt_book_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make book"):
        open_server(tmp_path, 0)


def test_taken_port_is_named(built: Path) -> None:
    with (
        open_server(built, 0) as first,
        pytest.raises(UsageError, match=f"port {first.server_port} cannot be opened"),
    ):
        open_server(built, first.server_port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_impossible_port_is_named(built: Path, port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port} does not exist"):
        open_server(built, port)
