"""Dataclasses from texts that look like calls."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping
from typing import Any

from nagcore.errors import UsageError
from nagcore.names import closest_first


def parse_call(text: str, what: str, known: Mapping[str, type[Any]], example: str) -> Any:
    """Return the dataclass that a text such as `cosine(steps=1000, final=0.01)` means.

    Nothing in the text is executed; values are literals, or inf.

    Args:
        text: a name, with values by place or by name.
        what: the kind of thing, for messages.
        known: the dataclasses by name.
        example: a text that can be read, for messages.

    Raises:
        UsageError: a name or a value that cannot be used; the message lists the known ones.

    Example:
        >>> @dataclasses.dataclass
        ... class Cut:
        ...     size: int
        >>> parse_call("cut(8)", "change", {"cut": Cut}, "cut(8)").size
        8
    """
    name, places, keywords = _call(text, what, example)
    if name not in known:
        raise UsageError(
            f"{what} {name!r} is not known; expected one of {closest_first(name, known)}"
        )
    fields = dataclasses.fields(known[name])
    names = [field.name for field in fields]
    if len(places) > len(names):
        raise UsageError(f"{what}={text!r} has {len(places)} values; expected {', '.join(names)}")
    given = dict(zip(names, places, strict=False))
    for key, value in keywords:
        if key not in names:
            expected = closest_first(key, names)
            raise UsageError(f"{what} {name} takes no {key!r}; expected one of {expected}")
        if key in given:
            raise UsageError(f"{what}={text!r} gives {key} twice")
        given[key] = value
    for field in fields:
        if field.name not in given and field.default is dataclasses.MISSING:
            raise UsageError(f"{what}={text!r} says no {field.name}; write, for example, {example}")
    return known[name](**given)


def _call(text: str, what: str, example: str) -> tuple[str, list[Any], list[tuple[str, Any]]]:
    """Return name, values and named values of a text that looks like a call."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        match tree:
            case ast.Name(id=name):
                return name, [], []
            case ast.Call(func=ast.Name(id=name), args=places, keywords=keywords):
                named = [(key.arg or "**", _value(key.value)) for key in keywords]
                return name, [_value(place) for place in places], named
    except (SyntaxError, ValueError, AttributeError, RecursionError, MemoryError):
        pass
    raise UsageError(f"{what}={text!r} cannot be read; expected, for example, {example}") from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id == "inf":
        return float("inf")
    return ast.literal_eval(node)
