"""The threshold K, held against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nagcore.errors import UsageError
from nagcore.training.rates import GradientRangeLimiter, Piecewise, RateSetter, parse_limiter

rates = st.floats(1e-6, 1e3)


@given(
    st.lists(st.tuples(rates, st.lists(st.floats(-5, 5), min_size=1)), min_size=1, max_size=12),
    st.floats(0, 5),
    st.floats(0.001, 0.5),
)
def test_the_rates_are_those_of_the_definition(course, K, most):
    limiter, used = GradientRangeLimiter(K, most), []
    for demanded, gradient in course:
        largest = torch.tensor(gradient, dtype=torch.float64).abs().max()
        used.append(limiter.limit([demanded], before=used[-1:], largest=largest)[0])
    for t, (demanded, gradient) in enumerate(course):
        in_range = all(-K <= entry <= K for entry in gradient)
        if t > 0 and in_range:
            low, high = used[t - 1] * (1 - most), used[t - 1] * (1 + most)
            assert used[t] == sorted((low, demanded, high))[1]
        else:
            assert used[t] == demanded


def limited(demanded, before, largest, K=1.0, most=0.1):
    return GradientRangeLimiter(K, most).limit([demanded], before=[before], largest=largest)[0]


def test_at_the_edges():
    assert limited(2.0, 1.0, 1.0) == 1.1  # an entry of exactly K is in the range
    assert limited(2.0, 1.0, 0.0, K=0) == 1.1
    assert limited(2.0, 1.0, 5e-324, K=0) == 2.0
    assert limited(2.0, 1.0, None, K=math.inf) == 1.1
    assert limited(2.0, 1.0, math.inf, K=math.inf) == 1.1
    for broken in (math.nan, math.inf):
        assert limited(2.0, 1.0, torch.tensor(broken)) == 2.0
    assert limited(2.0, 0.0, 0.5) == 2.0  # from 0 it could never rise
    assert limited(0.0, 1.0, 0.5) == 0.9  # and 0 is never reached
    assert limited(0.1, 1.0, 0.5, most=2.0) == 0.1


def test_groups_are_bounded_each_by_itself_and_a_new_one_is_free():
    limiter = GradientRangeLimiter(1.0, most=0.5)
    assert limiter.limit([4.0, 0.9, 7.0], before=[1.0, 1.0], largest=0.0) == [1.5, 0.9, 7.0]


def test_the_device_is_not_waited_for_where_nothing_depends_on_it():
    class Unread(torch.Tensor):
        def __float__(self):
            raise AssertionError("read")

    limiter, unread = GradientRangeLimiter(1.0, most=0.1), Unread()
    assert limiter.limit([1.05], before=[1.0], largest=unread) == [1.05]
    with pytest.raises(AssertionError, match="read"):
        limiter.limit([1.2], before=[1.0], largest=unread)


def run(limiter, entries, schedule):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    setter, seen = RateSetter(schedule, limiter=limiter), []
    setter.attach(optimizer)
    for step, entry in enumerate(entries):
        setter.before_step(step, torch.tensor(entry) if setter.needs_gradient_range else None)
        seen.append(optimizer.param_groups[0]["lr"])
    return setter, seen


def test_a_setter_bounds_its_rates_while_gradients_are_small():
    """Demanded are 1, then 4; the entry of step 3 is larger than K."""
    setter, seen = run(
        GradientRangeLimiter(K=0.5, most=0.5), [9.0, 0.1, 0.1, 0.6, 0.1], Piecewise((1,), (1, 4))
    )
    assert seen == [1.0, 1.5, 2.25, 4.0, 4.0]
    frame = setter.history_frame()
    assert frame["rate"].tolist() == seen
    assert frame["demanded"].tolist() == [1.0, 4.0, 4.0, 4.0, 4.0]


def test_without_bound_and_with_K_infinite():
    plan = Piecewise((1,), (1, 4))
    assert run(None, [0.0] * 4, plan)[1] == run(GradientRangeLimiter(0), [1.0] * 4, plan)[1]
    setter, seen = run(GradientRangeLimiter(math.inf, most=0.5), [0.0] * 4, plan)
    assert not setter.needs_gradient_range
    assert seen == [1.0, 1.5, 2.25, 3.375]


def test_what_is_told_is_bounded_too():
    setter = RateSetter(limiter=GradientRangeLimiter(1.0, most=0.25))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    setter.attach(optimizer)
    setter.before_step(0, 0.0)
    setter.hold(8.0)
    setter.before_step(1, 0.0)
    assert (setter.rate, setter.changes[0].after) == (1.25, 8.0)


def test_a_gradient_range_that_is_missing_is_refused():
    setter = RateSetter(limiter=GradientRangeLimiter(1.0))
    setter.attach(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    with pytest.raises(UsageError, match="the largest gradient entry is missing"):
        setter.before_step(0)


@pytest.mark.parametrize("K", [-1.0, math.nan, "1", None, True, False])
def test_thresholds_that_cannot_be_used(K):
    with pytest.raises(UsageError, match="gradient_range: K="):
        GradientRangeLimiter(K)


@pytest.mark.parametrize("most", [0, -0.1, math.nan, "1"])
def test_changes_that_cannot_be_used(most):
    with pytest.raises(UsageError, match="gradient_range: most="):
        GradientRangeLimiter(1.0, most)


@given(st.floats(0, allow_nan=False), st.floats(1e-9, 10))
def test_a_text_gives_back_the_limiter(K, most):
    limiter = GradientRangeLimiter(K, most)
    assert parse_limiter(str(limiter)) == limiter


def test_other_texts_are_refused():
    with pytest.raises(UsageError, match="limiter 'range' is not known; expected one of grad"):
        parse_limiter("range(K=1)")
    with pytest.raises(UsageError, match="says no K"):
        parse_limiter("gradient_range")
    with pytest.raises(UsageError, match=r"limiter=0\.1 cannot be used"):
        RateSetter(limiter=0.1)  # pyright: ignore[reportArgumentType]
