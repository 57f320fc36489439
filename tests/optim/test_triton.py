"""Kernels for the GPU, run in Triton's interpreter, and their code for a GPU."""

from __future__ import annotations

import importlib.util
import re

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

from nagcore.optim import triton_kernel
from nagcore.optim.pointers import find_gatherer

triton = pytest.importorskip("triton")
needs_compiler = pytest.mark.skipif(
    find_gatherer(torch.float32, torch.device("cpu")) is None, reason="no C++ compiler"
)


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy in the interpreter


@pytest.fixture
def interpreter(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    triton_kernel._load.cache_clear()
    yield
    triton_kernel._load.cache_clear()


@needs_compiler
@pytest.mark.parametrize("name", STEPS)
def test_the_kernel_computes_what_numpy_computes_to_the_bit(interpreter, name):
    program = PROGRAMS[name]
    columns = some_columns(program, torch.float32)
    for column in columns:
        column.append(torch.rand(2 * triton_kernel.BLOCK))  # without a rest
    before = copied(columns)
    expected = by_the_rule(name, before, lambda t: t.numpy())
    kernel = triton_kernel.load_triton(program, torch.float32)
    assert kernel
    assert kernel(columns, coefficients_of(name))
    assert_same_bits(program, columns, before, expected)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_types(interpreter, dtype):
    """With coefficients of few digits: the interpreter takes them for single precision."""
    scalars = {"lr": 0.125, "momentum": 0.875, "next_momentum": 0.75}
    columns = some_columns(PROGRAMS["nag"], dtype)
    computed_in = torch.float64 if dtype == torch.float64 else torch.float32
    before = copied(columns)
    expected = by_the_rule("nag", before, lambda t: t.to(computed_in).numpy(), scalars)
    kernel = triton_kernel.load_triton(PROGRAMS["nag"], dtype)
    assert kernel
    assert kernel(columns, [scalars["momentum"], scalars["lr"], scalars["next_momentum"]])
    assert_same_bits(PROGRAMS["nag"], columns, before, expected)


@needs_compiler
def test_addresses_are_uploaded_only_when_they_change(interpreter):
    kernel = triton_kernel.load_triton(PROGRAMS["nag"], torch.float32)
    assert kernel
    columns = [[torch.rand(5), torch.rand(7)] for _ in range(3)]
    uploads = []
    for gradients in (columns[1], columns[1], [torch.rand(5), torch.rand(7)], columns[1]):
        columns[1] = gradients
        assert kernel(columns, coefficients_of("nag"))
        uploads.append(triton_kernel._table.cache_info().misses)
    assert [n - uploads[0] for n in uploads] == [0, 0, 1, 1]


@needs_compiler
def test_what_does_not_fit_is_refused(interpreter):
    kernel = triton_kernel.load_triton(PROGRAMS["nag"], torch.float32)
    assert kernel
    x, d = torch.rand(4), torch.rand(4)
    assert not kernel([[x], [torch.rand(8)[::2]], [d]], coefficients_of("nag"))
    negated = torch._neg_view(torch.rand(4))  # pyright: ignore[reportPrivateImportUsage]
    assert not kernel([[x], [negated], [d]], coefficients_of("nag"))


@needs_compiler
def test_where_triton_fails_nothing_is_changed_and_nothing_said(capfd):
    triton_kernel._load.cache_clear()
    kernel = triton_kernel.load_triton(
        PROGRAMS["nag"], torch.float32
    )  # which has no business on a CPU
    assert kernel
    columns = [[torch.rand(5)] for _ in range(3)]
    before = copied(columns)
    for _ in range(2):
        assert not kernel(columns, coefficients_of("nag"))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(columns, before, strict=True))
    assert capfd.readouterr() == ("", "")


def test_without_triton_there_is_no_kernel(monkeypatch):
    triton_kernel._load.cache_clear()
    monkeypatch.setattr(triton_kernel, "has_triton", lambda: False)
    assert triton_kernel.load_triton(PROGRAMS["nag"], torch.float32) is None
    triton_kernel._load.cache_clear()


@pytest.mark.parametrize(("name", "dtype"), [("adan", torch.float32), ("adam", torch.float64)])
def test_the_code_for_a_gpu_rounds_each_operation_and_loads_16_bytes(
    monkeypatch, tmp_path, name, dtype
):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    program = PROGRAMS[name]
    file = tmp_path / "step.py"
    file.write_text(triton_kernel.triton_source(program, dtype))
    spec = importlib.util.spec_from_file_location("step", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    real = "fp32" if dtype == torch.float32 else "fp64"
    source = triton.compiler.ASTSource(
        fn=module.step,
        signature={
            "table": "*i64",
            "chunks": "*i64",
            "BLOCK": "constexpr",
            "ALIGNMENT": "constexpr",
            **{f"c{i}": real for i in range(program.coefficients)},
        },
        constexprs={"BLOCK": triton_kernel.BLOCK, "ALIGNMENT": 16},
    )
    hopper = triton.backends.compiler.GPUTarget("cuda", 90, 32)
    code = triton.compile(source, hopper, {"num_warps": 4, "enable_fp_fusion": False}).asm["ptx"]
    kinds = set(re.findall(r"(?:fma|mul|add|sub|div|sqrt)\.[\w.]*f(?:32|64)", code))
    bits = real[2:]
    assert kinds == {f"{kind}.rn.f{bits}" for kind in ("mul", "add", "sub", "div", "sqrt")}
    loads = "v4.b32" if bits == "32" else "v2.b64"
    assert f"ld.global.{loads}" in code
    assert f"st.global.{loads}" in code
