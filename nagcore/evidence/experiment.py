"""A declaration together with the function that measures one of its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.values import cell

Measure = Callable[[Mapping[str, Any], str], Mapping[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """Something that can be measured again.

    One whose settings can be measured together, or that has a tier, is a
    `nagcore.evidence.sweep.Sweep`.

    Args:
        declaration: what is varied, kept constant and measured.
        measure: takes one setting and a device ("cpu" or "cuda") and returns a value for every
            declared column. Its result depends on these two alone; it is a function of a module,
            so that another process can call it.
        module: the module whose code, with all that it imports, decides the result; the one that
            defines `measure` if left out.

    Example:
        >>> def measure(setting, device):
        ...     return {"square": setting["x"] ** 2}
        >>> squares = Experiment(
        ...     Declaration("squares", "What is x²?", {"x": (1, 2)}, {}, {"square": "x²"}), measure)
        >>> squares.measured({"x": 3}, "cpu")
        {'square': 9}
    """

    declaration: Declaration
    measure: Measure
    module: str = ""

    def __post_init__(self) -> None:
        if not self.module:
            object.__setattr__(self, "module", self.measure.__module__)

    def measured(self, setting: Mapping[str, Any], device: str) -> dict[str, Any]:
        """Measure one setting and return its columns, in the declared order.

        Raises:
            UsageError: a column is missing, not declared, or not a number, str or list.
        """
        columns = self.measure(setting, device)
        name, declared = self.declaration.name, self.declaration.columns
        missing = [column for column in declared if column not in columns]
        extra = [column for column in columns if column not in declared]
        if missing or extra:
            raise UsageError(
                f"measure of {name} returned other columns than declared: "
                f"missing {', '.join(missing) or 'none'}; not declared {', '.join(extra) or 'none'}"
            )
        return {column: cell(columns[column], f"column {column} of {name}") for column in declared}
