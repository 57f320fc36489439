"""The linters are run, their faults shown, their failures counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nagcore.errors import MissingExtraError, UsageError
from nagcore.lint import LINTERS, Linter, run_all

STYLE = next(linter for linter in LINTERS if "check" in linter.command)
STRIPPED = next(linter for linter in LINTERS if linter.package == "nbstripout")


def test_a_fault_is_shown_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fault.py").write_text("import os\n")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "01-a.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    assert run_all(tmp_path, [STYLE, STRIPPED]) == 1
    shown = capsys.readouterr().out
    assert "fault.py:1:8" in shown
    assert "2 checks, 1 failed" in shown


def test_a_chapter_with_outputs_fails(tmp_path: Path) -> None:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "01-a.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {}, '
        '"outputs": [], "source": "1"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    assert run_all(tmp_path, [STRIPPED]) == 1


def test_a_linter_that_is_not_installed_names_its_extra(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"'nothing'.*'\.\[dev\]'"):
        run_all(tmp_path, [Linter("all", "nothing", ("no-such-linter",))])


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"chapters/\*\.ipynb"):
        run_all(tmp_path, [STRIPPED])
