"""Chapter 13 holds records against each other: what is said of them, whatever they hold."""

from __future__ import annotations

import math

from nagcore.evidence.experiments.modality_runs import declare
from nagcore.evidence.modalities_comparison import say_counted, say_inside, say_order, say_places
from nagcore.evidence.modalities_table import say_others, tabulate_places
from nagcore.evidence.record import Record

from .made_up import MADE


def row(optimizer, losses, lr=0.1):
    return {"optimizer": optimizer, "test_loss": list(losses), "lr": lr}


def made_up(*rows):
    names = tuple(each["optimizer"] for each in rows)
    constants = {"lr_grid": dict.fromkeys(names, (0.01, 0.1, 1.0))}
    declaration = declare("toy", "Which?", constants, devices=("cpu",), optimizers=names)
    return Record(declaration, MADE, rows)


def test_two_orders_are_held_against_each_other():
    first = made_up(row("nag", [3.0]), row("adamw", [1.0]), row("muon", [2.0]))
    other = made_up(row("nag", [3.0]), row("adamw", [2.0]), row("muon", [1.0]))
    assert say_order(first, first) == "The order is that of toy."
    assert say_order(first, other) == (
        "That is not the order of toy: AdamW and Muon have other places."
    )
    assert say_others([first, other]).endswith(say_order(first, other))


def test_places_side_by_side():
    one = made_up(row("nag", [2.0]), row("adamw", [1.0]), row("sgd", [3.0]))
    other = made_up(row("nag", [1.0]), row("adamw", [2.0]))
    table = tabulate_places({"images": one, "text": other})
    assert table.loc["NAG"].tolist() == ["2", "1"]
    assert table.loc["SGD"].tolist() == ["3", "–"]
    words = say_places({"images": one, "text": other})
    assert words.startswith("AdamW is first in images, and NAG is first in text. The first ")
    clear = made_up(row("nag", [2.0, 2.1]), row("adamw", [1.0, 1.1]))
    three = say_places({"images": clear, "text": other, "speech": clear})
    assert three.startswith(
        "AdamW is first in images and speech, and NAG is first in text. The first place is open "
        "in text. "
    )
    assert list(table.columns) == ["images (toy)", "text (toy)"]
    assert list(tabulate_places({"to": one}).columns) == ["toy"]
    assert words.endswith("NAG is second of 3 in images and first of 2 in text.")
    assert say_places({"a": clear, "b": clear}).startswith("AdamW is first in all of them. ")


def test_momentum_inside_adam_is_held_against_adam():
    better = made_up(row("nadamw", [1.0, 1.1]), row("adamw", [2.0, 2.1]))
    worse = made_up(row("nadamw", [2.0, 2.1]), row("adamw", [1.0, 1.1]))
    mixed = made_up(row("nadamw", [1.0, 2.1]), row("adamw", [1.1, 2.0]))
    assert say_inside({"a": better, "b": worse, "c": mixed}) == (
        "NAdamW has a lower test loss than AdamW in a, and a higher test loss than AdamW in b; "
        "the seeds of the two overlap in c."
    )
    ends = made_up(row("nadamw", [1.0, 1.1], lr=1.0), row("adamw", [2.0, 2.1]))
    assert "AdamW in d (with a step size at the end of its grid)." in say_inside({"d": ends})
    assert say_inside({"c": mixed}) == "The seeds of the two overlap in c."


def test_networks_are_held_against_counting():
    record = made_up(row("nag", [math.log(2) * 3]), row("adamw", [math.log(2)]))
    assert say_counted(record, 3.5).endswith(
        "all optimizers end with fewer bits than counting pairs needs."
    )
    assert "as well as the network of NAG, or better" in say_counted(record, 2.0)


def test_a_seed_that_diverged_makes_a_place_clear_only_for_the_others():
    record = made_up(row("nag", [2.0, math.nan]), row("adamw", [1.0, 1.1]))
    assert (
        say_places({"text": record}) == "AdamW is first in all of them. NAG is second of 2 in text."
    )
