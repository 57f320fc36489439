"""The committed records: they fit their declarations, and small reruns agree with them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from nagcore.evidence import agrees, code_files, load_record, summarize
from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.experiments.cnn_1000 import DECLARATION as CNN
from nagcore.evidence.experiments.cnn_tuning import best_step_sizes

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "results").glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parent.name} on {path.stem}")
def test_every_record_fits_its_declaration(path):
    assert path.parent.name in EXPERIMENTS, f"{path} belongs to no experiment; remove it"
    record = load_record(EXPERIMENTS[path.parent.name], path.stem, root=ROOT)
    assert record.provenance.commit, "a record without a commit cannot be made again"
    assert len(record.rows) == record.declaration.size


def test_every_record_was_made_by_code_that_is_committed(tmp_path):
    """By a clean tree; or the hash of the code that made it is that of its commit, or today's.

    A machine with a GPU may be handed a working tree with files that have no part in the result.
    """
    unclean: dict[str, dict[str, str]] = {}
    for path in RECORDS:
        record = load_record(EXPERIMENTS[path.parent.name], path.stem, root=ROOT)
        if record.provenance.clean is False and record.stale:
            module = EXPERIMENTS[path.parent.name].module
            commit = record.provenance.commit or ""
            unclean.setdefault(commit, {})[module] = record.provenance.code_hash
    for commit, made in unclean.items():
        assert made == hashes_at(commit, list(made), tmp_path), "made by code that is nowhere"


def hashes_at(commit: str, modules: list[str], folder: Path) -> dict[str, str]:
    """Return the hashes of modules as they were at a commit."""
    packed = subprocess.run(
        ["git", "archive", commit, "nagcore"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"this checkout does not reach back to commit {commit[:7]}")
    place = folder / commit
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(place, filter="data")
    ask = (
        "import sys\nfrom nagcore.evidence.codehash import code_hash, __file__ as where\n"
        "print(where, *map(code_hash, sys.argv[1:]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask, *modules],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, *hashes = said.stdout.split()
    assert Path(where).is_relative_to(place)
    return dict(zip(modules, hashes, strict=True))


def test_every_experiment_has_its_cpu_record():
    recorded = {path.parent.name for path in RECORDS if path.stem == "cpu"}
    assert recorded == {name for name, e in EXPERIMENTS.items() if "cpu" in e.declaration.devices}


def rerun(name, columns, **setting):
    """Measure one recorded setting again; return the new and the recorded columns."""
    experiment = EXPERIMENTS[name]
    record = load_record(experiment, "cpu", root=ROOT)
    (wanted,) = [s for s in experiment.declaration.settings() if setting.items() <= s.items()]
    (row,) = [r for r in record.rows if setting.items() <= r.items()]
    measured = experiment.measured(wanted, "cpu")
    return {c: measured[c] for c in columns}, {c: row[c] for c in columns}


@pytest.mark.parametrize("method", ["gd", "heavy-ball", "nag"])
def test_rates_on_quadratics_are_measured_again_to_the_step(method):
    now, then = rerun(
        "rates-on-quadratics",
        ["steps", "status"],
        method=method,
        condition_number=100.0,
        accuracy=1e-12,
        seed=3,
    )
    # another BLAS may round a step that lies on the border to its other side
    assert now["steps"] == pytest.approx(then["steps"], abs=1)
    assert now["status"] == then["status"]


def test_the_neighbours_baseline_is_measured_again():
    now, then = rerun("baselines-1000", ["accuracy", "chosen"], classifier="k-nearest-neighbours")
    assert now == then


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["nag", "adam"])
def test_the_first_epochs_of_the_cnn_agree_with_the_recorded_spread(optimizer):
    epochs = 2
    experiment = EXPERIMENTS["cnn-1000"]
    record = load_record(experiment, "cpu", root=ROOT)
    small = experiment.declaration.replace(optimizer=(optimizer,), seed=(0,), epochs=epochs)
    measured = experiment.measured(small.settings()[0], "cpu")
    runs = [row for row in record.rows if row["optimizer"] == optimizer]
    for column in ("train_loss", "test_loss", "test_accuracy"):
        for epoch in range(1, epochs + 1):
            recorded = summarize(row[column][epoch] for row in runs)
            assert agrees(measured[column][epoch], recorded, k=4.0), (column, epoch, recorded)


def test_the_step_sizes_of_the_comparison_are_those_that_the_search_chose():
    search = load_record(EXPERIMENTS["cnn-tuning"], "cpu", root=ROOT)
    assert dict(CNN.constants["lr"]) == best_step_sizes(search.rows)
    same = ("epochs", "batch_size")
    assert [search.declaration.constants[c] for c in same] == [CNN.constants[c] for c in same]


def test_the_search_used_other_seeds_than_the_comparison():
    search = EXPERIMENTS["cnn-tuning"].declaration
    assert not set(search.axes["seed"]) & set(CNN.axes["seed"])


def test_the_repaired_network_reaches_what_the_book_claims():
    record = load_record(EXPERIMENTS["cnn-1000"], "cpu", root=ROOT)
    accuracies = [row["accuracy"] for row in record.rows if row["optimizer"] == "nag"]
    assert summarize(accuracies).mean >= 0.82
    for row in record.rows:
        assert row["accuracy"] == pytest.approx(row["test_accuracy"][-1])
        assert len(row["predictions"]) == len(row["confidence"]) == 1000
        assert row["epoch"] == list(range(CNN.constants["epochs"] + 1))


def test_recorded_predictions_give_the_recorded_accuracy():
    """An independent count, from the labels as published."""
    from nagcore.fashion_mnist import load_arrays

    labels = load_arrays().test_labels
    for row in load_record(EXPERIMENTS["cnn-1000"], "cpu", root=ROOT).rows:
        assert np.mean(np.array(row["predictions"]) == labels) == pytest.approx(row["accuracy"])


def means(record, column="accuracy"):
    frame = record.frame()
    return frame.groupby("optimizer")[column].mean().to_dict()


def test_what_chapter_07_says_in_words_is_in_the_record():
    """Prose cannot be computed; when a new record contradicts it, this test asks to rewrite it."""
    record = load_record(EXPERIMENTS["cnn-1000"], "cpu", root=ROOT)
    baselines = load_record(EXPERIMENTS["baselines-1000"], "cpu", root=ROOT)
    accuracy = means(record)
    stochastic = {name: value for name, value in accuracy.items() if name != "gd"}
    assert min(stochastic.values()) > max(row["accuracy"] for row in baselines.rows)
    assert accuracy["gd"] < min(row["accuracy"] for row in baselines.rows)
    assert max(accuracy, key=accuracy.__getitem__) == "nag"
    assert max(stochastic.values()) - min(stochastic.values()) < 0.02
    fits = {row["optimizer"]: [] for row in record.rows}
    for row in record.rows:
        fits[row["optimizer"]].append((row["train_loss"][5], row["train_loss"][-1]))
    early, late = (
        {name: np.mean([pair[i] for pair in pairs]) for name, pairs in fits.items()} for i in (0, 1)
    )
    assert early["nag"] < early["heavy-ball"] < early["sgd"]
    assert min(late, key=late.__getitem__) == "nag"


def test_what_chapter_07_says_of_the_search_is_in_the_record():
    search = load_record(EXPERIMENTS["cnn-tuning"], "cpu", root=ROOT)
    best = best_step_sizes(search.rows)
    assert best["sgd"] == pytest.approx(10 * best["nag"])
    assert best["nag"] == best["heavy-ball"]
    assert best["adam"] == min(best.values())
    grid = search.declaration.axes["lr"]
    assert not {grid[0], grid[-1]} & set(best.values()), "a best step size at the grid's edge"


def test_what_chapter_03_says_of_the_rates_is_in_the_record():
    frame = load_record(EXPERIMENTS["rates-on-quadratics"], "cpu", root=ROOT).frame()
    hardest = frame[frame.condition_number == 1e4].groupby(["accuracy", "method"]).steps.mean()
    assert hardest[1e-12, "heavy-ball"] < hardest[1e-12, "nag"] < hardest[1e-12, "gd"] / 10
    assert hardest[1e-4, "nag"] < hardest[1e-4, "heavy-ball"] < hardest[1e-4, "gd"] / 10


def test_what_chapter_03_says_of_the_drift_is_in_the_record():
    record = load_record(EXPERIMENTS["drift-under-schedule"], "cpu", root=ROOT)
    changed_at = record.declaration.constants["changed_at"]
    drift = {(row["changed"], row["optimizer"]): np.array(row["distance"]) for row in record.rows}
    exact = {
        ("step size", "nagcore.optim.NAG"),
        ("momentum", "nagcore.optim.NAG"),
        ("step size", "Keras's update"),
    }
    for case, distance in drift.items():
        # the momentum of step k forms the query point after it, so it is seen a step earlier
        assert distance[: changed_at - 1].max() < 1e-13, case
        assert (distance.max() < 1e-13) == (case in exact), case
    assert drift["step size", "torch.optim.SGD"][changed_at:].min() > 1e-4


def column(frame, name, **where):
    """Return a column of numbers, where others have the values given, in the record's order."""
    for other, value in where.items():
        frame = frame.loc[frame[other] == value]
    assert len(frame), where
    return np.asarray(frame[name], dtype=float)


def test_what_chapter_04_says_of_the_certificates_is_in_the_record():
    frame = load_record(EXPERIMENTS["certificates"], "cpu", root=ROOT).frame()
    frame["ratio"] = frame["exact"] / frame["bound"]
    certified = frame.loc[frame["status"] == "certified"]
    for method in ("gd-convex", "nag-simplified", "fista-simplified", "ogm", "ogm-g"):
        ratio = column(certified, "ratio", method=method, mu=0.0)
        assert ratio == pytest.approx(1.0, abs=1e-4), method
    for method in ("gd", "triple-momentum", "item"):
        assert column(certified, "ratio", method=method) == pytest.approx(1.0, abs=1e-4), method
    halves = column(certified, "ratio", method="proximal-gradient")
    assert halves == pytest.approx(0.5, abs=1e-3)
    for method in ("nag-1983", "fista", "nag-chambolle-dossal", "silver"):
        assert column(certified, "ratio", method=method, mu=0.0).max() < 0.999, method
    for mu in (0.01, 0.1):
        # the proved rate of the constant momentum is not that of the method; robust momentum's is
        assert np.diff(column(certified, "ratio", method="nag", mu=mu)).max() < 0
        robust = column(certified, "ratio", method="robust-momentum", mu=mu)
        assert robust.max() < 1.02 * robust.min()
        for method in ("ogm", "ogm-g"):
            convex = column(certified, "exact", method=method, mu=0.0)
            curved = column(certified, "exact", method=method, mu=mu)
            assert curved == pytest.approx(convex, rel=1e-4)
        for method in ("gd-convex", "nag-1983"):
            convex = column(certified, "exact", method=method, mu=0.0)
            assert (column(certified, "exact", method=method, mu=mu) / convex).max() < 1
    reasons = [status for status in frame["status"] if status != "certified"]
    expected = ("needs mu", "its theorem", "no certificate")
    assert all(reason.startswith(expected) for reason in reasons)


def test_what_chapters_03_and_04_say_of_the_common_momenta_is_in_the_record():
    record = load_record(EXPERIMENTS["worst-cases"], "cpu", root=ROOT)
    frame, steps = record.frame(), np.array(record.declaration.axes["steps"])
    assert set(frame["status"]) == {"certified"}
    for mu in record.declaration.axes["mu"]:
        exact = {
            method: column(frame, "exact", method=method, mu=mu)
            for method in record.declaration.axes["method"]
        }
        assert (exact["nag-0.9"] > exact["gd-convex"])[steps >= 4].all()
        for method in ("heavy-ball-0.9", "heavy-ball-0.99"):
            assert np.diff(exact[method]).min() > 0
        assert (exact["heavy-ball-0.99"] > exact["heavy-ball-0.9"])[steps >= 2].all()
        # the alternative text of the figure
        assert steps[exact["nag-0.9"].argmax()] == 4
        assert steps[exact["nag-0.99"].argmax()] == 12
        for method in ("gd-convex", "nag-1983", "ogm"):
            assert np.diff(exact[method]).max() < 0


@pytest.mark.parametrize(
    ("method", "steps", "published"),
    [
        ("gd-convex", 4, 0.0556),
        ("gd-convex", 12, 0.0200),
        ("heavy-ball-0.9", 4, 0.5382),
        ("heavy-ball-0.9", 12, 0.7813),
        ("nag-0.9", 12, 0.1956),
        ("nag-1983", 12, 0.009146),
        ("ogm", 12, 0.004634),
    ],
)
def test_the_certificates_are_those_that_others_computed(method, steps, published):
    """With transcriptions of the methods, to the digits that they give."""
    frame = load_record(EXPERIMENTS["worst-cases"], "cpu", root=ROOT).frame()
    (exact,) = column(frame, "exact", method=method, steps=steps, mu=0.0)
    assert exact == pytest.approx(published, rel=2e-3)


def test_one_certificate_is_found_again():
    now, then = rerun("certificates", ["exact", "bound"], method="item", mu=0.1, steps=3)
    assert now == pytest.approx(then, rel=1e-5)


def test_what_chapter_05_says_of_restart_is_in_the_record():
    record = load_record(EXPERIMENTS["adaptive-restart"], "cpu", root=ROOT)
    frame, saved = record.frame(), {}
    for problem in record.declaration.axes["problem"]:
        steps = {
            # a run that did not get there in the steps allowed counts as never
            scheme: np.nan_to_num(
                column(frame, "steps", problem=problem, scheme=scheme), nan=np.inf
            ).mean()
            for scheme in record.declaration.axes["scheme"]
        }
        restarted = {s: steps[s] for s in ("function", "gradient", "speed", "estimated mu")}
        assert steps["gradient descent"] > steps["no restart"] > max(restarted.values()), problem
        saved[problem] = steps["no restart"] / steps["gradient"]
        if problem.startswith("quadratic"):
            assert max(restarted, key=restarted.__getitem__) == "speed"
            assert steps["gradient"] < 2 * steps["known mu"]
            estimates = column(frame, "mu", problem=problem, scheme="estimated mu")
            assert estimates.min() >= 1 / float(problem.rpartition(" ")[2])
    assert saved["quadratic, κ = 1e4"] > saved["quadratic, κ = 1e6"] > 1


@pytest.mark.parametrize("scheme", ["gradient", "estimated mu"])
def test_a_restarted_run_is_measured_again_to_the_step(scheme):
    now, then = rerun("adaptive-restart", ["steps"], problem="log-sum-exp", scheme=scheme, seed=1)
    assert now["steps"] == pytest.approx(then["steps"], abs=1)


def test_what_chapter_05_says_of_speed_is_in_the_records():
    gradients = load_record(EXPERIMENTS["gradient-speed"], "cpu", root=ROOT).frame()
    assert column(gradients, "ratio", rows=1_000_000, threads=1).min() >= 1.5
    # with a second thread the usual products gain more than the blocks, as the chapter says
    shared = column(gradients, "ratio", rows=1_000_000, threads=2)
    assert 1 < shared.min() < column(gradients, "ratio", rows=1_000_000, threads=1).min()
    overhead = load_record(EXPERIMENTS["solver-overhead"], "cpu", root=ROOT).frame()
    loop, solver = (column(overhead, name, unknowns=10) for name in ("loop", "solver"))
    assert (solver - loop).max() <= 10  # microseconds a step
    assert column(overhead, "ratio", unknowns=100_000, problem="least squares").max() <= 1.05
    for row in load_record(EXPERIMENTS["time-to-accuracy"], "cpu", root=ROOT).rows:
        seconds = dict(zip(row["solver"], row["seconds"], strict=True))
        ours = min(seconds[name] for name in ("Nesterov, restart", "triple momentum"))
        peers = [s for name, s in seconds.items() if "saga" in name or name.startswith("jaxopt")]
        # at a million rows no other first-order method was timed: each takes minutes
        assert bool(peers) == (row["rows"] < 1_000_000)
        if peers:
            assert ours < np.nanmin(peers), (row["decades"], row["rows"])


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("rates-on-quadratics", {"core.nesterov", "core.momentum", "theory.minimize"}),
        ("drift-under-schedule", {"core.nesterov", "core.forms", "optim.nag"}),
        (
            "certificates",
            {"core.optimized", "core.exact", "theory.performance", "theory.catalogue"},
        ),
        ("adaptive-restart", {"core.restart", "core.growth_restart", "theory.minimize"}),
        ("time-to-accuracy", {"core.restart", "theory.regression", "theory.row_blocks"}),
        ("cnn-1000", {"optim.nag", "training.fit", "training.models", "training.data"}),
        ("cnn-tuning", {"optim.nag", "training.fit", "training.evaluation"}),
    ],
)
def test_a_change_of_the_code_under_a_record_would_be_seen(name, modules):
    seen = set(code_files(EXPERIMENTS[name].module))
    assert {f"nagcore.{module}" for module in modules} <= seen
