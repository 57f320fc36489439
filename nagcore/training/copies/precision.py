"""In which precision a GPU multiplies matrices and convolves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

PRECISIONS = ("float32", "tf32")


@contextmanager
def multiplying_in(precision: str) -> Iterator[None]:
    """Let products of float32 on a GPU be exact to float32, or use TF32, inside the block.

    TF32 rounds the factors to 10 bits behind the point. torch's own default is mixed: float32 for
    matrices, TF32 for convolutions.

    Args:
        precision: one of `PRECISIONS`.

    Example:
        >>> with multiplying_in("tf32"):
        ...     torch.backends.cuda.matmul.allow_tf32
        True
    """
    matrices: Any = torch.backends.cuda.matmul
    convolutions: Any = torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32
    matrices.allow_tf32 = convolutions.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        matrices.allow_tf32, convolutions.allow_tf32 = before
