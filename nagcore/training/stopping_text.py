"""Stopping conditions as text, for the command line and configuration files."""

from __future__ import annotations

import re
from collections.abc import Callable

from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.condition import Condition
from nagcore.training.stopping import (
    Diverged,
    Epochs,
    Examples,
    Patience,
    Signal,
    Steps,
    Target,
    WallTime,
)

_TOKEN = re.compile(r"\s*(>=|<=|=|[|&(),]|[A-Za-z_]\w*|[+-]?[\d.]+(?:[eE][+-]?\d+)?)")
_BUDGETS: dict[str, Callable[[str], Condition]] = {
    "epochs": lambda text: Epochs(_whole(text)),
    "steps": lambda text: Steps(_whole(text)),
    "examples": lambda text: Examples(_whole(text)),
    "seconds": lambda text: WallTime(_number(text)),
}
_SHORT = {"accuracy": "eval_accuracy", "loss": "eval_loss"}
_GRAMMAR = (
    "epochs=30, steps=500, examples=1e6, seconds=60, accuracy>=0.9, eval_loss<=0.3, "
    "patience(eval_loss,5), diverged(10), signal, joined with |, & and brackets"
)


def parse_stopping(text: str) -> Condition:
    """Return the condition that a text such as `accuracy>=0.92 | epochs=30` means.

    & binds more tightly than |; `accuracy` and `loss` mean those on the evaluation data. `str` of
    a condition gives such a text back.

    Raises:
        UsageError: the text means nothing; the message says where reading stopped.

    Example:
        >>> parse_stopping("eval_accuracy>=0.92 | epochs=30") == (
        ...     Target("eval_accuracy", at_least=0.92) | Epochs(30))
        True
    """
    reader = _Reader(text)
    condition = reader.either()
    reader.require_end()
    return condition


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def peek(self) -> str:
        found = _TOKEN.match(self.text, self.place)
        return found.group(1) if found else ""

    def take(self, *expected: str) -> str:
        found = _TOKEN.match(self.text, self.place)
        if found is None or (expected and found.group(1) not in expected):
            raise self.error(f"expected {' or '.join(expected) or 'a condition'}")
        self.place = found.end()
        return found.group(1)

    def error(self, why: str) -> UsageError:
        rest = self.text[self.place :].strip() or "the end"
        return UsageError(
            f"until={self.text!r} cannot be read at {rest!r}: {why}; such as {_GRAMMAR}"
        )

    def require_end(self) -> None:
        if self.text[self.place :].strip():
            raise self.error("expected | or & or the end")

    def either(self) -> Condition:
        condition = self.both()
        while self.peek() == "|":
            self.take("|")
            condition = condition | self.both()
        return condition

    def both(self) -> Condition:
        condition = self.one()
        while self.peek() == "&":
            self.take("&")
            condition = condition & self.one()
        return condition

    def one(self) -> Condition:
        if self.peek() == "(":
            self.take("(")
            condition = self.either()
            self.take(")")
            return condition
        name = self.take()
        if not name.isidentifier():
            raise self.error(f"{name!r} is not a name")
        if name == "signal":
            return Signal()
        if name in ("patience", "diverged"):
            return self.called(name)
        return self.compared(name)

    def called(self, name: str) -> Condition:
        if name == "diverged" and self.peek() != "(":
            return Diverged()
        words = [self.take("("), self.take()]
        if name == "diverged":
            self.take(")")
            return Diverged(_number(words[1]))
        self.take(",")
        epochs = self.take()
        self.take(")")
        return Patience(_SHORT.get(words[1], words[1]), _whole(epochs))

    def compared(self, name: str) -> Condition:
        sign = self.take("=", ">=", "<=")
        value = self.take()
        if sign == "=":
            if name not in _BUDGETS:
                known = closest_first(name, _BUDGETS)
                raise self.error(f"{name!r} is not a budget; expected one of {known}")
            return _BUDGETS[name](value)
        if name in _BUDGETS:
            raise self.error(f"{name}{sign}{value} is a budget: write {name}={value}")
        metric = _SHORT.get(name, name)
        if sign == ">=":
            return Target(metric, at_least=_number(value))
        return Target(metric, at_most=_number(value))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    value = _number(text)
    if not value.is_integer():
        raise UsageError(f"{text} is not a whole number")
    return int(value)
