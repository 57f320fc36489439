"""`nagcore record` on a sweep: within a time, by tier, and what it says of what is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nagcore.cli import app
from nagcore.evidence import experiments
from nagcore.evidence.clock import Clock


@pytest.fixture
def cli(sweep, root: Path, monkeypatch: pytest.MonkeyPatch):
    first = sweep.experiment
    declaration = replace(first.declaration, name="toy-full")
    second = replace(first, declaration=declaration, tier=2)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"toy-full": second, "toy-squares": first})
    monkeypatch.chdir(root)

    def call(*words: str):
        return CliRunner().invoke(app, ["record", *words])

    return call


def over_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    asked = iter(range(count))
    monkeypatch.setattr(Clock, "over", lambda self: next(asked, None) is None)


def recorded(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "results").rglob("*.json"))


def test_within_a_time_the_most_valuable_are_begun_and_the_rest_is_told(
    cli, root: Path, monkeypatch
):
    with monkeypatch.context() as patch:
        over_after(patch, 4)  # asked before the experiment, and before each of its four batches
        result = cli("--within", "20", "--stale")
    assert result.exit_code == 0
    assert "toy-squares: 7 of 10 settings so far" in result.output
    assert "left to record: toy-squares, toy-full" in result.output
    assert "go on with: nagcore record --device cpu --stale --within 20\n" in result.output
    assert recorded(root) == []
    result = cli("--within", "20", "--stale")
    assert result.exit_code == 0
    assert "left" not in result.output
    assert recorded(root) == ["toy-full", "toy-squares"]


def test_with_names_only_those_left_are_named(cli, root: Path, monkeypatch):
    over_after(monkeypatch, 6)
    result = cli("toy-squares", "toy-full", "--one-by-one", "--within", "0.5", "--retry-failed")
    assert "left to record: toy-squares, toy-full" in result.output
    assert "record toy-squares toy-full --device cpu --within 0.5 --one-by-one --retry-failed" in (
        result.output
    )
    over_after(monkeypatch, 6)
    result = cli("toy-squares", "toy-full", "--within", "0.5")
    assert recorded(root) == ["toy-squares"]
    assert "go on with: nagcore record toy-full --device cpu --within 0.5\n" in result.output


def test_a_tier_is_recorded_alone(cli, root: Path):
    assert cli("--tier", "1").exit_code == 0
    assert recorded(root) == ["toy-squares"]
    assert "nothing to record" in cli("--tier", "1").output
    assert cli("--tier", "2").exit_code == 0
    assert recorded(root) == ["toy-full", "toy-squares"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--within", "0"], "within is 0.0, expected more than 0 minutes"),
        (["--tier", "3"], "tier is 3, expected 1 or 2"),
        (["--jobs", "0"], "jobs is 0, expected a whole number"),
    ],
)
def test_bad_values_are_refused_before_anything_is_measured(cli, root: Path, words, expected):
    result = cli(*words)
    assert result.exit_code == 2
    assert expected in result.output
    assert recorded(root) == []


def test_where_all_settings_fail_the_next_experiment_is_recorded(cli, root: Path, monkeypatch):
    monkeypatch.setenv("TOY_FAIL", "0,1,2,3,4")
    result = cli("toy-squares")
    assert result.exit_code == 2
    assert "error: toy-squares: all 10 settings of toy-squares failed" in result.output
    monkeypatch.setenv("TOY_FAIL", "0")
    assert "2 of 10 settings failed" in cli("toy-full").output
    assert "2 of 10 settings failed" in cli("--list").output.replace("\n", " ")
