"""Where torch's generators of random numbers stand, in every process of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed as dist

if TYPE_CHECKING:
    from nagcore.training.processes import Processes


def random_states(device: torch.device, processes: Processes) -> list[dict[str, Any]]:
    """Return the states of all processes by their rank; all have to call this together."""
    own: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        own[device.type] = torch.get_device_module(device).get_rng_state(device)
    if processes.count == 1:
        return [own]
    states: list[Any] = [None] * processes.count
    dist.all_gather_object(states, own)
    return states


def set_random_states(
    states: Sequence[dict[str, Any]], device: torch.device, processes: Processes
) -> None:
    """Put this process's generators where they stood.

    A process more than were saved draws numbers of its own, which depend on the states of the
    first one and on its rank. On another kind of device numbers differ anyhow.
    """
    saved = processes.rank < len(states)
    own = states[processes.rank if saved else 0]
    torch.set_rng_state(own["cpu"])
    if device.type != "cpu" and device.type in own:
        torch.get_device_module(device).set_rng_state(own[device.type], device)
    if not saved:
        seed = processes.own_seed(int(torch.randint(2**62, ())))
        torch.default_generator.manual_seed(seed)
        if device.type != "cpu":
            torch.get_device_module(device).manual_seed(seed)
