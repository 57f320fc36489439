"""Generated kernels do what the rule does, and refuse what they cannot do safely."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

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

from nagcore.optim import compiler
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
    expected = by_the_rule(name, copied(columns), lambda t: t.numpy())
    read_only = [t.clone() for t in columns[1]]
    kernel = load_cpp(PROGRAMS[name], dtype)
    assert kernel
    assert kernel(columns, coefficients_of(name))
    assert_same_bits(PROGRAMS[name], columns, expected)
    torch.testing.assert_close(columns[1], read_only, rtol=0, atol=0, equal_nan=True)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loop_in_cpp_computes_what_torch_computes_to_the_bit(dtype):
    """Not so where there are square roots: torch's are off by a bit on some processors."""
    columns = some_columns(PROGRAMS["nag"], dtype)
    expected = by_the_rule("nag", copied(columns), lambda t: t)
    kernel = load_cpp(PROGRAMS["nag"], dtype)
    assert kernel
    assert kernel(columns, coefficients_of("nag"))
    assert_same_bits(PROGRAMS["nag"], columns, expected)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", STEPS)
def test_half_precision_is_computed_in_float32_and_rounded_once(name, dtype):
    columns = some_columns(PROGRAMS[name], dtype)
    expected = by_the_rule(name, copied(columns), lambda t: t.float().numpy())
    kernel = load_cpp(PROGRAMS[name], dtype)
    if kernel is None and dtype == torch.float16:
        pytest.skip("this compiler has no _Float16")
    assert kernel
    assert kernel(columns, coefficients_of(name))
    assert_same_bits(PROGRAMS[name], columns, expected)


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
        assert_same_bits(PROGRAMS["nag"], result, expected)


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_loop_runs_on_the_threads_that_torch_runs_on():
    """Two OpenMP runtimes in one process would fight over the cores."""
    kernel = load_cpp(PROGRAMS["nag"], torch.float32)
    assert kernel
    torch.set_num_threads(2)
    assert kernel([[torch.randn(100_000)] for _ in range(3)], coefficients_of("nag"))
    mapped = Path("/proc/self/maps").read_text().split()
    runtimes = {word for word in mapped if Path(word).name.startswith(("libgomp", "libiomp"))}
    assert len(runtimes) == 1


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


def test_kernels_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("NAGCORE_KERNELS", "0")
    assert load_cpp(PROGRAMS["nag"], torch.float32) is None
    assert find_gatherer(torch.float32, torch.device("cpu")) is None


def test_there_is_no_kernel_for_other_types():
    assert load_cpp(PROGRAMS["nag"], torch.int64) is None
    assert load_cpp(PROGRAMS["nag"], torch.complex64) is None


# the compiler and its cache

TWICE = 'extern "C" int twice(int x) { return 2 * x; }'


@pytest.fixture
def cache_base(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def compiled():
    """Compile, without the memory of this process."""
    return compiler.load_library.__wrapped__(TWICE)


def twice(x):
    library = compiled()
    assert library
    return library.twice(x)


def assert_whole(folder):
    """Check that each file holds what its name says, and return the files."""
    files = list(folder.iterdir())
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert digest.startswith(file.name.split(".")[1])
    return files


@needs_compiler
def test_what_was_compiled_is_kept_for_this_user_alone(cache_base, monkeypatch):
    assert twice(21) == 42
    folder = cache_base / "nagcore" / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = assert_whole(folder)
    monkeypatch.setattr(compiler, "_compile", None)  # a second compilation would fail
    assert twice(4) == 8
    assert list(folder.iterdir()) == [file]


@needs_compiler
@pytest.mark.parametrize("content", [b"", b"no library", None])
def test_a_damaged_file_is_made_anew(cache_base, content):
    compiled()
    (file,) = (cache_base / "nagcore" / "kernels").iterdir()
    damaged = file.with_suffix(".new")
    damaged.write_bytes(file.read_bytes()[:-100] if content is None else content)
    damaged.replace(file)  # the library that is in use keeps its file
    assert twice(21) == 42
    assert len(assert_whole(file.parent)) == 1


@needs_compiler
def test_two_processes_may_compile_at_once(cache_base, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\n[ "$1" = --version ] || sleep 0.5\nexec g++ "$@"\n')
    slow.chmod(0o755)
    # the compiler alone, without torch
    program = f"""
import sys, types
package = types.ModuleType("nagcore.optim")
package.__path__ = [{str(Path(compiler.__file__).parent)!r}]
sys.modules["nagcore.optim"] = package
from nagcore.optim.compiler import load_library
print(load_library({TWICE!r}).twice(21))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "CXX": str(slow)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [p.communicate()[0].strip() for p in processes] == ["42", "42"]
    assert assert_whole(cache_base / "nagcore" / "kernels")


@pytest.mark.parametrize("command", ["no-such-compiler", "false", " "])
def test_without_a_compiler_there_is_none_and_no_noise(cache_base, monkeypatch, capfd, command):
    monkeypatch.setenv("CXX", command)
    assert compiled() is None
    assert capfd.readouterr() == ("", "")


@needs_compiler
def test_without_openmp_it_is_compiled_all_the_same(cache_base, monkeypatch, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text(
        '#!/bin/sh\nfor word; do [ "$word" = -fopenmp ] && exit 1; done\nexec g++ "$@"\n'
    )
    plain.chmod(0o755)
    monkeypatch.setenv("CXX", str(plain))
    assert twice(21) == 42


@needs_compiler
def test_a_cache_that_cannot_be_used_is_replaced_by_a_temporary_one(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert twice(21) == 42


def test_a_folder_that_others_can_write_to_is_not_trusted(cache_base):
    folder = compiler.cache_folder()
    assert folder == cache_base / "nagcore" / "kernels"
    folder.chmod(0o777)
    assert compiler.cache_folder() != folder
