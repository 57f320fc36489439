"""The audit's rule, its tables, and that chapter 06 comes to the verdicts that its prose has."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from nagcore.errors import UsageError
from nagcore.evidence.article_claims import CLAIMS, Audit, Finding, anchor
from nagcore.evidence.article_costs import StepCost
from nagcore.evidence.article_defects import CHAPTER, DEFECTS, tabulate_defects
from nagcore.evidence.article_systems import SYSTEMS, find_code, tabulate_systems
from nagcore.evidence.article_threshold import ThresholdRun
from nagcore.evidence.figures import article

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
HERE = CHAPTERS / "06-the-article.ipynb"
TRUE = {"functional-loss", "torch-adam"}
CONDITIONS = {"speed", "change", "small", "large", "adam-average", "plain"}
UNTESTABLE = {"lbfgs-estimate"}


def cells(path: Path) -> list[Any]:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT).cells


def markdown(path: Path) -> str:
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def headings(path: Path) -> list[str]:
    return re.findall(r"^##+ (.*)$", markdown(path), re.MULTILINE)


def labels() -> set[str]:
    pages = "\n".join(markdown(path) for path in CHAPTERS.glob("*.ipynb"))
    return set(re.findall(r"^\((ch:[\w-]+)\)=$", pages, re.MULTILINE))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ((True,), "true"),
        ((True, True), "true"),
        ((False,), "false"),
        ((False, False), "false"),
        ((True, False), "true with conditions"),
        ((False, True, False), "true with conditions"),
        ((), "not testable as stated"),
    ],
)
def test_the_verdict_follows_from_what_was_seen(seen, verdict):
    observations: dict[str, Any] = {
        f"sentence {i}": np.bool_(holds) for i, holds in enumerate(seen)
    }
    audit = Audit()
    assert audit.judge("step", observations).verdict == verdict
    assert audit.count(verdict) == 1


def test_a_finding_shows_every_sentence():
    shown = Finding(CLAIMS["step"], {"a": True, "b": False})._repr_markdown_()
    assert "**True with conditions**" in shown
    assert shown.splitlines()[-2:] == ["- a: *yes*", "- b: *no*"]
    nothing = Finding(CLAIMS["step"], {})._repr_markdown_()
    assert "**Not testable as stated**. Nothing follows" in nothing


def test_the_table_wants_a_verdict_on_every_claim():
    audit = Audit()
    for key in CLAIMS:
        with pytest.raises(UsageError, match=f"not judged yet: .*{key}"):
            audit.table()
        audit.judge(key, {"seen": False})
    table = audit.table()
    assert len(table.splitlines()) == 2 + len(CLAIMS)
    assert table.count("**false**") == len(CLAIMS)


def test_every_claim_is_decided_under_a_heading_of_the_chapter_in_this_order():
    sections = list(dict.fromkeys(claim.section for claim in CLAIMS.values()))
    assert [heading for heading in headings(HERE) if heading in sections] == sections
    code = "\n".join(cell.source for cell in cells(HERE) if cell.cell_type == "code")
    assert re.findall(r'audit\.judge\(\s*"([\w-]+)"', code) == list(CLAIMS)


def test_all_chapters_that_are_named_exist():
    named = {label for claim in CLAIMS.values() for label in claim.chapters}
    named |= {label for system in SYSTEMS for label in system.chapters}
    assert named <= labels()


def test_all_code_that_is_named_exists():
    for system in SYSTEMS:
        for name in system.code:
            assert find_code(name) is not None, name


def test_the_systems_are_seventeen_each_in_a_line():
    assert [system.key for system in SYSTEMS] == [f"S{i}" for i in range(1, 18)]
    table = tabulate_systems().splitlines()[2:]
    assert [line.split(" |")[0] for line in table] == [f"| {system.key}" for system in SYSTEMS]
    assert {line.count("|") for line in table} == {6}


def test_each_defect_is_shown_where_the_table_says():
    text = markdown(CHAPTERS / CHAPTER)
    parts = dict(re.findall(r"^##+ (.*?)\n(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL))
    for defect in DEFECTS:
        assert f"**{defect.words}**" in parts[defect.heading], defect.what
    assert len(DEFECTS) == 14
    assert tabulate_defects().count(f"({CHAPTER}#data)") == 5


def test_anchors_are_those_of_the_book():
    assert anchor("The threshold K") == "the-threshold-k"
    assert anchor("What is adjusted?") == "what-is-adjusted"


@pytest.fixture
def _no_screen():
    backend = mpl.get_backend()
    mpl.use("agg")
    yield
    assert not plt.get_fignums(), "a figure was left open, so a notebook would show it twice"
    mpl.use(backend)


def widths(axes: Axes) -> list[float]:
    return [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]


@pytest.mark.usefixtures("_no_screen")
def test_bars_are_per_parameter_and_curves_against_operations():
    costs = {"gd": StepCost(20, 0), "nag": StepCost(50, 10)}
    gaps = {name: np.array([2.0, 1.0]) for name in costs}
    operations = {"gd": np.array([0, 2e6]), "nag": np.array([0, 3e6])}
    figure = article.draw_step_costs(costs, 10, gaps, operations)
    taken, kept, total = figure.axes
    assert widths(taken) == [5.0, 2.0]  # from below
    assert widths(kept) == [1.0, 0.0]
    assert [text.get_text() for text in taken.texts] == ["5", "2"]
    assert np.asarray(total.lines[1].get_xdata()).tolist() == [0.0, 3.0]
    assert np.asarray(total.lines[1].get_ydata()).tolist() == [1.0, 0.5]


@pytest.mark.usefixtures("_no_screen")
def test_thresholds_and_examples_are_drawn_as_given():
    runs = {"rises": [ThresholdRun(60, 1.5, 0), ThresholdRun(80, 1.0, 3)]}
    steps, rises = article.draw_thresholds([0.1, 1.0], runs).axes
    assert np.asarray(steps.lines[0].get_ydata()).tolist() == [60, 80]
    assert np.asarray(rises.lines[0].get_ydata()).tolist() == [1.5, 1.0]
    (axes,) = article.draw_examples([10, 100], {"sgd": [5, 6]}).axes
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [10, 100]
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [5, 6]


@pytest.mark.slow
def test_the_chapter_comes_to_the_verdicts_that_its_prose_has(monkeypatch):
    """Run its code cells; the figures have tests of their own."""
    for name in ("draw_step_costs", "draw_thresholds", "draw_examples"):
        monkeypatch.setattr(article, name, lambda *_: None)
    glued: dict[str, object] = {}
    stub = SimpleNamespace(glue=lambda key, value, display: glued.update({key: value}))
    monkeypatch.setitem(sys.modules, "myst_nb", stub)
    space: dict = {}
    for cell in cells(HERE):
        if cell.cell_type == "code":
            source = "\n".join(line for line in cell.source.splitlines() if line[:1] != "%")
            exec(source, space)
    verdicts = {key: finding.verdict for key, finding in space["audit"].findings.items()}
    expected = dict.fromkeys(CLAIMS, "false")
    expected |= dict.fromkeys(TRUE, "true") | dict.fromkeys(CONDITIONS, "true with conditions")
    expected |= dict.fromkeys(UNTESTABLE, "not testable as stated")
    assert verdicts == expected
    assert glued["article_claims"] == len(CLAIMS)
    used = set(re.findall(r"\{glue:text\}`(\w+(?:-\w+)*)`", HERE.read_text(encoding="utf-8")))
    assert used <= set(glued)
