"""What the runs of chapter 11 cost, beside what they cannot cost less than."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record


class Nominal(NamedTuple):
    """What its maker says of a GPU: bytes a second, and operations a second by precision."""

    bandwidth: float
    operations: Mapping[str, float]


_HOPPER = MappingProxyType({"float32": 67e12, "tf32": 494e12})
NOMINAL: Mapping[str, Nominal] = MappingProxyType(
    {"H200": Nominal(4.8e12, _HOPPER), "H100": Nominal(3.35e12, _HOPPER)}
)
"""By a word in the name of the device: those with soldered modules (SXM), TF32 without sparsity."""


def floor_seconds(row: Mapping[str, Any], device: str, precision: str) -> float:
    """Return what an update of one copy takes at least, nan for a device without nominal rates.

    Args:
        row: of a record, with `operations` and `bytes`.
        device: its name, as in the provenance of a record.
        precision: "float32" or "tf32".

    Example:
        >>> row = {"operations": 494e6, "bytes": 1}
        >>> floor_seconds(row, "GPU (NVIDIA H200)", "tf32"), floor_seconds(row, "CPU", "tf32")
        (1e-06, nan)
    """
    for word, rates in NOMINAL.items():
        if word in device:
            arithmetic = row["operations"] / rates.operations[precision]
            return max(arithmetic, row["bytes"] / rates.bandwidth)
    return float("nan")


def tabulate_cost(records: Mapping[str, Record]) -> pd.DataFrame:
    """Return the microseconds of an update of one copy, beside the least that it can take.

    Args:
        records: of "autoencoders" in several sizes, by name.
    """
    lines = {}
    for name, record in records.items():
        declared, device = record.declaration, record.provenance.device
        for data in declared.axes["data"]:
            rows = [row for row in record.rows if row["data"] == data]
            steps = declared.constants["steps"][data]
            measured = float(np.mean([row["seconds"] for row in rows])) / steps
            least = floor_seconds(rows[0], device, declared.constants["precision"])
            lines[f"{name}: {data}"] = {
                "10⁶ operations": f"{rows[0]['operations'] / 1e6:.0f}",
                "MB": f"{rows[0]['bytes'] / 1e6:.2g}",
                "µs, measured": f"{1e6 * measured:.3g}",
                "µs, at least": f"{1e6 * least:.2g}" if np.isfinite(least) else "–",
                "quotient": f"{measured / least:.1f}" if np.isfinite(least) else "–",
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "an update of one copy"
    return table
