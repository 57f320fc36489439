"""A recorded result: declaration, provenance and one row of measurements per setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from nagcore.errors import RecordError, UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.values import cell, dumps, loads, same
from nagcore.names import closest_first

_FORMAT = 1
_FIELDS = {"format", "declaration", "provenance", "rows"}


class Failed(NamedTuple):
    """A setting that could not be measured.

    Args:
        setting: its values on the axes.
        error: type and message, in short.
    """

    setting: Mapping[str, Any]
    error: str


@dataclass(frozen=True)
class Record:
    """What was measured, with all that is needed to judge it.

    Args:
        declaration: as it was when the record was made.
        provenance: where, when and with what.
        rows: per setting, in the order of `declaration.settings()`, the values on the axes and
            the columns; those that failed have none.
        stale: the code has changed since the record was made.
        fresh: measured in this process, not read from a file.
        failed: the settings that failed, in the declared order.
    """

    declaration: Declaration
    provenance: Provenance
    rows: tuple[Mapping[str, Any], ...]
    stale: bool = False
    fresh: bool = False
    failed: tuple[Failed, ...] = ()

    def is_stale(self, code_hash: str) -> bool:
        """Say whether the record was made by other code than that with the given hash."""
        return self.provenance.code_hash != code_hash

    def frame(self) -> pd.DataFrame:
        """Return one line per setting: the axes, then the columns; lists stay whole."""
        names = [*self.declaration.axes, *self.declaration.columns]
        return pd.DataFrame(list(self.rows), columns=pd.Index(names))

    def rows_by_index(self) -> dict[int, Mapping[str, Any]]:
        """Return the rows by the index of their setting in `declaration.settings()`."""
        lost = [failed.setting for failed in self.failed]
        indices = [
            index
            for index, axes in enumerate(_axes(self.declaration))
            if not any(same(axes, other) for other in lost)
        ]
        return dict(zip(indices, self.rows, strict=True))

    def long(self, *columns: str, x: str = "step") -> pd.DataFrame:
        """Return columns of lists with one line per entry, as plots of curves want them.

        Args:
            *columns: columns that hold lists, in one setting all of the same length.
            x: the column of lists that the others run along; another name makes a new column
                that counts from 0.

        Returns:
            The axes, the columns named, and x.

        Raises:
            UsageError: a column is unknown, or does not hold lists of equal length.
        """
        axes, known = self.declaration.axes, self.declaration.columns
        for name in columns:
            if name not in known:
                raise UsageError(
                    f"{self.declaration.name} has no column {name!r}; "
                    f"its columns: {closest_first(name, known)}"
                )
        if not columns or x in axes:
            raise UsageError(
                f"columns are {columns} and x is {x!r}, expected columns along no axis"
            )
        lists = [*columns, *([x] if x in known and x not in columns else [])]
        for row in self.rows:
            lengths = {len(row[name]) if isinstance(row[name], list) else None for name in lists}
            if len(lengths) > 1 or None in lengths:
                raise UsageError(
                    f"{', '.join(lists)} of {self.declaration.name} do not all hold lists of "
                    "equal length; name columns that do, or use frame()"
                )
        table = self.frame().loc[:, [*axes, *lists]].explode(lists)
        if x not in known:
            table[x] = table.groupby(level=0).cumcount()
        return table.reset_index(drop=True).infer_objects()

    def note(self) -> str:
        """Return the sentences for a caption: device, date, n, commit, and what to beware of.

        n is the number of values on the axis `seed`, where there is one.
        """
        made = self.provenance
        parts = [f"{made.time[:10]}"]
        if "seed" in self.declaration.axes:
            parts.append(f"n = {len(self.declaration.axes['seed'])}")
        if not self.stale:
            parts.append(f"commit {made.short_commit}")
        how = "Measured afresh in this run" if self.fresh else "Measured"
        text = f"{how} on a {made.device}, {', '.join(parts)}"
        if self.stale:
            text += (
                f"; made by earlier code (commit {made.short_commit}); the code has changed since"
            )
        if self.failed:
            text += f"; {len(self.failed)} of {self.declaration.size} settings failed"
        if made.clean is False:
            text += "; the working tree held changes that were not committed"
        return f"{text}."

    def to_json(self) -> str:
        """Return the text of the file: strict JSON, one line per row."""
        head = {
            "format": _FORMAT,
            "declaration": self.declaration.to_json(),
            "provenance": self.provenance.to_json(),
        }
        opened = dumps(head, indent=2).removesuffix("\n}")
        lists = {"rows": self.rows}
        if self.failed:
            lists["failed"] = tuple(failed._asdict() for failed in self.failed)
        for name, items in lists.items():
            lines = ",\n    ".join(dumps(item) for item in items)
            opened += f',\n  "{name}": [\n    {lines}\n  ]'
        return f"{opened}\n}}\n"

    @classmethod
    def from_json(cls, text: str, source: str, remedy: str) -> Record:
        """Read what `to_json` wrote.

        Args:
            text: the content of the file.
            source: the file, for messages.
            remedy: what the user can do if it cannot be read.

        Raises:
            RecordError: the text is cut short, malformed, or does not hold what it declares.
        """
        try:
            content = loads(text)
            if not isinstance(content, dict) or set(content) - {"failed"} != _FIELDS:
                raise ValueError(f"expected exactly the fields {', '.join(sorted(_FIELDS))}")
            if content["format"] != _FORMAT:
                raise ValueError(f"format is {content['format']!r}, expected {_FORMAT}")
            declaration = Declaration.from_json(content["declaration"])
            provenance = Provenance.from_json(content["provenance"])
            failed = _failed(declaration, content.get("failed", []))
            rows = _rows(declaration, content["rows"], failed)
        except (ValueError, TypeError, RecursionError) as error:
            raise RecordError(f"{source} is not a record: {error}; {remedy}") from error
        return cls(declaration, provenance, rows, failed=tuple(failed.values()))


def _axes(declaration: Declaration) -> list[dict[str, Any]]:
    return [
        {axis: setting[axis] for axis in declaration.axes} for setting in declaration.settings()
    ]


def _failed(declaration: Declaration, entries: Any) -> dict[int, Failed]:
    """Read the settings that failed, by index: declared ones in the declared order, each once."""
    if not isinstance(entries, list):
        raise ValueError("failed is not a list")
    waiting = iter(enumerate(_axes(declaration)))
    found = {}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != set(Failed._fields):
            raise ValueError(f"a failed setting has exactly {', '.join(Failed._fields)}")
        if not isinstance(entry["error"], str):
            raise ValueError(f"an error is {entry['error']!r}, expected its words")
        for index, axes in waiting:
            if same(axes, entry["setting"]):
                found[index] = Failed(axes, entry["error"])
                break
        else:
            raise ValueError(f"{entry['setting']} is not a declared setting in its place")
    return found


def _rows(
    declaration: Declaration, rows: Any, failed: Mapping[int, Failed]
) -> tuple[dict[str, Any], ...]:
    settings = [axes for index, axes in enumerate(_axes(declaration)) if index not in failed]
    if not isinstance(rows, list) or len(rows) != len(settings):
        raise ValueError(f"expected {len(settings)} rows, one for each setting")
    complete = []
    for axes, row in zip(settings, rows, strict=True):
        names = [*axes, *declaration.columns]
        if not isinstance(row, dict) or set(row) != set(names):
            raise ValueError(f"a row does not have exactly the names {', '.join(names)}")
        if not same(axes, {axis: row[axis] for axis in axes}):
            raise ValueError(f"a row is not the declared setting {axes}")
        measured = {column: cell(row[column], column) for column in declaration.columns}
        complete.append({**axes, **measured})
    return tuple(complete)
