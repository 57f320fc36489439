"""Orders that chapters 05 and 08 to 12 state by hand are those of the records.

Each test names the sentence it holds; where the sentence has gone, so may the test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nagcore.evidence.autoencoder_best import best_by_scale
from nagcore.evidence.autoencoder_trap import caught
from nagcore.evidence.loop_speed_table import times_by_loop
from nagcore.evidence.losses_table import by_loss
from nagcore.evidence.noisy_quadratic_table import tabulate_noisy_quadratic
from nagcore.evidence.optimizer_speed_table import steps_by_optimizer
from nagcore.evidence.optimizers_table import gap_after

from .committed import recorded

ROOT = Path(__file__).parents[2]


def is_said(number, *sentences):
    (path,) = (ROOT / "chapters").glob(f"{number}-*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    for sentence in sentences:
        assert sentence in text, f"no longer said: {sentence!r}; its test can go"


def test_05_restart_saves_less_as_the_condition_number_grows():
    is_said("05", "The saving shrinks as $\\kappa$ grows", "adaptive restart comes close")
    frame: Any = recorded("adaptive-restart").frame()
    steps = frame.groupby(["problem", "scheme"])["steps"].mean()
    few, many = (steps[f"quadratic, κ = {kappa}"] for kappa in ("1e4", "1e6"))
    saved = [each["no restart"] / each["gradient"] for each in (few, many)]
    assert saved[0] > saved[1] > 1
    for each in (few, many):
        assert 1 < each["gradient"] / each["known mu"] < 2


def test_05_trials_pay_on_the_log_sum_exp_and_not_on_the_quadratic():
    is_said("05", "It pays where $L$ is far above the curvature", "double the numbers with trials")
    frame: Any = recorded("adaptive-restart").frame()
    gradients = frame.groupby(["problem", "scheme"])["gradients"].mean()
    passes = {
        problem: 2 * gradients[problem]["gradient, step sizes by trial"]
        / gradients[problem]["gradient"]
        for problem in ("log-sum-exp", "quadratic, κ = 1e4")
    }  # fmt: skip
    assert passes["log-sum-exp"] < 1 < passes["quadratic, κ = 1e4"]


def test_05_usual_products_gain_more_from_a_second_thread():
    is_said("05", "the usual products gain more from a second thread than the blocks do")
    frame: Any = recorded("gradient-speed").frame()
    ratio = frame.groupby(["problem", "rows", "threads"])["ratio"].median()
    for problem in ("least squares", "logistic"):
        one, two = (ratio[problem, frame["rows"].max(), threads] for threads in (1, 2))
        assert one > two > 1


def test_08_loops_on_a_gpu():
    is_said(
        "08",
        "`fit` takes as long as the loop by hand for the repaired CNN and longer for the small",
        "the usual form of the network is not slower than ours for S",
        "within it bfloat16 begins to pay for the largest of the three",
    )
    record = recorded("loop-speed-cuda", "cuda")
    found = {
        network: {name: float(np.median(t)) for name, t in times_by_loop(record, network).items()}
        for network in record.declaration.axes["network"]
    }
    hand = {n: t["fit"] / t["slices by hand, our network"] for n, t in found.items()}
    assert hand["repaired CNN"] == pytest.approx(1, abs=0.05)
    assert min(hand["S"], hand["M"]) > 1.05
    assert found["S"]["fit, usual network"] < 1.02 * found["S"]["fit"]
    assert found["M"]["fit, usual network"] < 0.9 * found["M"]["fit"]
    for network in ("S", "repaired CNN"):
        assert found[network]["fit, bfloat16"] > 1.1 * found[network]["fit"]
    half = {n: t["fit, bfloat16, captured"] / t["fit, captured"] for n, t in found.items()}
    assert half["repaired CNN"] < 1 < min(half["S"], half["M"])


def test_08_loops_on_a_processor():
    is_said(
        "08",
        "it hardly matters on this processor whether a batch is cut as a slice",
        "for the smallest network the conversions cost about what they save",
    )
    record = recorded("loop-speed")
    found = {
        network: {name: float(np.median(t)) for name, t in times_by_loop(record, network).items()}
        for network in ("S", "repaired CNN")
    }
    for times in found.values():
        ratio = times["DataLoader over tensors"] / times["fit, usual network"]
        assert ratio == pytest.approx(1, abs=0.1)
    small, large = (t["fit, bfloat16"] / t["fit"] for t in found.values())
    assert small == pytest.approx(1, abs=0.1)
    assert large < 0.9


def test_08_calibration_errors():
    is_said("08", "Three of the four tell the test images apart about equally well")
    errors = by_loss(recorded("losses-on-cnn"), "calibration_error")
    for loss in ("label-smoothing", "mse-one-hot"):  # "not sure enough either"
        assert errors[loss].mean() < errors["cross-entropy"].mean()


def test_08_channels_last_stays_nearer_than_rounded_weights():
    is_said("08", "With TF32 off it stays nearer to plain execution than the run whose weights")
    rows = recorded("switches-agree", "cuda").rows
    last = {(row["network"], row["switch"]): row["last"] for row in rows}
    for network in {network for network, _ in last}:
        assert last[network, "channels_last"] < last[network, "weights rounded"]


def test_09_paths():
    is_said(
        "09",
        "in the bent one they end alike",
        "slow where there is no noise to average",
        "L-BFGS is the best on the smooth function by far",
    )
    rows = recorded("optimizer-paths").rows
    gaps = {(row["valley"], row["optimizer"]): row["gap"] for row in rows}
    bent = {name: gap for (valley, name), gap in gaps.items() if valley == "Rosenbrock"}
    noisy = {name: gap for (valley, name), gap in gaps.items() if valley != "Rosenbrock"}
    assert bent["heavy-ball"] == pytest.approx(bent["nag"], rel=0.1)
    assert bent["lbfgs"] < 1e-3 * min(gap for name, gap in bent.items() if name != "lbfgs")
    assert max(bent, key=bent.__getitem__) == "schedule-free"
    assert sorted(noisy, key=noisy.__getitem__)[-2:] == ["lbfgs", "muon"]


def test_09_batches():
    is_said(
        "09",
        "On full batches L-BFGS is far ahead",
        "all methods on full batches are slow to begin with",
        "On mini-batches L-BFGS loses what it is good at",
    )
    rows = recorded("lbfgs-batches").rows

    def gap(method, passes):
        return np.mean([gap_after(row, passes) for row in rows if row["method"] == method])

    assert gap("L-BFGS, full batch", 40) < 0.1 * gap("NAG, full batch", 40)
    for method in ("L-BFGS, full batch", "NAG, full batch"):
        assert gap("NAG, mini-batches", 10) < gap(method, 10)
    nag, restarted = gap("NAG, mini-batches", 120), gap("NAG, mini-batches, restart", 120)
    one, twenty = (gap(f"L-BFGS, mini-batches, {n}", 120) for n in ("1 direction", "20 directions"))
    assert restarted < nag < one < twenty


def test_09_steps_of_optimizers():
    is_said(
        "09",
        "torch's fused step is the fastest there is",
        "most where there are many small tensors",
        "about as long for it as torch's fused SGD or less",
    )
    times: dict[str, Any] = {}
    for name, device in (("optimizer-speed", "cpu"), ("optimizer-speed-cuda", "cuda")):
        steps: Any = steps_by_optimizer(recorded(name, device)).query("method == 'nesterov'")
        if device == "cpu":
            steps = steps.query("threads == 1")
        times[device] = steps.pivot(index="parameters", columns="contestant", values="against_ours")
    fused = times["cpu"]["torch SGD, fused"]
    assert fused.min() > 0.9
    gpu = times["cuda"].dropna(subset="torch SGD, fused, captured")
    assert (gpu.idxmin(axis="columns") == "torch SGD, fused, captured").all()
    behind = gpu["NAG, kernel"] / gpu["torch SGD, fused, captured"]
    assert behind.idxmax() == "500 tensors"
    whole = times["cuda"]
    assert (whole["NAG, kernel"] / whole["torch SGD, fused"]).max() < 1.15
    assert (whole["torch SGD, fused"] < 0.6).all()  # "while its default is slower"


def test_10_no_exponent_stands_among_the_momenta():
    table: Any = tabulate_noisy_quadratic(recorded("noisy-quadratic"))
    assert not table.map(lambda text: "e" in text).to_numpy().any()
    assert table.loc["16", "1 − β, heavy ball"] == "0.00003"


def test_11_heavy_ball_is_caught_with_more_of_the_seeds():
    is_said(
        "11",
        "at every ceiling but the lowest there are step sizes at which heavy ball is caught",
        "the largest step size throws one run of Nesterov's method to the top and none of heavy",
    )
    for name, device in (("autoencoders-small", "cpu"), ("autoencoders", "cuda")):
        found = caught(recorded(name, device), "curves")
        counts = {
            method: {at: sum(run[:2] == at for run in runs) for at in {r[:2] for r in runs}}
            for method, runs in found.items()
        }
        more = {at[0] for at, n in counts["heavy-ball"].items() if n > counts["nag"].get(at, 0)}
        assert more == {0.99, 0.995, 0.999}
    lowest = [run for run in found["nag"] if run[0] == 0.9]
    assert [run[1] for run in lowest] == [0.05]


def test_11_scales_of_the_first_weights():
    is_said(
        "11",
        "a factor of one is best and the smallest weights are the worst",
        "on the GPU the least step size that was tried is the best for the larger weights",
    )
    record = recorded("autoencoder-scales", "cuda")
    best = best_by_scale(record)
    errors = {scale: each.mean for scale, each in best.items()}
    assert min(errors, key=errors.__getitem__) == 1.0
    assert max(errors, key=errors.__getitem__) == 0.25
    least = min(record.declaration.axes["lr"])
    assert best[2.0].lr == best[4.0].lr == least


def test_12_against_the_clock():
    is_said(
        "12",
        "So the goal is reached, by both and with every seed. NAG reaches it in fewer epochs",
        "with the fewest epochs AdamW misses the target on the held-out images",
        "That is a small part of what was measured",
    )
    record = recorded("fastest-94", "cuda")
    target = record.declaration.constants["target"]
    nag, adamw = (
        next(row for row in record.rows if row["optimizer"] == name) for name in ("nag", "adamw")
    )
    assert min(nag["accuracies"] + adamw["accuracies"]) >= target
    assert nag["chosen_epochs"] < adamw["chosen_epochs"]
    assert np.median(nag["seconds"]) < np.median(adamw["seconds"])
    assert np.mean(adamw["epochs_accuracies"][0]) < target
    assert min(adamw["accuracies"]) > max(nag["accuracies"])  # "a clearly higher accuracy"
    assert nag["chosen_epochs"] == min(record.declaration.constants["epochs"])
