"""Small computations of chapter 13: what counting bytes is worth, and digits through noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from nagcore.evidence.experiments.modality_runs import batches_of, judge, train
from nagcore.evidence.experiments.speech import speech_task
from nagcore.evidence.modalities_verdicts import label
from nagcore.evidence.record import Record
from nagcore.training.gpt import BYTES
from nagcore.training.speech import load_speech


def count_bits(train: Tensor, test: Tensor) -> dict[str, float]:
    """Return the bits per byte of a text when each byte is guessed from counts in another.

    Every count begins at one, so that nothing is held impossible.

    Args:
        train: uint8 (bytes,), to count in.
        test: uint8 (bytes,), to guess.

    Returns:
        For "single", how often each byte occurs; for "pairs", how often after the byte before.

    Example:
        >>> train = torch.tensor([65, 66] * 5000, dtype=torch.uint8)
        >>> {name: round(bits, 1) for name, bits in count_bits(train, train[:1000]).items()}
        {'single': 1.0, 'pairs': 0.1}
    """
    seen, guessed = train.long(), test.long()
    pairs = torch.ones(BYTES, BYTES, dtype=torch.float64)
    pairs.view(-1).index_add_(
        0, seen[:-1] * BYTES + seen[1:], torch.ones(len(seen) - 1, dtype=torch.float64)
    )
    single = torch.bincount(seen, minlength=BYTES).double() + 1
    alone = (single / single.sum()).log2()[guessed]
    after = (pairs / pairs.sum(dim=1, keepdim=True)).log2()[guessed[:-1], guessed[1:]]
    return {"single": -float(alone.mean()), "pairs": -float(after.mean())}


def listen_through_noise(
    record: Record, optimizers: Sequence[str], noises: Sequence[float]
) -> pd.DataFrame:
    """Train on clear digits, and return the share of test digits told right through noise.

    Args:
        record: of "speech-small", with the step sizes to use.
        optimizers: in the record; one line each.
        noises: standard deviation of the noise in that of the spectrograms; one column each.
    """
    rows = {row["optimizer"]: row for row in record.rows}
    constants: dict[str, Any] = dict(record.declaration.constants)
    task = speech_task(constants, "cpu")
    lines = {}
    for name in optimizers:
        run = train(task, constants, name, rows[name]["lr"], seed=constants["seeds"][0])
        lines[label(name)] = {
            f"{noise:g}": _share(task, run, constants["speech"], noise) for noise in noises
        }
    table = pd.DataFrame.from_dict(lines, orient="index")
    table.index.name, table.columns.name = "optimizer", "noise"
    return table


def _share(task: Any, run: Any, source: str, noise: float) -> str:
    test = batches_of(load_speech(source, noise=noise)[2])
    accuracy = judge(task, run.model, run.optimizer, test)[1]
    return "–" if math.isnan(accuracy) else f"{accuracy:.2f}"
