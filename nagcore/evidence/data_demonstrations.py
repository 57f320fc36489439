"""What chapter 14 shows while the page is built: damage, malice, and a batch that is shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nagcore.training.data import ImageData


def flip_bit(path: Path | str, byte: int) -> None:
    """Change one bit of a file, as a failing disk does.

    Args:
        path: of the file, changed in place.
        byte: which of its bytes; −1 is the last.
    """
    content = bytearray(Path(path).read_bytes())
    content[byte] ^= 1
    Path(path).write_bytes(content)


class Intruder:
    """An object that, when it is unpickled without care, calls `print`; it could call anything."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code from the file is running",))


def write_intruder(path: Path | str) -> None:
    """Write a file of weights that runs code when it is loaded by `pickle`.

    Args:
        path: where.
    """
    torch.save({"weight": Intruder()}, Path(path))


def gradient_distances(
    model: nn.Module, data: ImageData, batch_size: int, processes: Sequence[int]
) -> pd.DataFrame:
    """Return how far the shared gradient of a batch is from the whole one, over its norm.

    Each process computes the mean gradient of its part; "weighted" is the mean over the processes
    with the weights of `Batch`, "plain" that without.

    Args:
        model: maps images to scores; its gradients are overwritten.
        data: images, the last batch of an epoch is looked at.
        batch_size: images of a full batch.
        processes: numbers of processes.
    """
    last = data.steps(batch_size) - 1
    whole = next(data.batches(batch_size, seed=0, epoch=0, start=last))
    exact = _gradient(model, whole.inputs, whole.targets)
    lines = {}
    for count in processes:
        parts = [
            next(data.batches(batch_size, seed=0, epoch=0, start=last, rank=rank, ranks=count))
            for rank in range(count)
        ]
        gradients = [_gradient(model, part.inputs, part.targets) for part in parts]
        weights = torch.tensor([part.weight for part in parts])
        weighted = torch.stack([w * g for w, g in zip(weights, gradients, strict=True)]).mean(dim=0)
        lines[count] = {
            "images of each": ", ".join(
                str(round(part.weight * part.count / count)) for part in parts
            ),
            "weighted": float((weighted - exact).norm() / exact.norm()),
            "plain": float((torch.stack(gradients).mean(dim=0) - exact).norm() / exact.norm()),
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name = "processes"
    return table


def _gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    model.zero_grad()
    cross_entropy(model(images), labels).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
