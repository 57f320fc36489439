"""Tell a user which names would have been right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest_first(name: str, known: Iterable[str]) -> str:
    """List the known names, those most like `name` first.

    Args:
        name: what the user wrote.
        known: the names that exist.

    Returns:
        The names with commas between, or 'none' where there is none.

    Example:
        >>> closest_first("epoch", ["seed", "step_size", "epochs"])
        'epochs, step_size, seed'
    """

    def difference(candidate: str) -> float:
        return -difflib.SequenceMatcher(None, name, candidate).ratio()

    return ", ".join(sorted(known, key=difference)) or "none"
