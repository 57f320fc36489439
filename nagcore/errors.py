"""Errors that a user can mend: each message names the value, what was expected and the remedy."""

from __future__ import annotations


class UsageError(ValueError):
    """A value, file or setting given by the user cannot be used."""


class DataError(UsageError):
    """A data file is missing, truncated or not the one it claims to be."""


class RecordError(UsageError):
    """A recorded result is missing or belongs to another declaration."""


class MissingExtraError(UsageError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f"install it in the checkout with: make env, or: pip install '.[{extra}]'"
        )
