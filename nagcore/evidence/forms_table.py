"""Tables of momentum sequences, and of the changes that each form of the iteration survives."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nagcore.core.forms import FORMS, Coefficients
from nagcore.core.momentum import (
    ChambolleDossalMomentum,
    Momentum1983,
    MomentumSequence,
    Schedule2013,
    SimplifiedMomentum,
    VariableStronglyConvexMomentum,
)

_LABELS = {
    "two points": "two points, 1983",
    "look-ahead": "look-ahead, 2013",
    "shifted": "shifted; nagcore.optim.NAG",
    "torch": "torch.optim.SGD, Optax's trace",
    "keras": "keras.optimizers.SGD",
    "averaged": "averaged gradients, torch.optim.Muon",
}


def tabulate_carry(*, momentum: float, later_momentum: float, factor: float) -> pd.DataFrame:
    """Return the factor that the stored state of each form needs when a constant changes.

    A factor of 1 means that the form goes on as Nesterov's iteration by itself.

    Args:
        momentum: β before the change, in (0, 1).
        later_momentum: β after it, in (0, 1).
        factor: by which the step size is multiplied.

    Example:
        >>> table = tabulate_carry(momentum=0.9, later_momentum=0.95, factor=0.1)
        >>> table.loc["keras.optimizers.SGD"].tolist()
        ['1', '0.947']
    """
    before = Coefficients(1.0, momentum, momentum)
    step = Coefficients(factor, momentum, momentum)
    # the step whose query point is formed with the new momentum
    turn = Coefficients(1.0, momentum, later_momentum)
    columns = {
        f"step size × {factor:g}": step,
        f"momentum {momentum:g} → {later_momentum:g}": turn,
    }
    return pd.DataFrame(
        {
            title: [f"{form.carry(before, now):.3g}" for form in FORMS.values()]
            for title, now in columns.items()
        },
        index=pd.Index([_LABELS[name] for name in FORMS], name="form"),
    )


_SEQUENCES: dict[str, MomentumSequence] = {
    "of 1983": Momentum1983(),
    "simplified": SimplifiedMomentum(),
    "variable, κ = 100": VariableStronglyConvexMomentum(100.0, 1.0),
    "Chambolle–Dossal, a = 3": ChambolleDossalMomentum(3.0),
    "of 2013": Schedule2013(),
}


def tabulate_momentum(steps: Sequence[int]) -> pd.DataFrame:
    """Return β_k of every sequence in use, to four digits.

    Args:
        steps: the k of the lines.

    Example:
        >>> float(tabulate_momentum([2, 100]).loc[100, "simplified"])
        0.9706
    """
    columns = {name: [sequence(k) for k in steps] for name, sequence in _SEQUENCES.items()}
    return pd.DataFrame(columns, index=pd.Index(steps, name="k")).round(4)
