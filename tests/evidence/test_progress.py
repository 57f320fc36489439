"""Progress goes to standard error, as a bar on a terminal and as lines elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from nagcore.evidence.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("total", "most"), [(1, 1), (7, 7), (100, 11)])
def test_a_log_gets_few_lines_and_the_last(capsys, total: int, most: int):
    assert list(track(range(total), total, "toy")) == list(range(total))
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= most
    assert err.splitlines()[-1].startswith(f"toy: {total} of {total} settings")


def test_what_was_done_before_counts(capsys):
    list(track(range(2), 5, "toy", done=3))
    assert "toy: 4 of 5 settings" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert list(track(range(3), 5, "toy", done=2)) == [0, 1, 2]
    assert "toy" in terminal.getvalue()
    assert "5/5" in terminal.getvalue()
    assert capsys.readouterr().out == ""
