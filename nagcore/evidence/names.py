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
        'epochs, seed, step_size'
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=len(names) or 1, cutoff=0.6)
    return ", ".join([*near, *(other for other in names if other not in near)]) or "none"
