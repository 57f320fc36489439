"""What a run says at its end, to people and to other programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nagcore.training.history import History
from nagcore.training.signals import STATUS

if TYPE_CHECKING:
    from nagcore.training.config import TrainingConfig
    from nagcore.training.train import Trained

DIVERGED = 3


def exit_status(history: History) -> int:
    """Return the status of a process that trained: 0, 3 if it diverged, 128 + n after a signal.

    Example:
        >>> exit_status(History((), "signal", "SIGTERM came after step 8"))
        143
    """
    if history.status == "signal":
        return STATUS.get(history.message.split()[0], STATUS["SIGTERM"])
    return DIVERGED if history.status.startswith("diverged") else 0


def describe_trained(trained: Trained, config: TrainingConfig) -> str:
    """Return a few lines on how a run ended and what it reached."""
    final = trained.history.final
    lines = [
        f"{trained.history.status}: {trained.history.message}",
        f"step {final.step}, {final.examples} examples, {final.seconds:.1f} s of training",
        f"training loss {final.train_loss:.4f}",
    ]
    if not math.isnan(final.eval_accuracy):
        lines.append(f"validation loss {final.eval_loss:.4f}, accuracy {final.eval_accuracy:.2%}")
    if trained.test is not None:
        lines.append(f"test loss {trained.test.loss:.4f}, accuracy {trained.test.accuracy:.2%}")
    if config.folder:
        lines.append(f"checkpoints, history and configuration are in {config.folder}")
    if trained.history.status == "signal" and config.folder:
        lines.append("go on with the same command and --resume")
    return "\n".join(lines)
