"""Text as bytes: where it comes from, its parts, and windows of it to learn from."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from nagcore.errors import DataError, UsageError
from nagcore.training.checks import require_count
from nagcore.training.source import Batch, epoch_seed, share

ENVIRONMENT_VARIABLE = "NAGCORE_TEXT"
SHIPPED = Path(str(resources.files("nagcore.training"))) / "shipped" / "genesis-exodus.txt.xz"
WHOLE = Path("data") / "kjv.txt"
"""where the whole Bible is looked for, as Debian's command `bible` prints it"""
WHOLE_COMMAND = ("bible", "-l100000", "Gen1:1-Rev22:21")
HASHES = {
    "genesis-exodus": "86a455d2bb754b72cf28b4fc207e497c7e1a19a54ccaa93f5b5b76d0da7f4de1",
    "king-james-bible": "6d223248e9da75c0004dbf5ba07309f1660ffd08ebc7dd47c5f5fe2d794f26ee",
}
"""SHA-256 of the texts by name"""
_HOW = (
    "apt-get install bible-kjv, or on another machine with it: "
    f"{' '.join(WHOLE_COMMAND)} > {WHOLE.as_posix()}"
)


@dataclass(frozen=True, eq=False)
class TextData:
    """Windows of a text, each with the same window one byte further on as the target.

    In an epoch the windows do not overlap; where the first one begins is drawn for each epoch.

    Args:
        text: uint8 (bytes,).
        context: bytes in a window.

    Raises:
        UsageError: the text is of another type, or shorter than two windows.

    Example:
        >>> data = TextData(torch.arange(12, dtype=torch.uint8), context=3)
        >>> batch = next(data.in_order(2))
        >>> len(data), batch.inputs.tolist(), batch.targets.tolist()
        (3, [[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """

    text: Tensor
    context: int

    def __post_init__(self) -> None:
        require_count(self.context, "context")
        if self.text.dtype != torch.uint8 or self.text.ndim != 1:
            raise UsageError(
                f"text is {self.text.dtype} of shape {tuple(self.text.shape)}, expected "
                "torch.uint8 of shape (bytes,)"
            )
        if len(self.text) < 2 * self.context:
            raise UsageError(
                f"a text of {len(self.text)} bytes cannot be used with context={self.context}; "
                f"expected {2 * self.context} bytes or more"
            )

    def __len__(self) -> int:
        """Return the number of windows in an epoch, wherever the first one begins."""
        return (len(self.text) - self.context) // self.context

    @property
    def device(self) -> torch.device:
        """Where the text is."""
        return self.text.device

    def to(self, device: torch.device | str) -> TextData:
        """Return the same data on `device`."""
        return replace(self, text=self.text.to(device))

    def steps(self, batch_size: int, ranks: int = 1) -> int:  # noqa: ARG002
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-len(self) // batch_size)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        start: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> Iterator[Batch]:
        """Yield the windows of an epoch in a drawn order: see `nagcore.training.source.Source`."""
        require_count(batch_size, "batch_size", at_most=len(self), of=", the number of windows")
        generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
        first = int(torch.randint(self.context, (), generator=generator))
        order = torch.randperm(len(self), generator=generator)
        begins = (first + order * self.context).to(self.device)
        for chosen in begins.split(batch_size)[start:]:
            begin, end = share(len(chosen), rank, ranks)
            # A process for which there is nothing left sees one window, and gives it no weight.
            own = chosen[begin:end] if end > begin else chosen[:1]
            yield self._batch(own, len(chosen), (end - begin) * ranks / len(chosen))

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Yield all windows from the beginning of the text, to judge a model on."""
        begins = torch.arange(len(self), device=self.device) * self.context
        for chosen in begins.split(require_count(batch_size, "batch_size")):
            yield self._batch(chosen, len(chosen), 1.0)

    def _batch(self, begins: Tensor, count: int, weight: float) -> Batch:
        places = begins[:, None] + torch.arange(self.context + 1, device=self.device)
        windows = self.text[places].long()
        return Batch(windows[:, :-1], windows[:, 1:], count, weight)


def load_text(source: Path | str | None = None) -> bytes:
    """Return a text.

    The names "genesis-exodus", two books that ship with the package, and "king-james-bible", all
    of it, mean texts in the public domain that are the same everywhere: their hash is checked.

    Args:
        source: one of these names, or a file, which is read as it is. If left out: the file in
            the environment variable NAGCORE_TEXT, else all of the Bible where it is found
            (data/kjv.txt, or the command `bible`), else the two books.

    Raises:
        DataError: the file cannot be read, or holds another text than its name says.

    Example:
        >>> load_text("genesis-exodus")[:66].decode()
        'Genesis 1\\n1 In the beginning God created the heaven and the earth.'
    """
    if source is None:
        source = os.environ.get(ENVIRONMENT_VARIABLE) or None
    if source is None:
        return _checked(_whole() or _shipped())
    if source == "genesis-exodus":
        return _checked(_shipped(), "genesis-exodus")
    if source == "king-james-bible":
        text = _whole()
        if text is None:
            raise DataError(f"the whole Bible is not in {WHOLE}, and `bible` is not here: {_HOW}")
        return _checked(text, "king-james-bible")
    try:
        return Path(source).expanduser().read_bytes()
    except OSError as error:
        raise DataError(
            f"the text {str(source)!r} cannot be read: {error}; expected a file, or one of the "
            f"names {', '.join(HASHES)}"
        ) from error


def _checked(text: bytes, name: str = "") -> bytes:
    found = hashlib.sha256(text).hexdigest()
    if found not in ([HASHES[name]] if name else HASHES.values()):
        raise DataError(
            f"the text found for {name or 'the Bible'} has the SHA-256 {found}, which is that of "
            f"another text; put it right: {_HOW}"
        )
    return text


def _shipped() -> bytes:
    try:
        return lzma.decompress(SHIPPED.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise DataError(f"{SHIPPED} cannot be read: {error}; install the package anew") from error


def _whole() -> bytes | None:
    """Return the whole Bible without blank lines and margins, or None where it is not."""
    if WHOLE.is_file():
        printed = WHOLE.read_bytes()
    elif shutil.which(WHOLE_COMMAND[0]):
        done = subprocess.run(WHOLE_COMMAND, capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            return None
        printed = done.stdout
    else:
        return None
    lines = (line.strip() for line in printed.splitlines())
    return b"".join(line + b"\n" for line in lines if line)


def split_text(
    text: bytes, context: int, held_out: float = 0.05
) -> tuple[TextData, TextData, TextData]:
    """Return the beginning of a text to learn from, then parts for validation and for the test.

    Args:
        text: all of it.
        context: bytes in a window.
        held_out: share of the text in each of the last two parts, below a half.

    Raises:
        UsageError: a share out of its range, or a part that is shorter than two windows.

    Example:
        >>> [len(part.text) for part in split_text(b"x" * 1000, context=8)]
        [900, 50, 50]
    """
    if not 0 < held_out < 0.5:
        raise UsageError(f"held_out={held_out!r} cannot be used; expected a share below 0.5")
    count = round(len(text) * held_out)
    sizes = (len(text) - 2 * count, count, count)
    parts = torch.frombuffer(bytearray(text), dtype=torch.uint8).split(sizes)
    train, validation, test = (TextData(part.clone(), context) for part in parts)
    return train, validation, test
