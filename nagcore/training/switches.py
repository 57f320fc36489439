"""How the arithmetic of a step is done: precision, accumulation, clipping, compilation."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_one_of, require_positive

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Switches:
    """Ways of doing the same step; all but `clip_norm` leave its result equal up to rounding.

    Args:
        precision: "float32" leaves the arithmetic as torch is set: by its default a GPU rounds
            the factors of a convolution, not of a matrix product, to the eleven binary digits of
            TF32, unless `torch.backends.cudnn.allow_tf32` is False.
            "bfloat16" or "float16" let torch's autocast use the shorter type where that is safe.
            Parameters, optimizer and evaluation stay in float32. With "float16" the loss is
            scaled so that small gradients do not vanish, and a step whose gradient overflows is
            left out.
        accumulate: the gradient of a batch is summed over so many parts of it, so that a larger
            batch fits into memory.
        clip_norm: a gradient that is longer is shortened to this Euclidean norm.
        compile: let `torch.compile` generate the code of model and loss.
        graph: capture the whole step as one CUDA graph and replay it: for small networks, whose
            time goes into starting kernels. The optimizer must have `capturable=True`.
        channels_last: keep the channels of images and convolutions innermost in memory.

    Raises:
        UsageError: a value is out of its range, or two do not go together.

    Example:
        >>> Switches(precision="bfloat16", accumulate=4).precision
        'bfloat16'
    """

    precision: str = "float32"
    accumulate: int = 1
    clip_norm: float | None = None
    compile: bool = False
    graph: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        require_one_of(self.precision, "precision", tuple(PRECISIONS))
        require_count(self.accumulate, "accumulate")
        if self.clip_norm is not None:
            require_positive(self.clip_norm, "clip_norm")
        for name in ("compile", "graph", "channels_last"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name}={getattr(self, name)!r} cannot be used; expected a bool")
        if self.graph and self.precision == "float16":
            raise UsageError(
                "graph=True with precision='float16' cannot be used: whether a step is left out "
                "is decided outside the graph; use precision='bfloat16'"
            )

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Return the context in which model and loss are computed."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(device.type, PRECISIONS[self.precision])
