"""However a step is run, the result is the same, to the bit where the operations are."""

from __future__ import annotations

import pytest
import torch
from optimizer_table import ROWS
from torch.nn import Parameter
from walking import (
    MODES,
    advance,
    assert_close,
    build,
    cases,
    equal,
    make_parameters,
    modes,
    on_cuda,
    rows,
    set_gradients,
    states,
    values,
    varied,
    with_compiler,
)

from nagcore.errors import UsageError
from nagcore.optim import EXECUTIONS
from nagcore.optim.execution import RUNNERS

OTHER_MODES = [mode for mode in MODES if mode != "plain"]
# enough for two threads of a kernel, with a rest
LARGE = 70_001


def run(row, arguments, parameters, steps=4):
    """Let all values change, and return where the parameters and the state end."""
    optimizer = row.build(parameters, **arguments)
    for k in range(steps):
        for group in optimizer.param_groups:
            group.update(varied(row, group, k))
        set_gradients(parameters, k)
        optimizer.step()
    return [*values(parameters), *states(optimizer, parameters)]


def assert_same(row, mode, found, expected):
    """Hold that two ways to run a step end in the same bits, but for roots.

    torch leaves roots to a library that may round them otherwise than a generated kernel, which
    rounds correctly.
    """
    if mode in ("foreach", "flat") or not row.has_roots:
        assert equal(found, expected)
        return
    for a, b in zip(found, expected, strict=True):
        ulp = torch.finfo(b.dtype).eps
        torch.testing.assert_close(a, b, rtol=16 * ulp, atol=16 * ulp)


@cases
@pytest.mark.parametrize("mode", OTHER_MODES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_all_ways_to_run_a_step_end_in_the_same_bits(row, arguments, mode, dtype):
    expected = run(row, {**arguments, "execution": "plain"}, make_parameters(dtype))
    found = run(row, {**arguments, "execution": mode}, make_parameters(dtype))
    assert_same(row, mode, found, expected)


@rows
@pytest.mark.parametrize("mode", OTHER_MODES)
def test_large_empty_and_oddly_laid_out_tensors_end_in_the_same_bits(row, mode, monkeypatch):
    monkeypatch.setattr("nagcore.optim.lists._PIECE", 10_000)

    def parameters():
        values = torch.randn(LARGE, generator=torch.Generator().manual_seed(1))
        large, small = values.clone(), values[:96].clone()
        return [
            Parameter(large),
            Parameter(torch.zeros(0)),
            Parameter(small.reshape(2, 3, 4, 4).to(memory_format=torch.channels_last)),
            Parameter(small[:12].clone().reshape(3, 4).t()),
            Parameter(small[:40].clone()[::2]),
            Parameter(small[0].clone()),
        ]

    ends = [run(row, {**row.plain, "execution": m}, parameters(), 2) for m in ("plain", mode)]
    assert_same(row, mode, *reversed(ends))


@rows
@modes
def test_memory_that_is_laid_out_otherwise_is_stepped_like_a_contiguous_copy(row, mode):
    """Gradients may lie in another order than their parameters."""
    base = torch.arange(96, dtype=torch.float64).reshape(2, 3, 4, 4) / 10
    odd = [
        Parameter(base.clone().to(memory_format=torch.channels_last)),
        Parameter(base.clone().flatten(1).t()),
        Parameter(base.clone().flatten()[::3]),
    ]
    plain = [Parameter(p.detach().clone(memory_format=torch.contiguous_format)) for p in odd]
    assert not any(p.is_contiguous() for p in odd)
    first, second = (build(row, parameters, execution=mode) for parameters in (odd, plain))
    strides = [p.stride() for p in odd]
    for k in range(4):
        advance(second, plain, 1, start=k)
        for p, q in zip(odd, plain, strict=True):
            assert q.grad is not None
            p.grad = q.grad.clone() if k % 2 else torch.empty_like(p).copy_(q.grad)
        first.step()
    if row.elementwise:
        assert equal(odd, plain)
    assert_close(odd, plain, rtol=1e-12, atol=1e-12)
    assert [p.stride() for p in odd] == strides


@rows
@modes
def test_empty_parameters_and_lists_of_nothing_but_them_are_taken(row, mode):
    parameters = [Parameter(torch.zeros(0)), Parameter(torch.zeros(2, 0))]
    optimizer = build(row, parameters, execution=mode)
    advance(optimizer, parameters, 3)
    assert [tuple(p.shape) for p in parameters] == [(0,), (2, 0)]


@rows
@modes
def test_types_may_be_mixed_in_one_group(row, mode):
    types = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    together = [p for dtype in types for p in make_parameters(dtype)[:2]]
    advance(build(row, together, execution=mode), together, 3)
    alone = [make_parameters(dtype)[:2] for dtype in types]
    for parameters in alone:
        advance(build(row, parameters, execution=mode), parameters, 3)
    assert equal(together, [p for parameters in alone for p in parameters])


@rows
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@modes
def test_a_step_in_half_precision_is_one_in_float32_rounded_once(row, dtype, mode):
    half, single = make_parameters(dtype), make_parameters(dtype)
    optimizer = build(row, half, execution=mode)
    advance(optimizer, half, 1)
    singles = [Parameter(p.detach().float()) for p in single]
    reference = build(row, singles, execution="plain")
    set_gradients(single, 0)
    for p, wide in zip(single, singles, strict=True):
        assert p.grad is not None
        wide.grad = p.grad.float()
    reference.step()
    assert equal(half, [p.detach().to(dtype) for p in singles])
    assert all(p.dtype is dtype for p in half)


@rows
def test_a_kernel_is_refused_where_there_is_no_compiler(row, monkeypatch):
    monkeypatch.setattr("nagcore.optim.execution.kernels_are_available", lambda device: False)
    parameters = make_parameters()
    optimizer = build(row, parameters, execution="kernel")
    if row.elementwise:
        before = values(parameters)
        with pytest.raises(UsageError, match=r"execution is 'kernel'.* use 'auto'"):
            advance(optimizer, parameters, 1)
        assert equal(parameters, before)
    same = make_parameters(), make_parameters()
    for mode, chosen in zip(("auto", "foreach"), same, strict=True):
        advance(build(row, chosen, execution=mode), chosen, 3)
    assert equal(*same)


@with_compiler
@rows
def test_a_kernel_does_not_take_numbers_that_are_tensors(row):
    parameters = make_parameters(shapes=[(2,), ()])  # which Muon leaves to its fallback
    optimizer = build(row, parameters, execution="kernel", capturable=True)
    before = values(parameters)
    with pytest.raises(UsageError, match="numbers of the step are tensors"):
        advance(optimizer, parameters, 1)
    assert equal(parameters, before)


@cases
@pytest.mark.parametrize(("dtype", "ulps"), [(torch.float64, 1e-14), (torch.float32, 3e-6)])
def test_numbers_kept_on_the_device_differ_by_rounding_alone(row, arguments, dtype, ulps):
    """torch rounds some powers otherwise than Python does."""
    expected = run(row, arguments, make_parameters(dtype))
    found = run(row, {**arguments, "capturable": True}, make_parameters(dtype))
    assert_close(found, expected, rtol=ulps, atol=ulps)


@pytest.mark.slow  # the compiler is started; that all rows can be traced is shown without it
def test_compiled_steps_differ_by_a_few_units_in_the_last_place():
    row, shapes = ROWS["NAdam"], [(3, 2), (2,)]
    ends = [
        run(row, {**row.plain, "execution": mode}, make_parameters(torch.float32, shapes))
        for mode in ("plain", "compiled")
    ]
    assert_close(*ends, rtol=1e-6, atol=1e-6)


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that torch.compile has made; they are run as they are, without its compiler."""
    found = []

    def keep(graph, inputs):
        found.append(graph)
        return graph.forward

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **options: whole(f, backend=keep, **options))
    return found


@rows
def test_every_step_can_be_compiled_as_one_graph_which_serves_all_values(row, graphs):
    shapes = [(2,), (3, 1)]
    expected = run(row, {**row.plain, "execution": "plain"}, make_parameters(shapes=shapes))
    found = run(row, {**row.plain, "execution": "compiled"}, make_parameters(shapes=shapes))
    assert_close(found, expected, rtol=1e-13, atol=1e-13)
    assert len(graphs) == 1


def test_more_lists_than_the_compiler_keeps_by_itself_may_be_compiled(graphs):
    for size in range(1, 13):
        parameters = make_parameters(shapes=[(size, 7)])
        advance(build(ROWS["NAG"], parameters, execution="compiled"), parameters, 2)
    assert len(graphs) == 12


def test_the_ways_are_really_different_ways(monkeypatch):
    """So that equal results are no accident of one way standing in for another."""
    called = []

    def recorded(mode):
        return lambda *_: called.append(mode)

    for mode in RUNNERS:
        monkeypatch.setitem(RUNNERS, mode, recorded(mode))
    execution = "nagcore.optim.execution"
    monkeypatch.setattr(f"{execution}.kernels_are_available", lambda device: True)
    monkeypatch.setattr(f"{execution}.bind_kernel", lambda *_: recorded("kernel"))
    for mode in EXECUTIONS:
        parameters = make_parameters()
        advance(build(ROWS["NAG"], parameters, execution=mode), parameters, 1)
    assert called == ["kernel" if mode == "auto" else mode for mode in EXECUTIONS]


differentiable_rows = pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row in ROWS.items() if row.differentiable]
)


@differentiable_rows
def test_gradients_flow_through_three_steps_to_the_step_size_and_the_start(row):
    """The derivative of the loss after three steps, against finite differences."""
    start = torch.tensor([1.5, -2.0], dtype=torch.float64)
    curvature = torch.tensor([1.0, 3.0], dtype=torch.float64)

    def loss_after(lr, x):
        p = x.clone()
        optimizer = build(row, [p], lr=lr, differentiable=True)
        for _ in range(3):
            here = p.clone()  # the step writes over p, which the gradient must not have kept
            p.grad = curvature * here + torch.sin(here)
            optimizer.step()
        return (p**3).sum()

    lr = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss_after, (lr, start.requires_grad_()))


@differentiable_rows
def test_differentiable_steps_are_the_same_steps(row):
    expected = run(row, row.plain, make_parameters())
    parameters = [p.detach().clone().requires_grad_() * 1 for p in make_parameters()]
    found = run(row, {**row.plain, "differentiable": True}, parameters)
    assert_close(found, expected, rtol=1e-14, atol=1e-14)


@rows
def test_other_ways_than_plain_are_refused_where_gradients_flow(row):
    if not row.differentiable:
        with pytest.raises(TypeError, match="differentiable"):
            build(row, make_parameters(), differentiable=True)
        return
    with pytest.raises(UsageError, match=r"execution is 'foreach' with differentiable=True"):
        build(row, make_parameters(), execution="foreach", differentiable=True)


@on_cuda
@cases
@pytest.mark.parametrize("mode", ["plain", "foreach", "flat", "auto", "kernel"])
def test_the_steps_on_a_gpu_are_those_on_the_cpu(row, arguments, mode):
    expected = run(row, {**arguments, "execution": "plain"}, make_parameters())
    on_gpu = make_parameters(device="cuda")
    found = run(row, {**arguments, "execution": mode}, on_gpu)
    assert_close([t.cpu() for t in found], expected, rtol=1e-12, atol=1e-12)


@on_cuda
@rows
def test_a_captured_step_is_replayed_with_another_step_size(row):
    """What is captured holds for all later steps: lr is a tensor, and is written over."""
    steps = 8
    captured, eager = make_parameters(device="cuda"), make_parameters(device="cuda")
    lr = torch.tensor(0.05, dtype=torch.float64, device="cuda")
    optimizer = build(row, captured, lr=lr, capturable=True)
    other = build(row, eager, lr=lr.clone(), capturable=True)
    gradients = [torch.zeros_like(p) for p in captured]

    def set_all(parameters, k):
        set_gradients(parameters, k)
        for p, held in zip(parameters, gradients, strict=True):
            held.copy_(p.grad)

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # makes the state
        set_gradients(captured, 0)
        optimizer.step()
    torch.cuda.current_stream().wait_stream(stream)
    set_gradients(eager, 0)
    other.step()
    graph = torch.cuda.CUDAGraph()
    for p, held in zip(captured, gradients, strict=True):
        p.grad = held
    before = [*values(captured), *states(optimizer, captured)]
    with torch.cuda.graph(graph):
        optimizer.step()
    assert equal([*values(captured), *states(optimizer, captured)], before)
    for k in range(1, steps):
        lr.fill_(0.05 / (1 + k))
        for group in other.param_groups:
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(0.05 / (1 + k))
        set_all(captured, k)
        for p, held in zip(captured, gradients, strict=True):
            p.grad = held
        graph.replay()
        set_gradients(eager, k)
        other.step()
    assert_close(captured, eager, rtol=1e-12, atol=1e-12)
