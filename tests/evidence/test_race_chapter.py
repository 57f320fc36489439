"""Chapter 12: its tables and verdicts follow from records, and its numbers come from them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from nagcore.evidence import fastest_table, race_caveats, race_verdicts
from nagcore.evidence.experiments.fair_race import EXPERIMENT, SMALL
from nagcore.evidence.experiments.fastest_94 import EXPERIMENT as FASTEST
from nagcore.evidence.fair_race_table import (
    all_runs,
    best_record,
    caption_of,
    curves,
    loss_sensitivity,
    race_profile,
    raced,
    steps_in_words,
    tabulate_race,
    tabulate_tests,
    with_labels,
)
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.race_readings import (
    READINGS,
    compare_at,
    leaders,
    place,
    read_race,
    say_reversal,
    tabulate_readings,
)
from nagcore.evidence.record import Record

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "chapters" / "12-a-fair-race.ipynb"
MADE = Provenance(
    commit="0" * 40, clean=True, time="2026-11-26T00:00:00+00:00", device="CPU (test)",
    versions={}, seconds=1.0, code_hash="0", threads=1,
)  # fmt: skip
LRS, TUNING, FRESH = (0.01, 0.1, 1.0, 10.0), (100, 101), (0, 1, 2, 3, 4)
METHODS = ("sgd", "nag", "adam")
TASKS_RACED = ("softmax", "mlp")


def race(steps, chosen=None):
    """Return a record in which `steps(task, method, lr, seed)` are the steps to the target."""
    budget = dict.fromkeys(TASKS_RACED, 100)
    declaration = SMALL.declaration.replace(
        task=TASKS_RACED, optimizer=METHODS, lr=LRS, tuning_seeds=TUNING, seeds=FRESH,
        steps={**budget, "autoencoder": 100},
    )  # fmt: skip
    rows = []
    for task in TASKS_RACED:
        for method in METHODS:
            runs = [(lr, seed) for seed in (*TUNING, *FRESH) for lr in LRS]
            values = [float(steps(task, method, *run)) for run in runs]
            lr = (chosen or {}).get((task, method), 0.1)
            rows.append(
                {
                    "task": task, "optimizer": method, "chosen_lr": lr,
                    "at_edge": {LRS[0]: "least", LRS[-1]: "greatest"}.get(lr, ""),
                    "run_lr": [run[0] for run in runs], "run_seed": [run[1] for run in runs],
                    "run_loss": [1.0 if math.isinf(v) else 0.5 for v in values],
                    "run_steps": values, "run_status": ["budget"] * len(runs),
                    "step": [50, 100], "losses": [[1.0, 0.5]] * len(FRESH),
                    "test_loss": [0.5, 0.6, 0.7, 0.8, 0.9],
                    "test_accuracy": [0.8, 0.8, 0.8, 0.8, 0.8], "seconds": 1.0,
                }
            )  # fmt: skip
    return Record(declaration, MADE, tuple(rows))


def plain(task, method, lr, seed):
    """NAG is best, then Adam, then SGD; the best step size of each is 0.1."""
    base = {"nag": 20, "adam": 40, "sgd": 80}[method]
    return base if lr == 0.1 else math.inf if lr == 10.0 else base + 15


def plain_but_adam_first(task, method, lr, seed):
    return 10 if method == "adam" else plain(task, method, lr, seed)


def test_a_race_is_told_run_by_run():
    record = race(plain)
    runs = all_runs(record)
    assert len(runs) == 2 * 3 * 4 * 7
    assert set(raced(record)["seed"]) == set(FRESH)
    assert set(raced(record)["lr"]) == {0.1}
    assert len(curves(record)) == 2 * 3 * 5 * 2
    missed = runs.loc[runs["steps"] == math.inf, "cost"]
    assert set(missed) == {200.5}
    sensitive = loss_sensitivity(record)
    at = sensitive.loc[(sensitive["method"] == "nag") & (sensitive["lr"] == 10.0), "median"]
    assert at.tolist() == [1.0, 1.0]
    assert set(with_labels(runs)["task"]) == {"logistic regression", "one hidden layer"}


def test_losses_are_cut_off_where_the_figure_ends_but_lost_runs_are_not():
    record = race(plain)
    for row in record.rows:
        pairs = zip(row["run_lr"], row["run_loss"], strict=True)
        row["run_loss"][:] = [{1.0: 9.0, 10.0: math.nan}.get(lr, loss) for lr, loss in pairs]
    frame = loss_sensitivity(record).set_index("lr")
    assert set(frame.loc[0.1, "median"]) == {0.5}
    assert set(frame.loc[1.0, "greatest"]) == {2.0}
    assert set(frame.loc[10.0, "median"]) == {math.inf}


def test_the_table_has_medians_intervals_and_edges():
    table = tabulate_race(race(plain, {("mlp", "sgd"): 10.0, ("softmax", "nag"): 0.01}))
    assert table.loc["Nesterov (NAG)", ("one hidden layer", "steps")] == "20 (20 to 20)"
    assert table.loc["SGD", ("one hidden layer", "steps")] == "∞ (∞ to ∞)"
    assert table.loc["SGD", ("one hidden layer", "lr")] == "10 ↑"
    assert table.loc["Nesterov (NAG)", ("logistic regression", "lr")] == "0.01 ↓"
    assert steps_in_words(np.array([7.0])) == "7"
    tests = tabulate_tests(race(plain))
    assert tests.loc["Adam", ("logistic regression", "accuracy, %")] == "80.0 ± 0.0"


def test_who_is_first_is_said_for_each_task():
    said = race_verdicts.say_first(race(plain))
    assert said.startswith("First at the target")
    assert "Nesterov (NAG) on the task logistic regression with 20 steps;" in said
    said = race_verdicts.say_first(race(lambda t, m, lr, s: 30 if m == "sgd" else 50))
    assert "SGD on the task one hidden layer with 30 steps (Nesterov's method: 50)" in said
    said = race_verdicts.say_first(race(lambda t, m, lr, s: math.inf))
    assert "no method on the task logistic regression; no method" in said
    tie = race_verdicts.say_first(race(lambda t, m, lr, s: 30 if m != "nag" else math.inf))
    assert "SGD and Adam on the task" in tie
    assert "(Nesterov's method: not reached)" in tie


def test_the_profile_is_put_into_words():
    assert race_verdicts.say_profile(race(plain)).endswith("1.00, has Nesterov (NAG).")
    said = race_verdicts.say_profile(race(lambda t, m, lr, s: 10 if m == "sgd" else 20))
    assert said.endswith(
        "1.00, has SGD; Nesterov's method is number 2 of 3 with 0.67, and less than 0.1 from that "
        "is Adam."
    )
    said = race_verdicts.say_profile(race(lambda t, m, lr, s: {"sgd": 10, "nag": 20}.get(m, 90)))
    assert said.endswith("less than 0.1 from that is none of the others.")
    none = race_verdicts.say_profile(race(lambda t, m, lr, s: math.inf))
    assert "No method reaches a target" in none


def test_pairs_are_told_apart_only_where_they_are():
    said = race_verdicts.say_pairs(race(plain))
    assert said.startswith("Over all 10 pairs of task and seed")
    assert said.endswith("needs fewer steps than SGD and Adam; it can be told from all.")
    said = race_verdicts.say_pairs(race(lambda t, m, lr, s: 5 if m == "adam" else 50))
    assert said.endswith("needs more steps than Adam; it cannot be told from SGD.")
    same = race_verdicts.say_pairs(race(lambda t, m, lr, s: 50))
    assert same.endswith("can be told from none of the others.")
    both = race_verdicts.say_pairs(race(plain_but_adam_first))
    assert both.endswith("fewer steps than SGD and more steps than Adam; it can be told from all.")
    lost = race(lambda t, m, lr, s: math.inf if m == "nag" else 50)
    assert "more steps than SGD and Adam" in race_verdicts.say_pairs(lost)


def test_edges_misses_and_divergence_are_said():
    assert "No step size" in race_verdicts.say_edges(race(plain))
    edged = race(plain, {("mlp", "adam"): 10.0})
    assert "Adam on the task one hidden layer (greatest)" in race_verdicts.say_edges(edged)
    said = race_verdicts.say_lost(edged)
    assert "missed in the median by Adam on the task one hidden" in said
    assert "Of the 30 runs on fresh seeds with the step size that was chosen, 5 missed" in said
    none = race_verdicts.say_lost(race(plain))
    assert "chosen, 0 missed the target; it was missed in the median by nobody." in none
    record = race(plain)
    record.rows[0]["run_status"][3] = "diverged"
    assert "In 1 of the 168 runs of the search" in race_verdicts.say_lost(record)


def test_methods_that_cannot_be_told_apart_may_part_on_single_tasks():
    def mixed(task, method, lr, seed):
        ahead = (method == "nag") == (task == "mlp")
        return 20 if ahead else 40

    said = race_caveats.say_mixed(race(mixed))
    assert "fewer steps than all of these on the task one hidden layer, and more" in said
    assert said.endswith("all of them on the task logistic regression.")
    assert "no single task" in race_caveats.say_mixed(race(lambda t, m, lr, s: 50))
    assert "There is no method" in race_caveats.say_mixed(race(plain))


def test_the_best_on_the_test_images_is_said_for_each_task():
    record = race(plain)
    scores = {"sgd": 0.7, "nag": 0.8, "adam": 0.9}
    for row in record.rows:
        row["test_accuracy"][:] = [scores[row["optimizer"]]] * 5
        if row["task"] == "mlp":  # stands for a task on which nothing is told
            row["test_accuracy"][:] = [math.nan] * 5
            row["test_loss"][:] = [scores[row["optimizer"]]] * 5
    said = race_caveats.say_tests(record)
    assert "Adam on the task logistic regression (Nesterov's method: number 2 of 3);" in said
    assert "SGD on the task one hidden layer (Nesterov's method: number 2 of 3)." in said


def test_the_two_races_are_held_against_each_other():
    large = replace(race(plain), declaration=replace(race(plain).declaration, name="fair-race"))
    assert "is shown above" in race_caveats.say_beside_small(race(plain), race(plain))
    said = race_caveats.say_beside_small(large, race(plain))
    assert said.startswith("The largest area belongs to Nesterov (NAG) in both; Nesterov's method")
    said = race_caveats.say_beside_small(large, race(plain_but_adam_first))
    assert "is Nesterov (NAG) in fair-race and Adam in fair-race-small; " in said
    assert said.endswith("number 1 of 3 in fair-race and number 2 of 3 in fair-race-small.")


def test_choices_are_compared_with_those_of_the_fresh_seeds():
    assert "For 6 of 6 pairs" in race_verdicts.say_hindsight(race(plain))
    assert "For 5 of 6" in race_verdicts.say_hindsight(race(plain, {("mlp", "nag"): 1.0}))
    said = race_verdicts.say_valleys(race(plain, {("mlp", "nag"): 1.0}))
    assert "1 on the task logistic regression and 10 on the task one hidden layer" in said


def luck(task, method, lr, seed):
    """Adam is first in the median, NAG with its luckiest seed, and SGD at large step sizes."""
    if lr >= 1.0:
        return 50 if method == "sgd" else math.inf
    if method == "nag":
        return {0: 5, 100: 30, 101: 30}.get(seed, 45)
    return {"adam": 30, "sgd": 60}[method]


def test_careless_readings_find_other_winners():
    record = race(luck)
    winners = {reading: leaders(read_race(record, reading).scores()) for reading in READINGS}
    assert winners["fair"] == ["adam"]
    assert winners["single"] == winners["luckiest"] == ["nag"]
    assert winners["high"] == ["sgd"]
    assert winners["narrow"] == winners["low"] == ["adam"]
    assert "name another winner" in race_verdicts.say_readings(record)
    assert "Of the 6 careless readings 3 would" in race_verdicts.say_readings(record)
    assert "from place 1 to place 2" in race_verdicts.say_readings(record)
    table = tabulate_readings(record)
    assert table.loc["one seed", "first"] == "Nesterov (NAG)"
    assert table.loc["as declared", "place of NAG"] == 2
    steady = race(lambda t, m, lr, s: {"nag": 20, "adam": 40, "sgd": 80}[m])
    assert "none would name another" in race_verdicts.say_readings(steady)
    assert "on place 1 throughout" in race_verdicts.say_readings(steady)


def test_places_are_shared_and_nobody_wins_a_race_that_nobody_ends():
    scores = pd.Series({"sgd": 0.9, "nag": 0.5, "adam": 0.5})
    assert [place(scores, name) for name in ("sgd", "nag", "adam")] == [1, 2, 2]
    assert leaders(pd.Series({"sgd": 0.0, "nag": 0.0})) == ["none"]
    assert race_profile(race(plain)).scores().to_dict()["nag"] == 1.0


def test_the_caption_says_where_how_and_how_often():
    words = caption_of(race(plain))
    assert words.startswith(
        "Experiment fair-race-small, CPU-sized. Every method had the same 4 trials"
    )
    assert "(n = 5)" in words
    on_gpu = Record(EXPERIMENT.declaration, MADE, ())
    assert caption_of(on_gpu).startswith("Experiment fair-race, on a GPU.")


def test_a_record_of_a_gpu_goes_first(monkeypatch):
    from nagcore.evidence import fair_race_table

    found, fallback = race(plain), race(luck)
    monkeypatch.setattr(fair_race_table, "load_or_run", lambda experiment: fallback)
    monkeypatch.setattr(fair_race_table, "load_if_recorded", lambda *a: None)
    assert best_record([EXPERIMENT, SMALL]) is fallback
    monkeypatch.setattr(fair_race_table, "load_if_recorded", lambda *a: found)
    assert best_record([EXPERIMENT, SMALL]) is found


def test_the_first_table_says_who_is_ahead_where():
    table = compare_at([0.001, 0.03], ["sgd", "adam"], steps=10, seed=0)
    assert list(table.columns) == ["SGD", "Adam"]
    assert np.isfinite(table.to_numpy()).all()
    made = pd.DataFrame({"A": [1.0, 3.0], "B": [2.0, 0.5]}, index=["0.1", "0.2"])
    said = say_reversal(made)
    assert said == (
        "A is ahead at 0.1; B is ahead at 0.2. Each at its own best step size: A 1.000, B 0.500."
    )


# the chapter's own words


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(CHAPTER, as_version=4)


def prose(text):
    """Return what is left of markdown without mathematics, code, directives, roles and links."""
    text = re.sub(r"```\{literalinclude\}.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"^(:|\(|```).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", text, flags=re.DOTALL)
    text = re.sub(r"\{[a-z:]+\}`[^`]*`|`[^`]*`", "", text)
    return re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)


def test_no_numeral_is_typed_into_prose(notebook):
    names = {"CIFAR-10", "bfloat16"}
    for cell in notebook.cells:
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        words = prose(cell.source if cell.cell_type == "markdown" else caption)
        for name in names:
            words = words.replace(name, "")
        assert not re.findall(r"\S*\d\S*", words), cell.source[:60]


def test_all_that_is_glued_is_known(notebook):
    text = "".join(c.source for c in notebook.cells)
    text += "".join(
        c.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for c in notebook.cells
    )
    used = set(re.findall(r"\{glue:text\}`([^`]+)`", text))
    named = set(re.findall(r"glue\(\"(\w+)\"", text))
    known = set(race_verdicts.summarize_race(race(plain)))
    known |= set(race_caveats.summarize_caveats(race(plain), race(luck)))
    known |= set(fastest_table.summarize_recipe(FASTEST.declaration))
    assert used <= named | known
    assert all(race_verdicts.summarize_race(race(plain)).values())


def test_the_experiments_that_the_chapter_shows_are_those_of_this_file(notebook):
    names = re.findall(r"\"(fa(?:ir|st)[a-z0-9-]+)\"", "".join(c.source for c in notebook.cells))
    assert set(names) == {"fair-race", "fair-race-small", "fair-race-full", "fastest-94"}
