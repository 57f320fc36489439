"""A rule's step as a list of elementwise operations.

The rules of `nagcore.core` use arithmetic alone, so that a step can be run on symbols and written
down. What is written down runs over lists of tensors (`nagcore.optim.lists`) or becomes the body of
one loop in C++ or Triton: the formula stands in the rule only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from nagcore.errors import UsageError

Kind = Literal["add", "sub", "mul", "div", "neg", "sqrt"]
Update = Callable[
    [Mapping[str, Any], Mapping[str, Any]], tuple[Mapping[str, Any], Mapping[str, Any]]
]
"""Takes tensors and scalars by name and returns those that change, by the same names."""


class Operand(NamedTuple):
    """A value of the program (an input or the result of an operation) or a coefficient."""

    of: Literal["value", "coefficient"]
    index: int


class Operation(NamedTuple):
    """One elementwise operation; `neg` and `sqrt` have no second operand."""

    kind: Kind
    first: Operand
    second: Operand | None


@dataclass(frozen=True, eq=False)
class Program:
    """The operations of one step, in an order in which they can be computed.

    Value i is the input `inputs[i]`, and value len(inputs) + j the result of operation j. The
    coefficients are numbers that are the same for every element; they depend on the scalars of the
    step, such as the step size, and are computed anew at each step by `scalars`.

    Attributes:
        inputs: names of the tensors that are read.
        operations: what is computed.
        outputs: for each tensor that changes, the number of its new value.
        coefficients: how many there are.
        scalar_inputs: names of the scalars that `scalars` takes, in order.
        scalar_outputs: names of the scalars that change.
        scalars: takes the scalars, numbers or tensors without dimensions, and returns the
            coefficients and the new values of the scalars that change.
    """

    inputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    outputs: Mapping[str, int]
    coefficients: int
    scalar_inputs: tuple[str, ...]
    scalar_outputs: tuple[str, ...]
    scalars: Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]] = field(repr=False)


def trace(update: Update, tensors: tuple[str, ...], scalars: tuple[str, ...]) -> Program:
    """Return the operations that `update` does on tensors of these names.

    Args:
        update: uses +, −, ×, / and square roots (`** 0.5`) on tensors, and besides powers and `>`
            (1 where it holds, else 0) on scalars; it must not branch on the value of either.
            What it computes and does not return is left out.
        tensors: names of the tensors that it takes.
        scalars: names of the scalars that it takes.

    Raises:
        UsageError: `update` does something else.

    Example:
        >>> def update(t, s):
        ...     return {"x": t["x"] - s["lr"] * t["grad"]}, {}
        >>> program = trace(update, ("x", "grad"), ("lr",))
        >>> [operation.kind for operation in program.operations], program.outputs
        (['mul', 'sub'], {'x': 3})
        >>> program.scalars(0.5)
        ((0.5,), ())
    """
    tape = _Tape(tensors)
    inputs = {name: _Value(tape, i) for i, name in enumerate(tensors)}
    numbers = {name: _Scalar(tape, name) for name in scalars}
    try:
        new_tensors, new_scalars = update(inputs, numbers)
    except TypeError as error:
        raise UsageError(
            f"the step does what cannot be written down ({error}), expected +, −, ×, / and ** 0.5"
        ) from error
    outputs = {name: tape.value(value) for name, value in new_tensors.items()}
    for name in outputs:
        if name not in tensors:
            raise UsageError(f"the step changes {name!r}, expected one of {', '.join(tensors)}")
    operations, outputs, used = _without_unused(tape, outputs)
    lines = [f"    {name} = {text}" for text, name in tape.lines.items()]
    results = [_text(value) for value in new_scalars.values()]
    source = "\n".join(
        [
            f"def scalars({', '.join(scalars)}):",
            *lines,
            f"    return {_tuple(used)}, {_tuple(results)}",
        ]
    )
    namespace: dict[str, Any] = {"inf": math.inf, "nan": math.nan}
    exec(
        compile(source, f"<scalars of {getattr(update, '__name__', 'a step')}>", "exec"), namespace
    )
    return Program(
        inputs=tensors,
        operations=operations,
        outputs=outputs,
        coefficients=len(used),
        scalar_inputs=scalars,
        scalar_outputs=tuple(new_scalars),
        scalars=namespace["scalars"],
    )


def with_symbols(rule: Any, **scalars: Any) -> Any:
    """Return a copy of a rule with symbols in place of some of its numbers.

    The rule was made with numbers, and checked; the symbols are not checked again.

    Example:
        >>> from nagcore.core.adam import Adam
        >>> with_symbols(Adam(), beta1="β₁").beta1
        'β₁'
    """
    twin = object.__new__(type(rule))
    for name, value in {**vars(rule), **scalars}.items():
        object.__setattr__(twin, name, value)
    return twin


def _without_unused(
    tape: _Tape, outputs: dict[str, int]
) -> tuple[tuple[Operation, ...], dict[str, int], list[str]]:
    """Return the operations and coefficients that the outputs need, numbered anew."""
    needed = set(outputs.values())
    for index in reversed(range(len(tape.operations))):
        if tape.inputs + index in needed:
            _, *operands = tape.operations[index]
            needed |= {o.index for o in operands if o is not None and o.of == "value"}
    kept = [i for i in range(len(tape.operations)) if tape.inputs + i in needed]
    values = {i: i for i in range(tape.inputs)}
    values |= {tape.inputs + i: tape.inputs + new for new, i in enumerate(kept)}
    texts = list(tape.coefficients)
    used: dict[int, int] = {}

    def renumber(operand: Operand | None) -> Operand | None:
        if operand is None:
            return None
        if operand.of == "value":
            return Operand("value", values[operand.index])
        return Operand("coefficient", used.setdefault(operand.index, len(used)))

    operations = [
        Operation(kind, renumber(first), renumber(second))  # pyright: ignore[reportArgumentType]
        for kind, first, second in (tape.operations[i] for i in kept)
    ]
    changed = {name: values[index] for name, index in outputs.items()}
    return tuple(operations), changed, [texts[i] for i in used]


class _Tape:
    """What has been written down so far; the same operation is written once."""

    def __init__(self, inputs: tuple[str, ...]) -> None:
        self.inputs = len(inputs)
        self.operations: list[Operation] = []
        self.coefficients: dict[str, int] = {}
        self.lines: dict[str, str] = {}

    def operand(self, thing: Any) -> Operand:
        if isinstance(thing, _Value):
            return Operand("value", thing.index)
        text = _text(thing)
        return Operand("coefficient", self.coefficients.setdefault(text, len(self.coefficients)))

    def operate(self, kind: Kind, first: Any, second: Any = None) -> _Value:
        operation = Operation(
            kind, self.operand(first), None if second is None else self.operand(second)
        )
        if operation not in self.operations:
            self.operations.append(operation)
        return _Value(self, self.inputs + self.operations.index(operation))

    def calculate(self, text: str) -> _Scalar:
        name = self.lines.setdefault(text, f"_{len(self.lines)}")
        return _Scalar(self, name)

    def value(self, thing: Any) -> int:
        if not isinstance(thing, _Value):
            raise UsageError(f"the step returned {thing!r} for a tensor, expected an expression")
        return thing.index


class _Symbol:
    """What values and scalars share: no truth, no order, no equality."""

    def __init__(self, tape: _Tape) -> None:
        self.tape = tape

    def _refuse(self, *_: Any) -> Any:
        raise UsageError("the step branches on a number that is not known before it runs")

    __bool__ = __float__ = __int__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __eq__ = __ne__ = _refuse
    __hash__ = None  # pyright: ignore[reportAssignmentType]


def _value_operator(kind: Kind, *, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def apply(self: _Value, other: Any) -> Any:
        if not isinstance(other, _Value | _Scalar | int | float):
            return NotImplemented
        return self.tape.operate(kind, *((other, self) if swapped else (self, other)))

    return apply


class _Value(_Symbol):
    """A tensor that is not there yet."""

    def __init__(self, tape: _Tape, index: int) -> None:
        super().__init__(tape)
        self.index = index

    __add__, __radd__ = _value_operator("add"), _value_operator("add", swapped=True)
    __sub__, __rsub__ = _value_operator("sub"), _value_operator("sub", swapped=True)
    __mul__, __rmul__ = _value_operator("mul"), _value_operator("mul", swapped=True)
    __truediv__, __rtruediv__ = _value_operator("div"), _value_operator("div", swapped=True)

    def __neg__(self) -> _Value:
        return self.tape.operate("neg", self)

    def __pow__(self, power: Any) -> _Value:
        if not isinstance(power, int | float) or power != 0.5:
            raise UsageError(f"the step takes a tensor to the power {power!r}, expected 0.5 only")
        return self.tape.operate("sqrt", self)


def _scalar_operator(sign: str, *, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def apply(self: _Scalar, other: Any) -> Any:
        if not isinstance(other, _Scalar | int | float):
            return NotImplemented
        first, second = (other, self) if swapped else (self, other)
        return self.tape.calculate(f"{_text(first)} {sign} {_text(second)}")

    return apply


class _Scalar(_Symbol):
    """A number that is not there yet."""

    def __init__(self, tape: _Tape, name: str) -> None:
        super().__init__(tape)
        self.name = name

    __add__, __radd__ = _scalar_operator("+"), _scalar_operator("+", swapped=True)
    __sub__, __rsub__ = _scalar_operator("-"), _scalar_operator("-", swapped=True)
    __mul__, __rmul__ = _scalar_operator("*"), _scalar_operator("*", swapped=True)
    __truediv__, __rtruediv__ = _scalar_operator("/"), _scalar_operator("/", swapped=True)
    __pow__, __rpow__ = _scalar_operator("**"), _scalar_operator("**", swapped=True)

    __gt__ = _scalar_operator(">")  # 1 or 0, to be multiplied with, for it cannot be branched on

    def __neg__(self) -> _Scalar:
        return self.tape.calculate(f"-{self.name}")


def _tuple(texts: list[str]) -> str:
    return f"({''.join(f'{text}, ' for text in texts)})"


def _text(thing: Any) -> str:
    if isinstance(thing, _Scalar):
        return thing.name
    if isinstance(thing, int):
        return f"({int(thing)})"
    if isinstance(thing, float):
        return f"({float(thing)!r})"  # NumPy's floats are floats that write themselves otherwise
    raise UsageError(f"the step uses {thing!r} as a number, expected an int or a float")
