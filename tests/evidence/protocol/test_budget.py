"""The sentence of a caption says what every method was given."""

from __future__ import annotations

import pytest

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.protocol import Budget, describe_protocol

TUNING = Declaration(
    "tuning",
    "Which step size is best?",
    axes={"method": ("sgd", "nag"), "lr": (1e-3, 1e-2, 0.1, 1.0, 3.0), "seed": (0, 1)},
    constants={"momentum": (0.9, 0.99), "steps": 100},
    columns={"loss": "nats"},
)


def test_budget_of_a_declaration_is_in_words():
    budget = Budget.of(TUNING, range(10, 15), search=["lr", "momentum"])
    assert budget.trials == 10
    assert describe_protocol(budget) == (
        "Every method had the same 10 trials (lr 0.001 to 3 in 5 values; momentum 0.9, 0.99), "
        "each judged by its validation loss on 2 seeds; the best was run again on fresh seeds "
        "(n = 5)."
    )


def test_a_random_search_names_its_own_number_of_trials():
    budget = Budget(
        {"lr": (1e-4, 1.0), "form": ("torch",)}, (0,), (), 20, judged_by="validation accuracy"
    )
    assert describe_protocol(budget) == (
        "Every method had the same 20 trials (lr 0.0001, 1; form torch), each judged by its "
        "validation accuracy on 1 seed; no fresh seeds."
    )


def test_seeds_that_tune_and_test_are_refused():
    with pytest.raises(UsageError, match=r"seeds \[1\] tune and test"):
        Budget.of(TUNING, (1, 2), search=["lr"])


def test_an_empty_space_and_an_unknown_axis_are_refused():
    with pytest.raises(UsageError, match="no value for lr"):
        Budget({"lr": ()}, (0,), (1,))
    with pytest.raises(UsageError, match="no axis or tuple 'steps'"):
        Budget.of(TUNING, (9,), search=["steps"])
    with pytest.raises(UsageError, match="no axis or tuple 'lrr'; its names: lr"):
        Budget.of(TUNING, (9,), search=["lrr"])
