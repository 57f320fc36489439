"""One pass in blocks against the two products, for every layout, size and number of threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from nagcore.theory import row_blocks
from nagcore.theory.huber import HuberRegression
from nagcore.theory.log_sum_exp import LogSumExp
from nagcore.theory.regression import LeastSquares, LogisticRegression
from nagcore.theory.row_blocks import each_block, rows_in_a_block, sum_over_rows

LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "gaps": lambda A: np.repeat(A, 2, axis=1)[:, ::2],
}


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Make data of a few kilobytes go the way of a gigabyte."""
    monkeypatch.setattr(row_blocks, "SMALL_BYTES", 0)
    monkeypatch.setattr(row_blocks, "BLOCK_BYTES", 800)
    monkeypatch.setattr(row_blocks, "FEWEST_ROWS", 3)
    monkeypatch.setattr(row_blocks, "BYTES_FOR_A_THREAD", 2000)
    monkeypatch.setattr("nagcore.theory.log_sum_exp.SMALL_BYTES", 0)


def data(m, n, layout="rows"):
    generator = np.random.default_rng(m + n)
    A = LAYOUTS[layout](generator.normal(size=(m, n)))
    return A, generator.normal(size=m), generator.normal(size=n)


def cube(A, b):
    """Return the loss (z − b)³/3, whose slopes (z − b)² mix up no two rows unnoticed."""

    def loss(z, rows):
        z -= b[rows]
        value = float((z**3).sum() / 3)
        np.square(z, out=z)
        return value

    return loss


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("m", [1, 2, 9, 10, 11, 200, 501])
@pytest.mark.parametrize("n", [1, 7, 40])
@pytest.mark.usefixtures("tiny_blocks")
def test_value_and_gradient_are_those_of_two_products(m, n, layout):
    A, b, x = data(m, n, layout)
    value, grad = sum_over_rows(A, x, cube(A, b))
    residual = A @ x - b
    size = (abs(residual) ** 2 @ abs(A)).max()
    assert value == pytest.approx((residual**3).sum() / 3, abs=1e-12 * (abs(residual) ** 3).sum())
    np.testing.assert_allclose(grad, A.T @ residual**2, atol=1e-12 * size)


@pytest.mark.usefixtures("tiny_blocks")
def test_no_bit_depends_on_the_number_of_threads():
    A, b, x = data(2000, 7)
    values, grads = each_block(A, x, cube(A, b), threads=1)
    assert len(values) > 50
    for threads in (2, 3, 8):
        for _ in range(3):
            again = each_block(A, x, cube(A, b), threads=threads)
            np.testing.assert_array_equal(again[0], values)
            np.testing.assert_array_equal(again[1], grads)


@pytest.mark.parametrize("make", [LeastSquares, LogisticRegression, HuberRegression, LogSumExp])
def test_problems_are_the_same_in_blocks(make, monkeypatch, request):
    A, b, x = data(700, 6)
    options: dict[str, Any] = {"smoothing": 0.5} if make is LogSumExp else {"ridge": 0.1}
    f = make(A, np.sign(b) if make is LogisticRegression else 3 * b, **options)
    value, grad = f.value_and_grad(x)
    request.getfixturevalue("tiny_blocks")
    np.testing.assert_allclose(f.grad(x), grad, rtol=1e-12, atol=1e-14)
    again = f.value_and_grad(x)
    assert again[0] == pytest.approx(value, rel=1e-13) == f.value(x)
    np.testing.assert_allclose(again[1], grad, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("tiny_blocks")
def test_an_error_in_a_thread_reaches_the_caller():
    A, _, x = data(2000, 7)

    raised = threading.Event()

    def broken(z, rows):
        if threading.current_thread() is not threading.main_thread():
            raised.set()
            raise ZeroDivisionError
        assert raised.wait(timeout=30)
        return 0.0

    with pytest.raises(ZeroDivisionError):
        each_block(A, x, broken, threads=2)


def test_threads_follow_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert row_blocks._allowed_threads() == 3
    for unusable in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", unusable)
        assert row_blocks._allowed_threads() >= 1


def test_a_block_has_no_more_rows_than_fit_but_not_too_few():
    assert rows_in_a_block(np.empty((1, 100))) == 1000
    assert rows_in_a_block(np.empty((1, 1_000_000))) == 64


@pytest.mark.slow
def test_real_sizes_go_through_blocks_and_threads():
    A, b, x = data(100_000, 50)
    residual = A @ x - b
    f = LeastSquares(A, b)
    np.testing.assert_allclose(f.grad(x), A.T @ residual / len(b), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(f.grad(x), f.grad(x))
