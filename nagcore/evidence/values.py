"""What may stand in a declaration or a record, and how it is written as strict JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from nagcore.errors import UsageError

# JSON has no word for these; an object with this one key stands for them.
MARK = "$float"
_NOT_FINITE = ("nan", "inf", "-inf")


def freeze(value: object, where: str) -> Any:
    """Return `value` in a form that cannot change, or refuse it.

    Args:
        value: a str, int, float, bool, None, or a tuple or mapping of such; NumPy's scalars
            become Python's.
        where: how a message names the place, for example "constant epochs".

    Raises:
        UsageError: anything else, such as a list, an array or a function.

    Example:
        >>> freeze({"layers": (32, 64)}, "constant model")["layers"]
        (32, 64)
    """
    scalar = _scalar(value)
    if scalar is not None or value is None:
        return scalar
    if isinstance(value, tuple):
        return tuple(freeze(item, where) for item in value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise UsageError(
                    f"{where} has the key {key!r}, expected a str without '$' in front"
                )
        return MappingProxyType(
            {key: freeze(item, f"{where}[{key!r}]") for key, item in value.items()}
        )
    raise UsageError(
        f"{where} is {value!r} of type {type(value).__name__}, expected a value: "
        "str, int, float, bool, None, or a tuple or mapping of these"
    )


def thaw(value: Any) -> Any:
    """Return a copy of a frozen value in which mappings are plain dicts."""
    if isinstance(value, tuple):
        return tuple(thaw(item) for item in value)
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return value


def cell(value: object, where: str) -> Any:
    """Return a measured value as plain Python, or refuse it.

    Args:
        value: a number, a str, or a list or tuple (which may be nested) of such.
        where: how a message names the place, for example "column loss".

    Raises:
        UsageError: anything else; arrays and tensors want their `.tolist()`.

    Example:
        >>> cell([np.float32(0.5), 2], "column loss")
        [0.5, 2]
    """
    if isinstance(value, (list, tuple)):
        return [cell(item, where) for item in value]
    scalar = _scalar(value)
    if scalar is None:
        raise UsageError(
            f"{where} is of type {type(value).__name__}, expected a number, a str or a list of "
            "these; call .tolist() on an array or a tensor, and write float('nan') for no value"
        )
    return scalar


def encode(value: Any) -> Any:
    """Return `value` as what `json.dumps(…, allow_nan=False)` accepts.

    Example:
        >>> encode((1.5, math.inf))
        [1.5, {'$float': 'inf'}]
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {MARK: str(value)}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(value: Any) -> Any:
    """Undo `encode`; what was a tuple comes back as a list.

    Example:
        >>> decode([1.5, {"$float": "inf"}])
        [1.5, inf]
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {MARK}:
            if value[MARK] not in _NOT_FINITE:
                raise ValueError(f"{value[MARK]!r} does not stand for a float")
            return float(value[MARK])
        return {key: decode(item) for key, item in value.items()}
    return value


def as_tuples(value: Any) -> Any:
    """Return a decoded value with every list turned into a tuple."""
    if isinstance(value, list):
        return tuple(as_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: as_tuples(item) for key, item in value.items()}
    return value


def dumps(value: Any, **options: Any) -> str:
    """Return `value` as strict JSON text."""
    return json.dumps(encode(value), ensure_ascii=False, allow_nan=False, **options)


def loads(text: str) -> Any:
    """Read strict JSON text.

    Raises:
        ValueError: the text is cut short, or not strict JSON.
    """
    return decode(json.loads(text, parse_constant=_refuse_constant))


def same(one: Any, other: Any) -> bool:
    """Say whether two values are written alike: nan equals nan, and 1 is not 1.0 nor True."""
    return dumps(one, sort_keys=True) == dumps(other, sort_keys=True)


def _scalar(value: object) -> bool | int | float | str | None:
    if isinstance(value, np.generic):
        value = value.item()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
