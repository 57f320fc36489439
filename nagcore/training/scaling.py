"""How far training scales: a model of the seconds of a step on several processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_positive


@dataclass(frozen=True)
class Compute:
    """What a step costs one process: fixed + each · b seconds for b examples.

    Args:
        fixed: seconds of a step without an example: starting it, and the optimizer's move.
        each: seconds of an example, forward and backward.

    Raises:
        UsageError: a value is negative.
    """

    fixed: float
    each: float

    def __post_init__(self) -> None:
        for name in ("fixed", "each"):
            require_positive(getattr(self, name) + 1e-300, f"Compute: {name}")

    def seconds(self, examples: float) -> float:
        """Return the seconds of a step with so many examples."""
        return self.fixed + self.each * examples


@dataclass(frozen=True)
class Network:
    """What lies between two processes.

    Args:
        latency: seconds until a message of no size has arrived.
        bandwidth: bytes per second after that.

    Raises:
        UsageError: a negative latency, or a bandwidth that is not positive.

    Example:
        >>> Network(latency=0.0, bandwidth=1e9).all_reduce_seconds(1_000_000, 2)
        0.001
    """

    latency: float
    bandwidth: float

    def __post_init__(self) -> None:
        require_positive(self.latency + 1e-300, "Network: latency")
        require_positive(self.bandwidth, "Network: bandwidth")

    def all_reduce_seconds(self, size: float, processes: int) -> float:
        """Return the seconds until all processes have the sum of their tensors.

        On a ring, 2(n − 1)·(latency + size/(n·bandwidth)): each of n processes passes a part of
        `size`/n bytes on, n − 1 times to add and n − 1 times to spread the sums.

        Source: [patarasuk2009].
        """
        rounds = 2 * (require_count(processes, "processes") - 1)
        return rounds * (self.latency + size / (processes * self.bandwidth))


@dataclass(frozen=True)
class Scaling:
    """The seconds of a step on n processes.

    compute(b/n) + max(0, all-reduce − hidden · each · b/n): the sums of the last layers travel
    while the gradients of the first are computed, and what fits into that time costs nothing.

    Args:
        compute: of one process.
        network: between the processes.
        size: bytes of the gradients, 4 for each parameter in float32.
        hidden: share of the seconds of the examples during which gradients can travel, 0 to 1.

    Raises:
        UsageError: a value is out of its range.

    Source: [patarasuk2009].

    Example:
        >>> scaling = Scaling(Compute(0.0, 1e-3), Network(0.0, 1e9), size=1e6)
        >>> round(scaling.seconds(batch_size=100, processes=2), 6)
        0.051
        >>> round(scaling.efficiency(batch_size=100, processes=2), 3)
        0.98
    """

    compute: Compute
    network: Network
    size: float
    hidden: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self.size, "Scaling: size")
        if not 0 <= self.hidden <= 1:
            raise UsageError(f"Scaling: hidden={self.hidden!r}; expected a share from 0 to 1")

    def seconds(self, batch_size: float, processes: int) -> float:
        """Return the seconds of a step with `batch_size` examples in all processes together."""
        own = batch_size / require_count(processes, "processes")
        travel = self.network.all_reduce_seconds(self.size, processes)
        shown = max(0.0, travel - self.hidden * self.compute.each * own)
        return self.compute.seconds(own) + shown

    def efficiency(self, batch_size: float, processes: int) -> float:
        """Return the share of n times one process's rate that n processes reach (strong scaling).

        The batch is the same for every n. For weak scaling, where each process keeps b examples,
        compare `seconds(b, 1)` with `seconds(n · b, n)`.
        """
        alone = self.compute.seconds(batch_size)
        return alone / (processes * self.seconds(batch_size, processes))

    def most_processes(self, batch_size: int, efficiency: float = 0.5) -> int:
        """Return the largest n, at most one for each example, with at least such an efficiency."""
        counts = range(1, require_count(batch_size, "batch_size") + 1)
        good = [n for n in counts if self.efficiency(batch_size, n) >= efficiency]
        return max(good, default=1)


def fit_line(x: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Return a, b ≥ 0 that make a + b·x fit the seconds best, errors taken relative to them.

    Args:
        x: sizes, at least two different ones.
        seconds: measured, positive.

    Raises:
        UsageError: fewer than two different sizes, or seconds that are not positive.

    Example:
        >>> a, b = fit_line([1, 2, 4], [3.0, 5.0, 9.0])
        >>> round(a, 9), round(b, 9)
        (1.0, 2.0)
    """
    sizes, times = np.asarray(x, dtype=float), np.asarray(seconds, dtype=float)
    if len(set(sizes.tolist())) < 2 or sizes.shape != times.shape or not (times > 0).all():
        raise UsageError(
            f"a line cannot be fitted to sizes {list(x)} and seconds {list(seconds)}; expected "
            "two or more different sizes, and positive seconds for each"
        )
    weighted = np.stack([1 / times, sizes / times], axis=1)
    line = np.linalg.lstsq(weighted, np.ones_like(times), rcond=None)[0]
    if line[0] < 0:  # through the origin
        return 0.0, float(weighted[:, 1].sum() / np.square(weighted[:, 1]).sum())
    if line[1] < 0:
        return float(weighted[:, 0].sum() / np.square(weighted[:, 0]).sum()), 0.0
    return float(line[0]), float(line[1])
