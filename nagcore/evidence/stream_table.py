"""What chapter 14 says in numbers of streams: their speed, their memory, how well they mix."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nagcore.evidence.record import Record

OURS = "nagcore"
PEERS = ("litdata", "webdataset", "mosaicml-streaming", "grain")


def median_rates(record: Record, column: str = "cold") -> dict[str, float]:
    """Return the median over the rounds of each reader's images per second.

    Args:
        record: of "stream-speed".
        column: "cold" or "warm".
    """
    row = record.rows[0]
    return {
        name: float(np.median(rates))
        for name, rates in zip(row["reader"], row[column], strict=True)
    }


def peer_ratios(record: Record) -> dict[str, float]:
    """Return how many times as fast as each peer's better setting this package reads, cold.

    The ratio is the median over the rounds of the ratios within a round.

    Args:
        record: of "stream-speed".
    """
    row = record.rows[0]
    cold = {name: np.array(rates) for name, rates in zip(row["reader"], row["cold"], strict=True)}
    medians = median_rates(record)
    best = {
        peer: max((name for name in cold if name.startswith(peer)), key=medians.__getitem__)
        for peer in PEERS
    }
    return {peer: float(np.median(cold[OURS] / cold[name])) for peer, name in best.items()}


def tabulate_stream_speed(record: Record) -> pd.DataFrame:
    """Return one line for each reader, the fastest first.

    Args:
        record: of "stream-speed".
    """
    row = record.rows[0]
    cold, warm = median_rates(record), median_rates(record, "warm")
    lines = {
        name: {
            "images/s, cold": f"{cold[name]:,.0f}",
            "images/s, warm": f"{warm[name]:,.0f}",
            "bytes per image": f"{size:,.0f}",
            "packages": version,
        }
        for name, size, version in zip(
            row["reader"], row["bytes_per_image"], row["version"], strict=True
        )
    }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "reader"
    return table.loc[sorted(lines, key=lambda name: -cold[name])]


def summarize_stream_speed(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from "stream-speed", by name."""
    cold, warm = median_rates(record), median_rates(record, "warm")
    span = max(cold.values()) / min(cold.values())
    constants = record.declaration.constants
    numbers = {
        "stream_images": f"{record.rows[0]['images']:,}",
        "stream_batch": str(constants["batch_size"]),
        "stream_rounds": str(constants["rounds"]),
        "stream_cold": f"{cold[OURS]:,.0f}",
        "stream_warm": f"{warm[OURS]:,.0f}",
        "stream_normalised": f"{cold['nagcore, normalised']:,.0f}",
        "stream_of_sequential": f"{100 * cold[OURS] / cold['memmap, not shuffled']:.0f} %",
        "stream_span": f"{float(f'{span:.2g}'):,.0f}",
        "stream_loader": f"{cold[OURS] / cold['DataLoader on memmap']:.1f}",
    }
    for peer, ratio in peer_ratios(record).items():
        numbers[f"stream_times_{peer}"] = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    return numbers


def summarize_stream_memory(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from "stream-memory", by name."""
    first, last = record.rows[0], record.rows[-1]
    return {
        "memory_least": f"{first['gigabytes']:g}",
        "memory_most": f"{last['gigabytes']:g}",
        "memory_images": f"{last['rows'] / 1e6:.1f} million",
        "memory_baseline": f"{last['baseline']:.0f}",
        "memory_growth_least": f"{np.median(first['growth']):.0f}",
        "memory_growth": f"{np.median(last['growth']):.0f}",
        "memory_growth_normalised": f"{np.median(last['growth_normalised']):.0f}",
        "memory_largest": f"{max(max(row['growth_normalised']) for row in record.rows):.0f}",
        "memory_rate": f"{np.median(last['rate']):,.0f}",
        "memory_rate_normalised": f"{np.median(last['rate_normalised']):,.0f}",
    }


def summarize_shuffle_quality(record: Record) -> dict[str, str]:
    """Return the numbers that prose takes from "shuffle-quality", by name."""
    constants, axes = record.declaration.constants, record.declaration.axes
    frame = record.frame()
    frame["ratio"] = [float(np.mean(values)) for values in frame["variance"]]
    off = np.abs(frame["ratio"] / frame["variance_predicted"] - 1)
    places_off, errors = _compare_correlations(frame)
    numbers = {
        "quality_rows": f"{constants['rows']:,}",
        "quality_batch": str(constants["batch_size"]),
        "quality_epochs": str(constants["epochs"]),
        "quality_off": f"{100 * off.max():.1f} %",
        "quality_places_off": f"{100 * places_off:.0f} %",
        "quality_places_errors": f"{errors:.1f}",
    }
    for size in axes["rows_per_block"]:
        rows = frame.loc[frame["rows_per_block"] == size].sort_values("window_share")
        one = rows.loc[rows["window_blocks"] == 1, "ratio"].iloc[0]
        eight = rows.loc[rows["window_blocks"] == 8]
        numbers[f"quality_one_{size}"] = f"{one:.0f}"
        numbers[f"quality_eight_{size}"] = f"{eight['ratio'].iloc[0]:.0f}"
        numbers[f"quality_share_{size}"] = f"{100 * eight['window_share'].iloc[0]:.0f} %"
    return numbers


def _compare_correlations(frame: pd.DataFrame) -> tuple[float, float]:
    """Return by how much the root mean square of a correlation differs from theory at most.

    As a share of what theory says, and in standard errors over the epochs of the mean square, whose
    expectation theory gives exactly.
    """
    squares = np.array(frame["correlation"].tolist()) ** 2
    theory = frame["correlation_predicted"].to_numpy(dtype=float)
    means = squares.mean(axis=1)
    errors = squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1])
    shares = np.abs(np.sqrt(means) / theory - 1)
    return float(shares.max()), float(np.max(np.abs(means - theory**2) / errors))
