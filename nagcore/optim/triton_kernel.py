"""A traced step as one Triton kernel over a table of addresses."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor

from nagcore.optim.compiler import keep, kernels_are_wanted
from nagcore.optim.pointers import find_gatherer, mark_changed
from nagcore.optim.program import Operand, Operation, Program

BLOCK = 1024
"""Elements that one block of threads moves."""
_WARPS = 4  # so that a thread moves 8 elements, two loads of 16 bytes
_LOAD = 16  # bytes
_WORD = 8  # bytes of an address or a count
_RECENT = 32  # gradients come to lie at a few addresses in turn
_HALF = (torch.float16, torch.bfloat16)
_TYPES = (torch.float32, torch.float64, *_HALF)
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_FRAME = """\
import triton
import triton.language as tl


@triton.jit
def advance({advance_parameters}):
    {body}


@triton.jit
def step({step_parameters}):
    entry = chunks + 3 * tl.program_id(0)
    row = table + tl.load(entry) * {roles}
    begin = tl.load(entry + 1) * BLOCK
    count = tl.load(entry + 2)
    offsets = begin + tl.arange(0, BLOCK)
    {addresses}
    if begin + BLOCK <= count:
        advance({whole})
    else:
        advance({part})
"""
_log = logging.getLogger("nagcore")


def triton_source(program: Program, dtype: torch.dtype) -> str:
    """Return the source of a step for Triton.

    The operations are done in the program's order, with divisions and roots rounded to nearest;
    half precision is computed in float32 and rounded once at the end. It is to be launched with
    `enable_fp_fusion=False`, else a multiplication and an addition may become one operation.

    Args:
        program: the step.
        dtype: of the tensors.

    Example:
        >>> from nagcore.optim.program import trace
        >>> def update(t, s):
        ...     return {"x": t["x"] - s["lr"] * t["grad"]}, {}
        >>> source = triton_source(trace(update, ("x", "grad"), ("lr",)), torch.float32)
        >>> print(source[source.index("v2 =") : source.index("tl.store")])
        v2 = c0 * v1
            v3 = v0 - v2
        ...
    """
    name = str(dtype).removeprefix("torch.")
    real = "fp64" if dtype == torch.float64 else "fp32"
    to_real = ".to(tl.float32)" if dtype in _HALF else ""
    pointers = [f"{name}_" for name in program.inputs]
    numbers = [f"c{i}" for i in range(program.coefficients)]
    body = [
        f"v{i} = tl.load({pointer} + offsets, mask=mask){to_real}"
        for i, pointer in enumerate(pointers)
    ]
    body += [
        f"v{len(pointers) + i} = {_expression(operation, real)}"
        for i, operation in enumerate(program.operations)
    ]
    body += [
        f"tl.store({changed}_ + offsets, v{index}, mask=mask)"
        for changed, index in program.outputs.items()
    ]
    addresses = [
        f"{pointer} = tl.load(row + {role}).to(tl.pointer_type(tl.{name}))\n"
        f"    {pointer} = tl.multiple_of({pointer}, ALIGNMENT)"
        for role, pointer in enumerate(pointers)
    ]
    return _FRAME.format(
        advance_parameters=", ".join([*pointers, *numbers, "offsets", "mask"]),
        body="\n    ".join(body),
        step_parameters=", ".join(
            [
                *("table", "chunks", *[f'{number}: "{real}"' for number in numbers]),
                *("BLOCK: tl.constexpr", "ALIGNMENT: tl.constexpr"),
            ]
        ),
        roles=len(pointers),
        addresses="\n    ".join(addresses),
        whole=", ".join([*pointers, *numbers, "offsets", "None"]),
        part=", ".join([*pointers, *numbers, "offsets", "offsets < count"]),
    )


def _expression(operation: Operation, real: str) -> str:
    kind, first, second = operation
    if kind == "neg":  # the minus of older versions is 0 − x, which turns 0 into 0 and not into −0
        return f"{_name(first)} * -1.0"
    if kind == "sqrt":
        return f"tl.sqrt{'_rn' if real == 'fp32' else ''}({_name(first)})"
    assert second is not None
    if kind == "div" and real == "fp32":
        return f"tl.div_rn({_name(first)}, {_name(second)})"
    return f"{_name(first)} {_SIGNS[kind]} {_name(second)}"


def _name(operand: Operand) -> str:
    return f"{'v' if operand.of == 'value' else 'c'}{operand.index}"


class TritonKernel:
    """A step on a GPU, in one launch and one pass over memory.

    Args:
        step: the kernel.
        program: the step.
        dtype: of the tensors.
    """

    def __init__(self, step: Any, program: Program, dtype: torch.dtype) -> None:
        self._step: Any = step
        self._dtype = dtype
        self._changing = [program.inputs.index(name) for name in program.outputs]
        self._reading = [i for i in range(len(program.inputs)) if i not in self._changing]

    def __call__(self, columns: Sequence[Sequence[Tensor]], coefficients: Sequence[Any]) -> bool:
        """Run the step, if it can be run on these tensors; no two of them may share memory.

        Args:
            columns: for each input of the program, one tensor of each parameter, on one device;
                overwritten where they change.
            coefficients: numbers.

        Returns:
            Whether it was run. If not, nothing was changed: a tensor is of another type, has gaps
            in memory, or its elements lie in another order than those of its parameter; a CUDA
            graph is being captured; or Triton failed, which the logger "nagcore" tells at the
            level DEBUG.
        """
        device = columns[0][0].device
        gatherer = find_gatherer(self._dtype, device)
        found = gatherer(columns) if gatherer else None
        negated = any(tensor.is_neg() for i in self._reading for tensor in columns[i])
        capturing = device.type == "cuda" and torch.cuda.is_current_stream_capturing()
        if found is None or negated or capturing or self._step is None:
            return False
        addresses, counts = map(bytes, found)
        try:
            with torch.cuda.device_of(columns[0][0]):
                self._launch(addresses, counts, device, [float(c) for c in coefficients])
        except Exception as error:  # of whatever kind: there is another way to do the step
            _log.debug("Triton failed: %s", error)
            self._step = None
            return False
        mark_changed(columns, self._changing)
        return True

    def _launch(
        self, addresses: bytes, counts: bytes, device: torch.device, numbers: list[float]
    ) -> None:
        blocks, chunks = _chunks(counts, device)
        alignment, table = _table(addresses, len(counts) // _WORD, device)
        if blocks:
            self._step[(blocks,)](
                *(table, chunks, *numbers, BLOCK, alignment),
                num_warps=_WARPS,
                enable_fp_fusion=False,
            )


@lru_cache(maxsize=_RECENT)
def _table(addresses: bytes, tensors: int, device: torch.device) -> tuple[int, Tensor]:
    """Return the largest alignment that helps and holds, and the addresses on the device, those of
    one parameter side by side."""
    table = torch.frombuffer(bytearray(addresses), dtype=torch.int64).view(-1, tensors).t()
    alignment = _LOAD if not (table % _LOAD).any() else 1
    return alignment, table.contiguous().to(device)


@lru_cache(maxsize=_RECENT)
def _chunks(counts: bytes, device: torch.device) -> tuple[int, Tensor]:
    """Return how many blocks of threads there are, and on the device for each its tensor, its
    number within the tensor and the tensor's number of elements."""
    elements = torch.frombuffer(bytearray(counts), dtype=torch.int64)
    blocks = (elements + BLOCK - 1) // BLOCK
    tensor = torch.arange(len(blocks)).repeat_interleave(blocks)
    number = torch.arange(len(tensor)) - (blocks.cumsum(0) - blocks)[tensor]
    return len(tensor), torch.stack([tensor, number, elements[tensor]], 1).to(device)


def has_triton() -> bool:
    """Return whether Triton is installed."""
    return importlib.util.find_spec("triton") is not None


def load_triton(program: Program, dtype: torch.dtype) -> TritonKernel | None:
    """Return a step as a kernel, compiled when it is first run, or None where there is none.

    None: the type is not one of real floating-point numbers of 16 bits or more, Triton is
    missing, or NAGCORE_KERNELS is 0.

    Args:
        program: the step.
        dtype: of the tensors, which are on a GPU unless Triton's interpreter is on.
    """
    return _load(program, dtype) if kernels_are_wanted() else None


@cache
def _load(program: Program, dtype: torch.dtype) -> TritonKernel | None:
    if dtype not in _TYPES or not has_triton():
        return None
    try:
        # Triton reads the source again, so it has to be in a file.
        path = keep("step", ".py", triton_source(program, dtype).encode())
        spec = importlib.util.spec_from_file_location(path.stem.replace(".", "_"), path)
        module = importlib.util.module_from_spec(spec)  # pyright: ignore[reportArgumentType]
        spec.loader.exec_module(module)  # pyright: ignore[reportOptionalMemberAccess]
    except Exception as error:  # Triton does not know this machine, say, or the disk is full
        _log.debug("Triton cannot be used: %s", error)
        return None
    return TritonKernel(module.step, program, dtype)
