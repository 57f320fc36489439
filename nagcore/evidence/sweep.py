"""An experiment whose settings can be measured together, as copies trained at once on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagcore.errors import UsageError
from nagcore.evidence.declaration import DEVICES
from nagcore.evidence.experiment import Experiment

MeasureTogether = Callable[
    [Sequence[Mapping[str, Any]], str, "Path | None"], Sequence[Mapping[str, Any]]
]


@dataclass(frozen=True)
class Together:
    """How several settings are measured at once.

    Args:
        measure: takes settings that agree in `alike`, a device, and a folder where it may keep
            its state so that a stopped call goes on (or None); returns the columns of each
            setting, in order. It is a function of a module, so that another process can call it.
        alike: axes in which the settings of one batch agree, such as those that decide the shapes.
        most: settings in a batch.
        devices: where batches are used; elsewhere each setting is measured by itself.

    Raises:
        UsageError: `most` is not a positive whole number, or a device is unknown.

    Example:
        >>> def measure(settings, device, keep):
        ...     return [{"square": setting["x"] ** 2} for setting in settings]
        >>> Together(measure, alike=("width",)).most
        256
    """

    measure: MeasureTogether
    alike: tuple[str, ...] = ()
    most: int = 256
    devices: tuple[str, ...] = ("cuda",)

    def __post_init__(self) -> None:
        if isinstance(self.most, bool) or not isinstance(self.most, int) or self.most < 1:
            raise UsageError(f"most is {self.most!r}, expected a whole number, 1 or larger")
        if not isinstance(self.devices, tuple) or not set(self.devices) <= set(DEVICES):
            raise UsageError(f"devices are {self.devices!r}, expected a tuple of {DEVICES}")


@dataclass(frozen=True)
class Sweep(Experiment):
    """An experiment with a way to measure many settings at once, or with a tier.

    Everything that takes an `Experiment` takes a sweep. A trial that diverges is a result: give
    it a column `status`, and nan where there is no number. A trial that raises is recorded as
    failed.

    Args:
        together: how settings are measured at once; one by one if left out.
        tier: 1 for what a page cannot do without, 2 for the full size, recorded afterwards.

    Raises:
        UsageError: `alike` names something that is no axis, or the tier is another number.

    Example:
        >>> from nagcore.evidence.declaration import Declaration
        >>> def measure(setting, device):
        ...     return measure_all([setting], device, None)[0]
        >>> def measure_all(settings, device, keep):
        ...     return [{"square": setting["x"] ** 2} for setting in settings]
        >>> squares = Sweep(
        ...     Declaration("squares", "What is x²?", {"x": (1, 2)}, {}, {"square": "x²"}),
        ...     measure, together=Together(measure_all))
        >>> squares.measured_together(squares.declaration.settings(), "cpu", None)
        [{'square': 1}, {'square': 4}]
    """

    together: Together | None = None
    tier: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tier not in (1, 2):
            raise UsageError(f"tier is {self.tier!r}, expected 1 or 2")
        axes = self.declaration.axes
        for name in self.together.alike if self.together else ():
            if name not in axes:
                raise UsageError(
                    f"alike holds {name!r}, expected axes of {self.declaration.name}: "
                    f"{', '.join(axes)}"
                )

    def measured_together(
        self, settings: Sequence[Mapping[str, Any]], device: str, keep: Path | None
    ) -> list[dict[str, Any]]:
        """Measure settings at once and return the columns of each, in the declared order.

        Raises:
            UsageError: there is no way to do so, or what it returned is not as declared.
        """
        if self.together is None:
            return [self.measured(setting, device) for setting in settings]
        measured = self.together.measure(settings, device, keep)
        if len(measured) != len(settings):
            raise UsageError(
                f"measure of {self.declaration.name} returned {len(measured)} rows, "
                f"expected {len(settings)}, one for each setting"
            )
        return [
            Experiment(self.declaration, lambda *_, columns=columns: columns, self.module).measured(
                {}, device
            )
            for columns in measured
        ]
