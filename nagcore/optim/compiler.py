"""C++ compiled at first use, and kept.

Nothing is said where there is no compiler: whoever asks gets None and takes another way. The
logger "nagcore" tells why, at the level DEBUG.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from nagcore.errors import UsageError
from nagcore.files import write_whole

SWITCH = "NAGCORE_KERNELS"
"""The environment variable that turns generated kernels off when it is 0."""
_log = logging.getLogger("nagcore")
# Multiplications and additions stay apart, so that results are torch's to the bit.
_FLAGS = ("-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-shared")
# not every compiler knows OpenMP, nor what "native" is
_EXTRA_FLAGS = (("-march=native", "-fopenmp"), ("-march=native",), ())
_PATIENCE = 60  # seconds


@cache  # since it is asked at every step
def kernels_are_wanted() -> bool:
    """Return whether generated kernels may be used at all in this process.

    Example:
        >>> os.environ.get(SWITCH) == "0" or kernels_are_wanted()
        True
    """
    return os.environ.get(SWITCH) != "0"


@cache
def load_library(source: str) -> ctypes.CDLL | None:
    """Return C++ source as a loaded library, or None where it cannot be compiled here.

    A library is kept for later processes in `cache_folder()`, under a name that tells the
    compiler, the processor and the content, so that a damaged file is seen and made anew.

    Args:
        source: the text of one C++ file.

    Example:
        >>> library = load_library('extern "C" int twice(int x) { return 2 * x; }')
        >>> library is None or library.twice(21) == 42
        True
        >>> load_library("no C++") is None
        True
    """
    compiler = _compiler()
    if compiler is None:
        _log.debug("no C++ compiler: neither $CXX nor g++, clang++ or c++ was found")
        return None
    for extra in _EXTRA_FLAGS:
        command = [*compiler, *_FLAGS, *extra]
        key = _digest(_describe(tuple(command)), source)
        path = _kept(key) or _compile(command, key, source)
        library = _open(path) if path else None
        if library:
            return library
    return None


def cache_folder() -> Path:
    """Return the folder for generated code: $XDG_CACHE_HOME or ~/.cache, nagcore, kernels.

    Where that is not a folder that this user alone can write to, it is a temporary one.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = base / "nagcore" / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return _temporary_folder()
    # what is loaded from here is run, so nobody else may have written it
    others_write = status.st_mode & 0o022
    foreign = hasattr(os, "getuid") and status.st_uid != os.getuid()
    if others_write or foreign or not os.access(folder, os.W_OK):
        return _temporary_folder()
    return folder


def keep(name: str, suffix: str, content: bytes) -> Path:
    """Write generated code to the cache, under a name that tells its content.

    Args:
        name: what it was made from.
        suffix: ending of the file's name.
        content: what to write.
    """
    file = f"{name}.{_digest(content)}{suffix}"
    try:
        return write_whole(cache_folder() / file, content)
    except UsageError:
        return write_whole(_temporary_folder() / file, content)


def _kept(key: str) -> Path | None:
    for path in sorted(cache_folder().glob(f"{key}.*.so")):
        with contextlib.suppress(OSError):
            if path.name == f"{key}.{_digest(path.read_bytes())}.so":
                return path
        _log.debug("%s is damaged; it is compiled anew", path)
    return None


def _compile(command: list[str], key: str, source: str) -> Path | None:
    with tempfile.TemporaryDirectory(prefix="nagcore-") as folder:
        out = Path(folder) / "kernel.so"
        try:
            subprocess.run(
                [*command, "-x", "c++", "-", "-o", str(out)],
                input=source.encode(),
                capture_output=True,
                check=True,
                timeout=_PATIENCE,
            )
            return keep(key, ".so", out.read_bytes())
        except subprocess.CalledProcessError as error:
            _log.debug("%s failed: %s", " ".join(command), error.stderr.decode(errors="replace"))
        except (OSError, subprocess.SubprocessError, UsageError) as error:
            _log.debug("%s failed: %s", " ".join(command), error)
    return None


def _open(path: Path) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        _log.debug("%s cannot be loaded: %s", path, error)
        return None


def _compiler() -> tuple[str, ...] | None:
    chosen = os.environ.get("CXX")
    for candidate in (chosen,) if chosen else ("g++", "clang++", "c++"):
        words = shlex.split(candidate)
        if words and shutil.which(words[0]):
            return tuple(words)
    return None


@cache
def _describe(command: tuple[str, ...]) -> str:
    """Return what makes the same source another library."""
    try:
        version = subprocess.run(
            [command[0], "--version"], capture_output=True, timeout=_PATIENCE
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        version = ""
    return "\n".join([*command, version, platform.machine(), _processor()])


def _processor() -> str:
    """Return the processor's model and abilities, as far as the system tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    telling = ("model name", "flags", "Features", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(telling)))


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
    return digest.hexdigest()[:24]


@cache
def _temporary_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="nagcore-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _log.debug("the cache cannot be written; generated code is kept for this process only")
    return Path(folder)
