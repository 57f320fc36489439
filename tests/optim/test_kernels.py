"""Generated kernels do what the rule does, and refuse what they cannot do safely."""

from __future__ import annotations

import ctypes

import pytest
import torch
from traced_steps import (
    PROGRAMS,
    STEPS,
    assert_same_bits,
    by_the_rule,
    coefficients_of,
    copied,
    some_columns,
)

from nagcore.optim import compiler, cpp, pointers
from nagcore.optim.cpp import ELEMENTS_PER_THREAD, load_cpp
from nagcore.optim.pointers import find_gatherer

needs_compiler = pytest.mark.skipif(
    find_gatherer(torch.float32, torch.device("cpu")) is None, reason="no C++ compiler"
)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", STEPS)
def test_the_loop_in_cpp_computes_what_numpy_computes_to_the_bit(name, dtype):
    columns = some_columns(PROGRAMS[name], dtype)
    before = copied(columns)
    expected = by_the_rule(name, before, lambda t: t.numpy())
    kernel = load_cpp(PROGRAMS[name], dtype)
    assert kernel
    assert kernel(columns, coefficients_of(name))
    assert_same_bits(PROGRAMS[name], columns, before, expected)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loop_in_cpp_computes_what_torch_computes_to_the_bit(dtype):
    """Not so where there are square roots: torch's are off by a bit on some processors."""
    columns = some_columns(PROGRAMS["nag"], dtype)
    before = copied(columns)
    expected = by_the_rule("nag", before, lambda t: t)
    kernel = load_cpp(PROGRAMS["nag"], dtype)
    assert kernel
    assert kernel(columns, coefficients_of("nag"))
    assert_same_bits(PROGRAMS["nag"], columns, before, expected)


@needs_compiler
@pytest.mark.parametrize("name", STEPS)
def test_bfloat16_is_computed_in_float32_and_rounded_once(name):
    columns = some_columns(PROGRAMS[name], torch.bfloat16)
    before = copied(columns)
    expected = by_the_rule(name, before, lambda t: t.float().numpy())
    kernel = load_cpp(PROGRAMS[name], torch.bfloat16)
    assert kernel
    assert kernel(columns, coefficients_of(name))
    assert_same_bits(PROGRAMS[name], columns, before, expected)


@needs_compiler
def test_any_number_of_threads_gives_the_same_bits():
    sizes = (5 * ELEMENTS_PER_THREAD + 1, 0, 3, 2 * ELEMENTS_PER_THREAD, *([11] * 50))
    columns = [[torch.randn(size) for size in sizes] for _ in range(3)]
    kernel = load_cpp(PROGRAMS["nag"], torch.float32)
    assert kernel
    results = []
    for threads in (1, 2, 3, 8):
        torch.set_num_threads(threads)
        own = copied(columns)
        assert kernel(own, coefficients_of("nag"))
        results.append(own)
    expected = by_the_rule("nag", columns, lambda t: t.numpy())
    for result in results:
        assert_same_bits(PROGRAMS["nag"], result, columns, expected)


@needs_compiler
def test_the_loop_runs_on_the_threads_that_torch_runs_on():
    """Two OpenMP runtimes in one process would fight over the cores."""
    source = cpp.cpp_source(PROGRAMS["nag"], torch.float32)
    library = compiler.load_library(source)
    assert library
    try:
        functions = [at.omp_get_thread_num for at in (library, ctypes.CDLL(torch._C.__file__))]
    except AttributeError:
        pytest.skip("compiled without OpenMP")
    first, second = [ctypes.cast(function, ctypes.c_void_p).value for function in functions]
    assert first == second


def unfit(case):
    """Return a parameter, a gradient that does not fit it, and a displacement."""
    x, d = torch.randn(4, 4), torch.randn(4, 4)
    gradients = {
        "has gaps": torch.randn(4, 8)[:, ::2],
        "is one number repeated": torch.randn(()).expand(4, 4),
        "is in another order": torch.randn(4, 4).t(),
        "is of another type": torch.randn(4, 4, dtype=torch.float64),
        "is smaller": torch.randn(4, 3),
        "is larger": torch.randn(4, 5),
        "is sparse": torch.eye(4).to_sparse(),
        "is elsewhere": torch.empty(4, 4, device="meta"),
        "is complex": torch.randn(4, 2, dtype=torch.complex64),
    }
    if case in gradients:
        return x, gradients[case], d
    if case == "is stored with the other sign":
        return torch.randn(1), torch.randn(1, dtype=torch.complex64).conj().imag, torch.randn(1)
    assert case == "all have gaps"
    return tuple(torch.randn(4, 8)[:, ::2] for _ in range(3))


@needs_compiler
@pytest.mark.parametrize(
    "case",
    [
        *("has gaps", "is one number repeated", "is in another order", "is of another type"),
        *("is smaller", "is larger", "is sparse", "is elsewhere", "is complex"),
        *("is stored with the other sign", "all have gaps"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_and_nothing_is_changed(case):
    kernel = load_cpp(PROGRAMS["nag"], torch.float32)
    assert kernel
    good = [torch.randn(3) for _ in range(3)]
    columns = [[a, b] for a, b in zip(good, unfit(case), strict=True)]
    before = copied([[columns[i][j] for j in (0, 1)] for i in (0, 2)])
    assert not kernel(columns, coefficients_of("nag"))
    after = [columns[0], columns[2]]
    for old, new in zip(before, after, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(old, new, strict=True))
    assert kernel([[t] for t in good], coefficients_of("nag"))


@needs_compiler
def test_autograd_sees_that_a_parameter_was_written_to():
    x = torch.nn.Parameter(torch.randn(3))
    loss = (x**2).sum()
    loss.backward(retain_graph=True)
    kernel = load_cpp(PROGRAMS["nag"], torch.float32)
    assert kernel
    assert x.grad is not None
    assert kernel([[x], [x.grad], [torch.zeros(3)]], coefficients_of("nag"))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.fixture
def switched_off(monkeypatch):
    monkeypatch.setenv("NAGCORE_KERNELS", "0")
    forget_the_switch()
    yield
    monkeypatch.undo()
    forget_the_switch()


def forget_the_switch():
    for module in (cpp, pointers):
        module.kernels_are_wanted.cache_clear()


def test_kernels_can_be_switched_off(switched_off):
    assert cpp.load_cpp(PROGRAMS["nag"], torch.float32) is None
    assert pointers.find_gatherer(torch.float32, torch.device("cpu")) is None


def test_there_is_no_kernel_for_other_types():
    for dtype in (torch.float16, torch.int64, torch.complex64):
        assert load_cpp(PROGRAMS["nag"], dtype) is None
