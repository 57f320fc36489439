"""Stopping conditions as text: there and back, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.training.stopping import (
    Diverged,
    Epochs,
    Examples,
    Patience,
    Signal,
    Steps,
    Target,
    WallTime,
)
from nagcore.training.stopping_text import parse_stopping

counts = st.integers(1, 10**9)
finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.sampled_from(["train_loss", "eval_accuracy", "gradient_norm", "top3_accuracy"])
single = st.one_of(
    counts.map(Epochs),
    counts.map(Steps),
    counts.map(Examples),
    st.floats(1e-3, 1e6).map(WallTime),
    st.builds(Target, names, at_least=finite),
    st.builds(lambda name, bound: Target(name, at_most=bound), names, finite),
    st.builds(Patience, names, counts),
    st.floats(1.5, 1e6).map(Diverged),
    st.just(Signal()),
)
conditions = st.recursive(
    single,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a | b, inner, inner), st.builds(lambda a, b: a & b, inner, inner)
    ),
    max_leaves=6,
)


@given(conditions)
def test_text_gives_the_condition_back(condition):
    again = parse_stopping(str(condition))
    assert again.parts() == condition.parts()
    # a | (b | c) reads as (a | b) | c, which stops at the same steps; so compare the normal form
    assert str(again) == str(parse_stopping(str(again))) == str(condition)


def test_short_names_and_binding():
    assert parse_stopping("accuracy>=0.92|epochs=30") == (
        Target("eval_accuracy", at_least=0.92) | Epochs(30)
    )
    assert parse_stopping("loss<=0.1 & steps=1e3 | seconds=60") == (
        Target("eval_loss", at_most=0.1) & Steps(1000) | WallTime(60.0)
    )
    assert parse_stopping("(steps=1 | steps=2) & epochs=1") == (Steps(1) | Steps(2)) & Epochs(1)
    assert parse_stopping("patience(loss, 5)|diverged|epochs=1") == (
        Patience("eval_loss", 5) | Diverged() | Epochs(1)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read at 'the end'"),
        ("epochs", "expected = or >= or <="),
        ("epochs=2.5", "2.5 is not a whole number"),
        ("epochs>=3", "write epochs=3"),
        ("epoch=3", "'epoch' is not a budget; expected one of epochs"),
        ("accuracy=0.9", "'accuracy' is not a budget"),
        ("epochs=3 |", "at 'the end'"),
        ("epochs=3 steps=4", r"at 'steps=4'.*expected \| or & or the end"),
        ("(epochs=3", r"expected \)"),
        ("epochs=3; rm", "at '; rm'"),
        ("patience(loss)", "expected ,"),
        ("0.9<=accuracy", "'0.9' is not a name"),
        ("epochs=1.2.3", "'1.2.3' is not a number"),
        ("epochs=0", "Epochs: count=0"),
    ],
)
def test_texts_that_mean_nothing(text, says):
    with pytest.raises(UsageError, match=says):
        parse_stopping(text)
