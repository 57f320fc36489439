"""Random numbers that are ours alone: seeded, without touching anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def private_random_state(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators inside the block and put them back after it.

    For code that draws from them and takes no generator: initialisation and dropout.

    Args:
        seed: for the CPU and for `device`.
        device: the one accelerator that the block uses, if any.

    Example:
        >>> with private_random_state(0):
        ...     first = torch.rand(2)
        >>> with private_random_state(0):
        ...     torch.equal(torch.rand(2), first)
        True
    """
    device = torch.device(device)
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would reach the accelerators too, which are not put back here.
            torch.default_generator.manual_seed(seed)
            yield
    else:
        module = torch.get_device_module(device)
        index = module.current_device() if device.index is None else device.index
        with torch.random.fork_rng(devices=[index], device_type=device.type):
            torch.manual_seed(seed)
            yield
