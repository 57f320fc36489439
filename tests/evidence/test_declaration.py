"""A declaration holds values only, and says what differs from an earlier one."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.values import dumps, loads

FIELDS: dict[str, Any] = {
    "name": "toy-rates",
    "question": "How fast is it?",
    "axes": {"step_size": (0.1, 0.2), "seed": (0, 1, 2)},
    "constants": {"epochs": 20, "shape": (3, 4), "target": None, "model": {"width": 32}},
    "columns": {"gap": "f(x) - f*, in units of f"},
    "devices": ("cpu",),
}


def declare(**changes: Any) -> Declaration:
    return Declaration(**{**FIELDS, **changes})


AXES = st.dictionaries(
    st.sampled_from(["seed", "step_size", "momentum", "kind"]),
    st.lists(
        # 0 and 0.0 are one to `unique`, and so is nan to no other nan; a declaration tells the
        # first pair apart and not the second.
        st.one_of(st.integers(), st.floats(allow_nan=False), st.text()),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(tuple),
    max_size=3,
)


@settings(deadline=None)
@given(AXES)
def test_the_settings_are_the_product_of_the_axes(axes: dict[str, tuple]):
    declaration = declare(axes=axes)
    settings = declaration.settings()
    assert len(settings) == declaration.size == math.prod(map(len, axes.values()))
    assert len({repr(setting) for setting in settings}) == len(settings)
    for setting, values in zip(settings, itertools.product(*axes.values()), strict=True):
        assert repr({axis: setting[axis] for axis in axes}) == repr(
            dict(zip(axes, values, strict=True))
        )
        assert all(setting[name] == value for name, value in FIELDS["constants"].items())


@settings(deadline=None)
@given(AXES)
def test_a_declaration_survives_json_and_pickle(axes: dict[str, tuple]):
    declaration = declare(axes=axes)
    assert Declaration.from_json(loads(dumps(declaration.to_json()))) == declaration
    assert pickle.loads(pickle.dumps(declaration)) == declaration
    assert hash(copy.deepcopy(declaration)) == hash(declaration)


def test_the_settings_are_copies():
    settings = declare().settings()
    settings[0]["model"]["width"] = 64
    assert [setting["model"]["width"] for setting in settings] == [64, 32, 32, 32, 32, 32]


def test_nothing_of_it_can_be_changed():
    with pytest.raises(TypeError):
        declare().constants["epochs"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        declare().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Toy Rates"}, "name is 'Toy Rates', expected kebab-case"),
        ({"question": ""}, "question of toy-rates is ''"),
        ({"devices": ("tpu",)}, "devices of toy-rates are .*tpu"),
        ({"devices": ()}, "devices of toy-rates"),
        ({"axes": {"seed": [0, 1]}}, "axis seed is .* of type list"),
        ({"axes": {"seed": 3}}, "axis seed is 3, expected a tuple"),
        ({"axes": {"seed": ()}}, r"axis seed is \(\)"),
        ({"axes": {"seed": (0, 1, 0)}}, "axis seed holds 0 twice"),
        ({"constants": {"loss": max}}, "constant loss is .*max"),
        ({"constants": {"seed": 0}}, "'seed' stands in axes and in constants"),
        ({"constants": {"device": "cpu"}}, "'device', which load_or_run uses"),
        ({"constants": {"step size": 1}}, "'step size', expected a Python identifier"),
        ({"columns": {"gap": 3}}, "column gap is 3"),
        ({"columns": {}}, "toy-rates has no columns"),
    ],
)
def test_what_cannot_be_declared_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        declare(**changes)


def test_replacing_by_name():
    changed = declare().replace(
        seed=range(5), step_size=np.array([1.0]), epochs=1, model={"width": 8}, target=0.5
    )
    assert changed.axes["seed"] == (0, 1, 2, 3, 4)
    assert repr(changed.axes["step_size"]) == "(1.0,)"
    assert changed.constants["epochs"] == 1
    assert changed.settings()[0]["model"] == {"width": 8}
    assert changed.constants["target"] == 0.5


def test_replacing_by_what_is_there_changes_nothing():
    declaration = declare(axes={"step_size": (1.0, 2.0)})
    assert declaration.replace(step_size=[1, 2], epochs=20, shape=[3, 4]) == declaration
    assert declaration.replace(epochs=21) != declaration


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"epoch": 3}, "toy-rates has no parameter 'epoch'; its parameters: epochs, "),
        ({"sead": 3}, "parameters: seed, "),
        ({"epochs": "3"}, "constant epochs is '3' of type str, expected int, for example 20"),
        ({"epochs": 3.0}, "constant epochs is 3.0 of type float, expected int"),
        ({"epochs": True}, "constant epochs is True of type bool, expected int"),
        ({"shape": (3, "4")}, "constant shape is '4' of type str, expected int"),
        ({"model": 3}, "constant model is 3 of type int, expected dict"),
        ({"step_size": ("a",)}, "axis step_size is 'a' of type str, expected float"),
        ({"seed": 3}, r"axis seed is 3, expected several values: write seed=\(3,\)"),
        ({"step_size": "0.1"}, "axis step_size is '0.1', expected several"),
        ({"seed": ()}, r"axis seed is \(\), expected a tuple of one value or more"),
    ],
)
def test_a_wrong_override_is_refused(override: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        declare().replace(**override)


def test_differences_are_told_in_words():
    earlier = declare(
        axes={"step_size": (0.1, 0.2), "momentum": (0.9,)},
        constants={**FIELDS["constants"], "epochs": 10},
        columns={"gap": "f(x) - f*, relative"},
    )
    assert declare().differences(earlier) == [
        "axis seed: new, is (0, 1, 2)",
        "axis momentum: gone, was (0.9,)",
        "constant epochs: was 10, is 20",
        "column gap: was 'f(x) - f*, relative', is 'f(x) - f*, in units of f'",
    ]
    assert declare().differences(declare(name="other")) == ["name: was other, is toy-rates"]


def test_wording_and_devices_make_no_difference():
    assert declare().differences(declare(question="Is it fast?", devices=("cpu", "cuda"))) == []
    nan = declare(constants={"limit": math.nan})
    assert nan.differences(declare(constants={"limit": math.nan})) == []
    assert nan.differences(declare(constants={"limit": math.inf})) != []


@pytest.mark.parametrize("content", [[], {}, {**FIELDS, "more": 1}])
def test_json_with_other_fields_is_refused(content: Any):
    with pytest.raises(UsageError, match="exactly the fields"):
        Declaration.from_json(content)
