"""A traced step, run over lists of tensors.

However a step is run, the same operations are done in the same order and each is rounded to the
type of the tensors (half-precision tensors are computed in float32 and rounded once at the end), so
that the results are the same bits; `run_compiled` alone may fuse two operations and differ by a
unit in the last place.
"""

from __future__ import annotations

# torch exports its operations on lists of tensors under names with an underscore only
# pyright: reportPrivateImportUsage=false
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from nagcore.optim.program import Operation, Program

Columns = Sequence[list[Tensor]]
"""For each input of a program, in its order, one tensor of each parameter."""
Runner = Callable[[Program, Columns, Sequence[Any]], None]
"""Takes a program, its inputs and its coefficients, and overwrites the inputs that change."""

_SYMBOLS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "sqrt": torch.sqrt,
}
_IN_PLACE = {
    "add": torch._foreach_add_,
    "sub": torch._foreach_sub_,
    "mul": torch._foreach_mul_,
    "div": torch._foreach_div_,
    "neg": torch._foreach_neg_,
    "sqrt": torch._foreach_sqrt_,
}
_NEW = {
    "add": torch._foreach_add,
    "sub": torch._foreach_sub,
    "mul": torch._foreach_mul,
    "div": torch._foreach_div,
    "neg": torch._foreach_neg,
    "sqrt": torch._foreach_sqrt,
}
# Some arrays of so many numbers fit into the second level of caches, or share the third.
_PIECE = 2**18
_HALF = (torch.float16, torch.bfloat16)


def run_plain(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    """Run a step parameter by parameter, with the operators of torch.

    Args:
        program: the step.
        columns: the tensors, overwritten where they change.
        coefficients: numbers, or tensors without dimensions.
    """
    for row in zip(*columns, strict=True):
        new = new_values(program, row, coefficients)
        for name, value in new.items():
            row[program.inputs.index(name)].copy_(value)


def new_values(
    program: Program, row: Sequence[Tensor], coefficients: Sequence[Any]
) -> dict[str, Tensor]:
    """Return the new values of one parameter's tensors, by name, as new tensors.

    Args:
        program: the step.
        row: the inputs, in the order of the program.
        coefficients: numbers, or tensors without dimensions.
    """
    values: list[Any] = [t.float() if t.dtype in _HALF else t for t in row]
    for kind, first, second in program.operations:
        operands = [
            values[o.index] if o.of == "value" else coefficients[o.index]
            for o in (first, second)
            if o is not None
        ]
        values.append(_SYMBOLS[kind](*operands))
    return {name: values[index] for name, index in program.outputs.items()}


def run_foreach(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    """Run a step operation by operation, each over the whole lists.

    On the CPU the lists are cut into pieces that stay in the cache from one operation to the next.

    Args:
        program: the step.
        columns: the tensors, overwritten where they change.
        coefficients: numbers, or tensors without dimensions.
    """
    on_cpu = bool(columns[0]) and columns[0][0].device.type == "cpu"
    for piece in _pieces(columns) if on_cpu else [columns]:
        _run_planned(program, _storage(program), piece, coefficients)


def _pieces(columns: Columns) -> Iterator[Columns]:
    """Cut lists into parts of about `_PIECE` elements, large tensors without gaps into views."""
    begin, elements = 0, 0
    for i, tensor in enumerate(columns[0]):
        if elements and elements + tensor.numel() > _PIECE:
            yield [column[begin:i] for column in columns]
            begin, elements = i, 0
        elements += tensor.numel()
        row = [column[i] for column in columns]
        if elements > 2 * _PIECE and all(t.is_contiguous() for t in row):
            for parts in zip(*(t.view(-1).split(_PIECE) for t in row), strict=True):
                yield [[part] for part in parts]
            begin, elements = i + 1, 0
    if begin < len(columns[0]):
        yield [column[begin:] for column in columns]


def _run_planned(
    program: Program,
    storage: Sequence[tuple[Operation, bool]],
    columns: Columns,
    coefficients: Sequence[Any],
) -> None:
    values: list[Any] = [
        [t.float() if t.dtype in _HALF else t for t in column] for column in columns
    ]
    for operation, in_place in storage:
        operands = [
            values[o.index] if o.of == "value" else coefficients[o.index]
            for o in (operation.first, operation.second)
            if o is not None
        ]
        values.append(_operate(operation, operands, in_place=in_place))
    for name, index in program.outputs.items():
        target = columns[program.inputs.index(name)]
        # tensor by tensor: what was computed in place is there, and compilers compare no lists
        pairs = zip(target, values[index], strict=True)
        moved = [(there, value) for there, value in pairs if value is not there]
        if moved:
            torch._foreach_copy_([there for there, _ in moved], [value for _, value in moved])


def run_flat(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    """Run a step on one long tensor for each input, into which the list is copied.

    Args:
        program: the step.
        columns: the tensors, overwritten where they change.
        coefficients: numbers, or tensors without dimensions.
    """
    flat = [[torch.cat([t.reshape(-1) for t in column])] for column in columns]
    run_foreach(program, flat, coefficients)
    for name in program.outputs:
        position = program.inputs.index(name)
        column = columns[position]
        pieces = flat[position][0].split([t.numel() for t in column])
        torch._foreach_copy_(column, [x.view_as(t) for x, t in zip(pieces, column, strict=True)])


def run_compiled(program: Program, columns: Columns, coefficients: Sequence[Any]) -> None:
    """Run a step by code that `torch.compile` makes for these shapes, at first use.

    Where the compiler fuses a multiplication and an addition, the result may differ from the other
    ways by a unit in the last place.

    Args:
        program: the step.
        columns: the tensors, overwritten where they change.
        coefficients: numbers, or tensors without dimensions.
    """
    # tensors, so that a change of the step size does not compile anew
    numbers = [torch.as_tensor(c, dtype=torch.float64) for c in coefficients]
    shapes = tuple((t.shape, t.stride(), t.dtype, t.device) for c in columns for t in c)
    _compile(program, shapes)(columns, numbers)


@cache
def _compile(program: Program, shapes: Any) -> Callable[[Columns, Sequence[Tensor]], None]:  # noqa: ARG001
    storage = _storage(program)

    def step(columns: Columns, coefficients: Sequence[Tensor]) -> None:
        _run_planned(program, storage, columns, coefficients)

    # The compiler keeps a few versions of each piece of code, and all steps would count as one.
    own = FunctionType(step.__code__.replace(), globals(), "step", None, step.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=False)


@cache
def _storage(program: Program) -> tuple[tuple[Operation, bool], ...]:
    """Say for each operation whether it may write over its first operand, and swap the operands
    where that makes it so."""
    last_use = {
        o.index: position
        for position, (_, *operands) in enumerate(program.operations)
        for o in operands
        if o is not None and o.of == "value"
    }
    changing = [program.inputs.index(name) for name in program.outputs]

    def is_free(o: Any, position: int) -> bool:
        return (
            o is not None
            and o.of == "value"
            and last_use[o.index] == position
            and o.index not in program.outputs.values()
            and (o.index >= len(program.inputs) or o.index in changing)
        )

    planned = []
    for position, (kind, first, second) in enumerate(program.operations):
        swaps = kind in ("add", "mul") and is_free(second, position)
        if second is not None and swaps and not is_free(first, position):
            first, second = second, first
        planned.append((Operation(kind, first, second), is_free(first, position)))
    return tuple(planned)


def _operate(operation: Operation, operands: Sequence[Any], *, in_place: bool) -> list[Tensor]:
    kind, first, _ = operation
    table = _IN_PLACE if in_place else _NEW
    if first.of == "value":
        result = table[kind](*operands)
        return operands[0] if in_place else list(result)
    number, tensors = operands
    if kind in ("add", "mul"):
        return list(_NEW[kind](tensors, number))
    if kind == "sub":  # c − t is −t + c to the same bits
        return list(_NEW["add"](_NEW["neg"](tensors), number))
    return [number / t for t in tensors]
