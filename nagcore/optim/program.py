"""A rule's step as a list of elementwise operations.

The rules of `nagcore.core` use arithmetic alone, so that a step can be run on symbols and written
down. What is written down runs over lists of tensors (`nagcore.optim.lists`) or becomes the body of
one loop in C++ or Triton: the formula stands in the rule only.
"""

from __future__ import annotations

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
        update: uses +, −, ×, / and square roots (`** 0.5`) on tensors, and besides powers on
            scalars; it must not branch on the value of either.
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
    new_tensors, new_scalars = update(inputs, numbers)
    outputs = {name: tape.value(value) for name, value in new_tensors.items()}
    lines = [f"    {name} = {text}" for text, name in tape.lines.items()]
    results = ", ".join(_text(value) for value in new_scalars.values())
    coefficients = ", ".join(tape.coefficients)
    source = "\n".join(
        [
            f"def scalars({', '.join(scalars)}):",
            *lines,
            f"    return ({coefficients}{',' if coefficients else ''}), "
            f"({results}{',' if results else ''})",
        ]
    )
    namespace: dict[str, Any] = {"inf": float("inf")}
    exec(
        compile(source, f"<scalars of {getattr(update, '__name__', 'a step')}>", "exec"), namespace
    )
    return Program(
        inputs=tensors,
        operations=tuple(tape.operations),
        outputs=outputs,
        coefficients=len(tape.coefficients),
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
    """What values and scalars share: no truth, no order."""

    def __init__(self, tape: _Tape) -> None:
        self.tape = tape

    def _refuse(self, *_: Any) -> Any:
        raise UsageError("the step branches on a number that is not known before it runs")

    __bool__ = __float__ = __int__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse


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
        if power != 0.5:
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

    def __neg__(self) -> _Scalar:
        return self.tape.calculate(f"-{self.name}")


def _text(thing: Any) -> str:
    if isinstance(thing, _Scalar):
        return thing.name
    if isinstance(thing, int | float):
        return f"({thing!r})"
    raise UsageError(f"the step uses {thing!r} as a number, expected an int or a float")
