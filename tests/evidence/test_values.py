"""Values survive strict JSON, and only values are let in."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.evidence.values import (
    as_tuples,
    cell,
    decode,
    dumps,
    encode,
    freeze,
    loads,
    same,
    thaw,
)

SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.none())
KEYS = st.text(min_size=1).filter(lambda key: not key.startswith("$"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
@example((math.inf, -math.inf, math.nan, -0.0, {"": ()}))
def test_a_value_comes_back_from_strict_json_with_its_types(value: object):
    text = dumps(value)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not strict JSON")

    json.loads(text, parse_constant=refuse)
    back = as_tuples(loads(text))
    # repr tells nan, -0.0, 1, 1.0 and True apart, and is written by other hands.
    assert repr(back) == repr(value)


@settings(deadline=None)
@given(VALUES)
def test_freezing_and_thawing_change_nothing(value: object):
    assert repr(thaw(freeze(value, "it"))) == repr(value)


def test_a_frozen_mapping_cannot_change():
    model = {"layers": {"first": 32}}
    frozen = freeze(model, "constant model")
    model["layers"]["first"] = 64
    assert frozen["layers"]["first"] == 32
    with pytest.raises(TypeError):
        frozen["layers"]["first"] = 64


@pytest.mark.parametrize(
    ("value", "kind"),
    [([1], "list"), (print, "builtin_function_or_method"), ({1}, "set"), (1j, "complex")],
)
def test_what_is_no_value_is_refused_by_place_and_type(value: object, kind: str):
    with pytest.raises(UsageError, match=rf"constant a\['b'\] is .* of type {kind}, expected"):
        freeze({"b": (0, value)}, "constant a")


@pytest.mark.parametrize("key", [3, "$float"])
def test_keys_that_json_or_the_mark_would_confuse_are_refused(key: object):
    with pytest.raises(UsageError, match="constant a has the key"):
        freeze({key: 1}, "constant a")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ((1, [2, "a"]), [1, [2, "a"]]),
    ],
)
def test_a_cell_is_plain_python(value: object, plain: object):
    result = cell(value, "column a")
    assert result == plain
    assert type(result) is type(plain)


@pytest.mark.parametrize("value", [np.zeros(2), torch.zeros(2), None, {"a": 1}, [None]])
def test_a_cell_that_is_no_number_str_or_list_is_refused(value: object):
    with pytest.raises(UsageError, match=r"column loss is of type .*tolist"):
        cell(value, "column loss")


@pytest.mark.parametrize("text", ["", "[1", '{"a": NaN}', "[Infinity]", '{"$float": "1e3"}'])
def test_text_that_is_not_strict_json_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_sameness_sees_types_and_nan():
    assert same(math.nan, math.nan)
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not same(1, 1.0)
    assert not same(1, True)
    assert decode(encode([math.inf])) == [math.inf]
