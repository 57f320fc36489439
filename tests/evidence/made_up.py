"""Records whose numbers a test makes up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record

MADE = Provenance(None, None, "2026-01-01T00:00:00+00:00", {}, "test", 1, 1.0, "0" * 64)


def record_of(
    declaration: Declaration, measure: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Record:
    """Return a record with the axes of a declaration and the columns that `measure` makes up."""
    rows = tuple(
        {axis: setting[axis] for axis in declaration.axes} | dict(measure(setting))
        for setting in declaration.settings()
    )
    return Record(declaration, MADE, rows)
