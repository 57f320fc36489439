"""What an experiment varies, keeps constant and measures: values only, no functions."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.values import as_tuples, freeze, same, thaw
from nagcore.names import closest_first

DEVICES = ("cpu", "cuda")
# Parameters of load_or_run, which takes the names of axes and constants beside them.
_RESERVED = ("device", "progress", "root")
_FIELDS = ("name", "question", "axes", "constants", "columns", "devices")


@dataclass(frozen=True, eq=False)
class Declaration:
    """The frozen description of an experiment.

    Every name of an axis, a constant or a column is a Python identifier and stands once.

    Args:
        name: in kebab-case; the folder of its records.
        question: the one sentence that the experiment answers.
        axes: for each thing that varies, its values; the settings are their product, the first
            axis slowest. The axis `seed` counts the repetitions.
        constants: what stays the same in every setting.
        columns: for each thing that is measured, its meaning with unit.
        devices: where it is to be recorded, of "cpu" and "cuda".

    Raises:
        UsageError: a name is malformed, used twice or reserved, an axis is empty or holds a value
            twice, or something is not a value.

    Example:
        >>> rates = Declaration(
        ...     "rates", "How fast is it?", axes={"step_size": (0.1, 0.2), "seed": (0, 1)},
        ...     constants={"steps": 50}, columns={"gap": "f(x) - f*"}, devices=("cpu",))
        >>> rates.settings()[0]
        {'steps': 50, 'step_size': 0.1, 'seed': 0}
        >>> len(rates.replace(seed=range(5), steps=10).settings())
        10
    """

    name: str
    question: str
    axes: Mapping[str, tuple]
    constants: Mapping[str, Any]
    columns: Mapping[str, str]
    devices: tuple[str, ...] = ("cpu",)

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_names(self)
        for field, word in (("axes", "axis"), ("constants", "constant"), ("columns", "column")):
            frozen = {
                name: freeze(value, f"{word} {name}")
                for name, value in getattr(self, field).items()
            }
            object.__setattr__(self, field, MappingProxyType(frozen))
        for name, values in self.axes.items():
            _check_axis(name, values)
        for name, meaning in self.columns.items():
            if not isinstance(meaning, str) or not meaning:
                raise UsageError(f"column {name} is {meaning!r}, expected its meaning with unit")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Declaration):
            return NotImplemented
        return same(self.to_json(), other.to_json())

    def __hash__(self) -> int:
        return hash((self.name, self.question, self.devices))

    def __reduce__(self) -> tuple:
        # Read-only mappings cannot be pickled; worker processes need the declaration.
        return Declaration.from_json, (self.to_json(),)

    def settings(self) -> list[dict[str, Any]]:
        """Return the product of the axes, each merged with the constants."""
        constants = thaw(self.constants)
        return [
            {**thaw(constants), **dict(zip(self.axes, thaw(values), strict=True))}
            for values in itertools.product(*self.axes.values())
        ]

    @property
    def size(self) -> int:
        """The number of settings."""
        return math.prod(len(values) for values in self.axes.values())

    def replace(self, **overrides: Any) -> Declaration:
        """Return this declaration with other constants or axes.

        Args:
            **overrides: by name; a constant takes one value, an axis any iterable of values. Each
                is of the type declared; a whole number will do for a float.

        Raises:
            UsageError: a name is unknown, or a value of another type.
        """
        axes, constants = dict(self.axes), dict(self.constants)
        for name, value in overrides.items():
            if name in axes:
                axes[name] = tuple(
                    _of_type(item, axes[name], f"axis {name}") for item in _items(name, value)
                )
            elif name in constants:
                constants[name] = _of_type(value, (constants[name],), f"constant {name}")
            else:
                raise UsageError(
                    f"{self.name} has no parameter {name!r}; "
                    f"its parameters: {closest_first(name, [*axes, *constants])}"
                )
        return Declaration(
            self.name, self.question, axes, constants, dict(self.columns), self.devices
        )

    def differences(self, earlier: Declaration) -> list[str]:
        """Say in readable lines what of an earlier declaration no longer fits.

        The question and the devices do not touch what was measured, and so do not count.
        """
        lines = [] if self.name == earlier.name else [f"name: was {earlier.name}, is {self.name}"]
        for field, word in (("axes", "axis"), ("constants", "constant"), ("columns", "column")):
            now, then = getattr(self, field), getattr(earlier, field)
            for name in [*now, *(name for name in then if name not in now)]:
                if name not in then:
                    lines.append(f"{word} {name}: new, is {_show(now[name])}")
                elif name not in now:
                    lines.append(f"{word} {name}: gone, was {_show(then[name])}")
                elif not same(now[name], then[name]):
                    lines.append(f"{word} {name}: was {_show(then[name])}, is {_show(now[name])}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return the declaration as dicts, tuples and plain values, ready for `values.dumps`."""
        return {field: thaw(getattr(self, field)) for field in _FIELDS}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Declaration:
        """Return the declaration that `to_json` described.

        Raises:
            UsageError: a field is missing, unknown or malformed.
        """
        if not isinstance(content, Mapping) or set(content) != set(_FIELDS):
            raise UsageError(f"a declaration has exactly the fields {', '.join(_FIELDS)}")
        return cls(**as_tuples({field: content[field] for field in _FIELDS}))


def _check_texts(declaration: Declaration) -> None:
    name, question, devices = declaration.name, declaration.question, declaration.devices
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise UsageError(
            f"name is {name!r}, expected kebab-case, for example 'rates-on-quadratics'"
        )
    if not isinstance(question, str) or not question.strip() or "\n" in question:
        raise UsageError(f"question of {name} is {question!r}, expected one sentence on one line")
    if not isinstance(devices, tuple) or not devices or not set(devices) <= set(DEVICES):
        raise UsageError(f"devices of {name} are {devices!r}, expected a tuple of {DEVICES}")


def _check_names(declaration: Declaration) -> None:
    seen: dict[str, str] = {}
    for field in ("axes", "constants", "columns"):
        mapping = getattr(declaration, field)
        if not isinstance(mapping, Mapping):
            raise UsageError(f"{field} is a {type(mapping).__name__}, expected a mapping")
        for name in mapping:
            if not isinstance(name, str) or not name.isidentifier():
                raise UsageError(f"{field} has the name {name!r}, expected a Python identifier")
            if name in _RESERVED:
                raise UsageError(f"{field} has the name {name!r}, which load_or_run uses itself")
            if name in seen:
                raise UsageError(f"{name!r} stands in {seen[name]} and in {field}, expected once")
            seen[name] = field
    if not declaration.columns:
        raise UsageError(f"{declaration.name} has no columns, expected what is measured")


def _check_axis(name: str, values: object) -> None:
    if not isinstance(values, tuple) or not values:
        raise UsageError(f"axis {name} is {values!r}, expected a tuple of one value or more")
    for position, value in enumerate(values):
        if any(same(value, other) for other in values[:position]):
            raise UsageError(f"axis {name} holds {value!r} twice, expected each value once")


def _items(name: str, value: object) -> Iterable[Any]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise UsageError(
            f"axis {name} is {value!r}, expected several values: "
            f"write {name}=({value!r},) for this one alone"
        )
    return value


def _of_type(value: Any, declared: tuple, where: str) -> Any:
    kinds = {type(item) for item in declared}
    if isinstance(value, list) and tuple in kinds:
        value = as_tuples(value)
    value = freeze(value, where)
    if isinstance(value, tuple) and tuple in kinds:
        inner = next(item for item in declared if isinstance(item, tuple))
        return tuple(_of_type(item, inner, where) for item in value) if inner else value
    if type(value) is int and float in kinds and int not in kinds:
        return float(value)
    # A declared None says nothing about the type that it may be replaced by.
    if type(value) in kinds or kinds == {type(None)}:
        return value
    expected = " or ".join(sorted({type(thaw(item)).__name__ for item in declared}))
    raise UsageError(
        f"{where} is {_show(value)} of type {type(thaw(value)).__name__}, "
        f"expected {expected}, for example {_show(declared[0])}"
    )


def _show(value: Any) -> str:
    text = repr(thaw(value))
    return text if len(text) <= 120 else f"{text[:80]} … {text[-30:]}"
