"""Images, text and speech: the protocol, the tables and verdicts, the figures, reruns."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from nagcore.evidence.experiments import images, modality_runs, speech, text
from nagcore.evidence.experiments.modality_runs import COLUMNS, Task, compare, declare, judge, train
from nagcore.evidence.figures.modalities import (
    draw_modality,
    draw_spectrograms,
    draw_step_sizes_tried,
)
from nagcore.evidence.modalities_demonstrations import count_bits
from nagcore.evidence.modalities_table import (
    samples,
    summarize_modality,
    summarize_start,
    tabulate_modality,
)
from nagcore.evidence.modalities_verdicts import (
    ranking,
    reached,
    say_clock,
    say_momenta,
    say_protocol,
    say_ranking,
    say_reached,
    say_step_sizes,
    unsteadiness,
)
from nagcore.evidence.record import Record
from nagcore.evidence.statistics import agrees, summarize
from nagcore.evidence.store import load_if_recorded
from nagcore.training.data import ImageData
from nagcore.training.speech import load_features

from .made_up import MADE

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

ROOT = Path(__file__).parents[2]
ALL = (*(e for m in (images, speech, text) for e in (m.EXPERIMENT, m.SMALL)), text.FULL)


# the protocol, on a straight line


def line_task() -> Task:
    torch.manual_seed(0)
    inputs = torch.randn(60, 1, 1, 1)
    labels = (inputs.flatten() > 0).long()
    parts = [ImageData(inputs[k : k + 20], labels[k : k + 20], ("−", "+")) for k in (0, 20, 40)]

    def make_model(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(1, 2), nn.Linear(2, 2))

    return Task(
        make_model,
        lambda model: [model[2]],
        nn.functional.cross_entropy,
        modality_runs.accuracy_of_classes,
        parts[0],
        modality_runs.batches_of(parts[1], 7),
        modality_runs.batches_of(parts[2]),
        write=lambda model: "written",
        data="hash",
    )


SETTING: dict[str, Any] = {
    "optimizer": "nag",
    "lr_grid": {"nag": (0.001, 0.3, 1e30), "muon": (0.01, 0.1)},
    "tuning_seed": 9,
    "seeds": (0, 1),
    "steps": 12,
    "every": 4,
    "batch_size": 10,
    "warm_up": 2,
    "final": 0.1,
    "fallback": 0.1,
    "clip_norm": 0.0,
    "precision": "float32",
    "graph": False,
}


def test_the_best_step_size_on_the_validation_part_runs_afresh():
    columns = compare(line_task(), SETTING)
    assert set(columns) == set(COLUMNS)
    assert columns["lr"] == 0.3
    assert columns["tuning_loss"][1] < columns["tuning_loss"][0]
    assert not columns["tuning_loss"][2] < 1e6, "the last one diverges or is far out"
    assert columns["step"] == [0, 2, 4, 6, 8, 10, 12]
    for column in ("train_loss", "validation_loss", "validation_accuracy", "seconds"):
        assert np.shape(columns[column]) == (2, 7), column
    assert all(np.diff(each).min() > 0 for each in columns["seconds"])
    assert columns["status"] == ["budget", "budget"]
    assert (columns["sample"], columns["data"]) == ("written", "hash")


def test_losses_are_those_of_the_iterate():
    task = line_task()
    run = train(task, SETTING, "nag", 0.3, seed=0)
    with run.optimizer.at_iterate():  # pyright: ignore[reportAttributeAccessIssue]
        outputs = [run.model(batch.inputs) for batch in task.validation]
    labels = torch.cat([batch.targets for batch in task.validation])
    expected = nn.functional.cross_entropy(torch.cat(outputs), labels).item()
    assert run.watch.loss[-1] == pytest.approx(expected, rel=1e-5)
    assert judge(task, run.model, run.optimizer, task.validation)[0] == run.watch.loss[-1]


def test_a_run_that_diverges_is_a_result():
    task = line_task()
    broken = Task(
        task.make_model,
        task.apart,
        lambda outputs, labels: mse_loss(outputs, labels[:, None].float().expand_as(outputs)),
        task.accuracy,
        task.train,
        task.validation,
        task.test,
    )
    setting = {**SETTING, "lr_grid": {"nag": (1e20,)}, "steps": 40}
    columns = compare(broken, setting)
    assert columns["status"] == ["diverged", "diverged"]
    assert math.isnan(columns["tuning_loss"][0])
    assert columns["sample"] == ""


def test_muon_leaves_what_is_apart_to_its_other_method():
    run = train(line_task(), SETTING, "muon", 0.1, seed=0)
    groups = {group["method"]: group for group in run.optimizer.param_groups}
    assert [p.shape for p in groups["muon"]["params"]] == [(2, 1)]
    assert len(groups["nadamw"]["params"]) == 3
    before = modality_runs.make_optimizer("muon", [nn.Parameter(torch.ones(2))], fallback_lr=0.5)
    assert before.param_groups[0]["lr"] == 0.5


# the declarations


@pytest.mark.parametrize("experiment", ALL, ids=lambda e: e.declaration.name)
def test_every_optimizer_has_as_many_step_sizes_and_fresh_seeds(experiment):
    declaration = experiment.declaration
    grids = declaration.constants["lr_grid"]
    assert set(grids) == set(declaration.axes["optimizer"])
    assert {len(grid) for grid in grids.values()} == {4}
    for grid in grids.values():
        assert all(2.9 < b / a < 3.5 for a, b in pairwise(grid))
    assert declaration.constants["tuning_seed"] not in declaration.constants["seeds"]
    assert declaration.devices == (("cpu",) if declaration.name.endswith("small") else ("cuda",))


# tables and verdicts, on records that are made up


def row(optimizer: str, losses, curve=(2.0, 1.0), ms: float = 1.0, **more) -> dict[str, Any]:
    seeds = len(losses)
    return {
        "optimizer": optimizer,
        "lr": 0.1,
        "tuning_loss": [3.0, 2.0, math.nan],
        "step": [0, 10],
        "train_loss": [list(curve)] * seeds,
        "validation_loss": [list(curve)] * seeds,
        "validation_accuracy": [[0.1, 0.5]] * seeds,
        "seconds": [[0.0, 1.0]] * seeds,
        "step_seconds": [ms / 1000] * seeds,
        "test_loss": list(losses),
        "test_accuracy": [0.5] * seeds,
        "status": ["diverged" if math.isnan(loss) else "budget" for loss in losses],
        "sample": "In the beginning",
        "data": "",
        **more,
    }


def made_up(*rows: dict[str, Any]) -> Record:
    names = tuple(each["optimizer"] for each in rows)
    constants = {
        "lr_grid": dict.fromkeys(names, (0.01, 0.1, 1.0)),
        "seeds": tuple(range(len(rows[0]["test_loss"]))),
        "steps": 10,
        "batch_size": 5,
    }
    declaration = declare("toy", "Which?", constants, devices=("cpu",), optimizers=names)
    return Record(declaration, MADE, rows)


def test_the_first_and_what_follows_are_named():
    record = made_up(row("nag", [3.0, 3.2]), row("adamw", [1.0, 1.2]), row("muon", [2.0, 2.2]))
    assert [name for name, _ in ranking(record)] == ["adamw", "muon", "nag"]
    assert say_ranking(record) == (
        "AdamW has the lowest test loss, 1.100 ± 0.141 nats (n = 2); Muon follows with 2.100 ± "
        "0.141, and their seeds do not overlap. NAG is last of 3, 2.000 nats behind the first; "
        "its seeds and those of the first do not overlap."
    )


def test_seeds_that_overlap_leave_the_order_open():
    record = made_up(row("adamw", [1.0, 1.3]), row("nag", [1.2, 1.4]), row("muon", [5.0, 6.0]))
    words = say_ranking(record)
    assert words.count("overlap, so that the order is open") == 2
    assert "NAG is second of 3" in words
    assert "Its seeds" not in words


def test_the_neighbours_of_nag_are_named_where_the_order_is_open():
    record = made_up(row("adamw", [1.0, 1.1]), row("muon", [2.0, 2.3]), row("nag", [2.2, 2.4]))
    words = say_ranking(record)
    assert words.endswith("the first do not overlap. Its seeds overlap those of Muon.")


def test_a_first_place_of_nag_is_said_once():
    words = say_ranking(made_up(row("nag", [1.0, 1.1]), row("adamw", [2.0, 2.1])))
    assert words.startswith("NAG has the lowest test loss")
    assert words.count("NAG") == 1


def test_a_diverged_seed_puts_an_optimizer_last():
    record = made_up(row("nag", [0.1, math.nan]), row("adamw", [2.0, 2.1]), row("adan", [3.0, 3.0]))
    assert [name for name, _ in ranking(record)][-1] == "nag"
    assert "NAG diverged with one seed or more" in say_ranking(record)
    table = tabulate_modality([record])
    assert table.loc[("toy", "NAG"), "diverged"] == "1"
    assert table.loc[("toy", "NAG"), "test loss, nats"] == "–"


def test_one_seed_has_no_spread():
    words = say_ranking(made_up(row("nag", [1.0]), row("adamw", [2.0])))
    assert "with one seed the order is open" in words
    assert "±" not in words


def test_when_the_others_are_where_nag_ends():
    record = made_up(
        row("nag", [1.0], (3.0, 1.5), ms=1.0, step=[0, 10]),
        row("adamw", [1.0], (3.0, 1.4, 1.2), ms=2.0, step=[0, 5, 10]),
        row("muon", [1.0], (3.0, 2.5), step=[0, 10]),
    )
    found = reached(record)
    assert found["muon"] is None
    assert found["adamw"] is not None
    assert found["adamw"].steps == 5
    assert found["adamw"].share == pytest.approx(1.0)
    assert say_reached(record) == (
        "Where NAG is after 10 steps (validation loss 1.500), AdamW is after 5 steps, in 1.00 "
        "times the seconds; Muon does not come there."
    )
    alone = made_up(row("nag", [1.0], (3.0, 1.0)), row("adamw", [1.0], (3.0, 2.0)))
    assert "none of the others" in say_reached(alone)
    lost = made_up(row("nag", [1.0], (3.0, math.nan)), row("adamw", [1.0], (3.0, 2.0)))
    assert "no loss at the end" in say_reached(lost)


def test_seconds_of_a_busy_machine_are_not_compared():
    record = made_up(
        row("nag", [1.0, 1.0], (3.0, 1.5)),
        row("adamw", [1.0, 1.0], (3.0, 1.4), step_seconds=[0.001, 0.0019]),
    )
    assert unsteadiness(record) == pytest.approx(1.9)
    assert say_reached(record).endswith(
        "AdamW is after 10. Seconds are not compared: with the same optimizer, a step took up to "
        "1.9 times as long in one run as in another."
    )


def test_the_clock_tells_the_cheapest_step_and_who_is_there_sooner():
    nag = row("nag", [1.0, 1.0], (3.0, 1.5), ms=1.0)
    early: dict[str, Any] = {"step": [0, 5, 10], "ms": 1.5}
    adamw = row("adamw", [1.0, 1.0], (3.0, 1.4, 1.2), **early)
    muon = row("muon", [1.0, 1.0], (3.0, 2.0, 1.4), **early)
    assert say_clock(made_up(nag, adamw, muon)) == (
        "A step of NAG takes the least time, and AdamW is where NAG ends in less time than NAG "
        "took."
    )
    assert "and none of the others is where NAG ends" in say_clock(made_up(nag, muon))
    quick = row("muon", [1.0, 1.0], (3.0, 1.4), ms=0.5)
    both = say_clock(made_up(nag, adamw, quick))
    assert both.startswith("A step of Muon takes the least time, and AdamW and Muon are where NAG")
    busy = row("adamw", [1.0, 1.0], (3.0, 1.4), step_seconds=[0.001, 0.0019])
    assert say_clock(made_up(nag, busy)).startswith("Seconds are not compared:")
    assert say_clock(made_up(adamw)) == "NAG was not trained."


def test_nag_is_held_against_the_other_two_with_every_seed():
    nag, low = row("nag", [1.0, 1.2]), row("sgd", [0.5, 0.6])
    said = "The test losses of NAG lie"
    both = made_up(nag, row("sgd", [2.0, 2.1]), row("heavy-ball", [3.0, 3.1]))
    assert say_momenta(both) == f"{said} with every seed below those of heavy ball and SGD."
    among = made_up(nag, low, row("heavy-ball", [1.1, 3.1]))
    assert say_momenta(among) == (
        f"{said} with every seed above those of SGD and among those of heavy ball."
    )


def test_where_each_is_after_a_third_of_its_steps():
    more: dict[str, Any] = {"step": [0, 4, 6, 12]}
    found = summarize_start(made_up(row("nag", [1.0], (4.0, 3.0, 2.0, 1.0), **more)), "text")
    assert found == {"text_third": "4", "text_steps": "12", "text_third_nag": "3.00"}


def test_step_sizes_at_the_end_of_the_grid_are_named():
    assert "inside its grid" in say_step_sizes(made_up(row("nag", [1.0])))
    at_end = made_up(row("nag", [1.0], lr=1.0), row("adan", [1.0], lr=0.01), row("muon", [1.0]))
    assert say_step_sizes(at_end).startswith("The best step size of NAG and Adan lies at the end")


def test_bits_are_nats_over_the_logarithm_of_two():
    table = tabulate_modality([made_up(row("nag", [math.log(2)] * 2))], per_byte=True)
    assert table.loc[("toy", "NAG"), "bits/byte"] == "1.000 ± 0.000"


def test_what_prose_takes_is_text():
    record = made_up(row("nag", [2.0, 2.1]), row("adamw", [1.0, 1.1]))
    found = summarize_modality(record, "text")
    assert all(isinstance(value, str) and value for value in found.values())
    assert (found["text_best"], found["text_worst"]) == ("AdamW", "NAG")
    assert "3 step sizes on one seed" in say_protocol(record)
    assert f"n = 2 fresh seeds. {record.note()}" in say_protocol(record)
    assert samples(record)["sample"].tolist() == ["In the beginning"] * 2


def test_counts_need_the_bits_of_their_entropy():
    drawn = torch.randint(8, (40_000,), generator=torch.Generator().manual_seed(0))
    even = drawn.to(torch.uint8)
    bits = count_bits(even, even)
    assert bits["single"] == pytest.approx(3, abs=0.05)
    assert bits["pairs"] == pytest.approx(3, abs=0.1)


# figures


def test_curves_are_drawn_as_they_were_measured():
    record = made_up(row("nag", [1.0, 1.0], (3.0, 2.0), ms=2.0), row("muon", [1.0, 1.0]))
    figure = draw_modality(record)
    assert len(figure.axes) == 4
    steps, seconds = (figure.axes[k].lines[0].get_xydata() for k in (0, 1))
    np.testing.assert_allclose(np.asarray(steps), [[0, 3], [10, 2]])
    np.testing.assert_allclose(np.asarray(seconds), [[0, 3], [0.02, 2]])


def test_the_chosen_step_size_is_ringed():
    axes = draw_step_sizes_tried(made_up(row("nag", [1.0]))).axes[0]
    curve, ring = axes.lines
    np.testing.assert_allclose(np.asarray(curve.get_xdata()), [0.01, 0.1, 1.0])
    assert np.asarray(ring.get_xydata()).tolist() == [[0.1, 2.0]]


def test_spectrograms_are_those_of_the_speakers():
    features = load_features("shipped")
    figure = draw_spectrograms(features, ("f2", "m3"))
    (image,) = figure.axes[0].get_images()
    own = features.of({"f2"})
    assert np.array_equal(np.asarray(image.get_array()), own.levels[own.digits == 0][0])


# small reruns


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "optimizer", "task"),
    [
        (images.SMALL, "nag", images.image_task),
        (speech.SMALL, "adamw", speech.speech_task),
        (text.SMALL, "nag", text.text_task),
    ],
    ids=["images", "speech", "text"],
)
def test_a_run_agrees_with_its_record(experiment, optimizer, task):
    record = load_if_recorded(experiment, "cpu", ROOT)
    if record is None:
        pytest.skip(f"{experiment.declaration.name} is not recorded yet")
    (recorded,) = [each for each in record.rows if each["optimizer"] == optimizer]
    (setting,) = experiment.declaration.replace(optimizer=(optimizer,)).settings()
    made = task(setting, "cpu")
    run = train(made, setting, optimizer, recorded["lr"], seed=setting["seeds"][0])
    loss, _ = judge(made, run.model, run.optimizer, made.test)
    spread = summarize(recorded["test_loss"])
    assert agrees(loss, spread, k=4.0, at_least=0.02 * spread.mean), (loss, spread)
    assert [each.step for each in run.history.rows] == recorded["step"]
