"""Read and write IDX, the format of the MNIST family: a header of sizes, then plain bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from nagcore.errors import DataError

# Two zero bytes, 0x08 for unsigned bytes, then the number of axes.
UNSIGNED_BYTES = b"\x00\x00\x08"


def read_idx(path: Path | str) -> np.ndarray:
    """Return the array of unsigned bytes in an IDX file, read-only.

    Args:
        path: the file; a name that ends in `.gz` is unpacked while reading.

    Returns:
        uint8 array of the shape that the header states.

    Raises:
        DataError: the file is missing, cannot be read, is not gzip though its name says so, does
            not start as an IDX file of unsigned bytes, or is shorter or longer than its header
            says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(encode_idx(np.array([9, 0, 3], dtype=np.uint8)))
        >>> read_idx(path)
        array([9, 0, 3], dtype=uint8)
    """
    path = Path(path)
    payload = _read_payload(path)
    if payload[:3] != UNSIGNED_BYTES or len(payload) < 4 or payload[3] == 0:
        raise DataError(
            f"{path} starts with the bytes {payload[:4].hex(' ') or '(none)'}, expected "
            "00 00 08 and the number of axes: it is not an IDX file of unsigned bytes; "
            "fetch it again, or name another file"
        )
    axes = payload[3]
    start = 4 + 4 * axes
    if len(payload) < start:
        raise DataError(f"{path} is truncated in its header; fetch it again")
    shape = struct.unpack(f">{axes}I", payload[4:start])
    expected = math.prod(shape)
    found = len(payload) - start
    if found != expected:
        fault = "is truncated" if found < expected else "has bytes after its end"
        raise DataError(
            f"{path} {fault}: its header says {' × '.join(map(str, shape))} = {expected} bytes, "
            f"{found} are there; fetch it again"
        )
    return np.frombuffer(payload, dtype=np.uint8, offset=start).reshape(shape)


def encode_idx(array: np.ndarray) -> bytes:
    """Return the IDX file, not compressed, that holds `array`.

    Args:
        array: uint8, one axis or more.

    Raises:
        DataError: another type, or a single number.
    """
    if array.dtype != np.uint8 or array.ndim == 0:
        raise DataError(
            f"an array of {array.dtype} with {array.ndim} axes cannot be written as IDX here; "
            "expected uint8 with one axis or more"
        )
    return idx_header(array) + array.tobytes()


def idx_header(array: np.ndarray) -> bytes:
    """Return the bytes in front of the values: type, number of axes, sizes."""
    return UNSIGNED_BYTES + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)


def _read_payload(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; expected an IDX file there") from error
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{path} is not a whole gzip file ({error}); fetch it again, or drop '.gz' from its "
            "name if it is unpacked"
        ) from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is truncated or damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
