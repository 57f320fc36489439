"""Say what this machine has, and what each missing thing would enable."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from nagcore.errors import UsageError

BROWSER_VARIABLE = "NAGCORE_CHROMIUM"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is, what was found of it, what it is for, how to get it."""

    what: str
    found: str | None
    """the version, place or size; None if it is not here or does not work"""
    enables: str
    remedy: str
    """the command that brings it, and the error where it is here and broken"""


class _Probe(NamedTuple):
    what: str
    look: Callable[[], str | None]
    enables: str
    remedy: str


def diagnose(root: Path | str | None = None) -> list[Finding]:
    """Look for everything that the package and the book can use; nothing here raises.

    Args:
        root: the checkout, to see whether the book is built; not looked at if left out.

    Returns:
        One finding for each thing, the needed ones first.
    """
    probes = list(_PROBES)
    if root is not None:
        site = Path(root) / "_build" / "html" / "index.html"
        probes.append(_Probe("built book", lambda: _place(site), "reading the site", "make book"))
    return [_examine(probe) for probe in probes]


def find_browser() -> Path | None:
    """Return the Chromium or Chrome that NAGCORE_CHROMIUM names, or else the first on PATH.

    Raises:
        UsageError: NAGCORE_CHROMIUM names no program.
    """
    named = os.environ.get(BROWSER_VARIABLE)
    candidates = (named,) if named else _BROWSERS
    found = next(filter(None, map(shutil.which, candidates)), None)
    if named and found is None:
        raise UsageError(
            f"{BROWSER_VARIABLE}={named!r} is not a program; expected the path of Chromium or "
            "Chrome, or leave the variable unset to search PATH"
        )
    return Path(found) if found else None


def _examine(probe: _Probe) -> Finding:
    # A broken installation can raise anything at all, and saying so is what this module is for.
    try:
        return Finding(probe.what, probe.look(), probe.enables, probe.remedy)
    except Exception as error:
        return Finding(probe.what, None, probe.enables, f"{probe.remedy} ({error})")


def _python() -> str:
    return f"{platform.python_version()} ({sys.executable})"


def _torch() -> str:
    import torch

    return str(torch.__version__)


def _processor() -> str:
    import torch

    return f"CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads for torch"


def _accelerator() -> str | None:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return f"CUDA: {', '.join(names)}"
    return "MPS" if torch.backends.mps.is_available() else None


def _shipped_data() -> str:
    from nagcore.fashion_mnist import load_arrays

    arrays = load_arrays()
    counts = f"{len(arrays.train_labels):,} + {len(arrays.test_labels):,}"
    return f"{counts} images of Fashion-MNIST, contents verified"


def _full_data() -> str | None:
    from nagcore.fashion_mnist import find_full

    return _place(find_full())


def _node() -> str:
    from nagcore.book.node import find_node

    node = find_node()
    return f"{_version_of(node)} ({node})"


def _program(name: str) -> Callable[[], str | None]:
    def look() -> str | None:
        path = shutil.which(name)
        return f"{_version_of(Path(path))} ({path})" if path else None

    return look


def _compiler() -> str | None:
    import torch

    from nagcore.optim.kernels import kernels_are_available

    works = kernels_are_available(torch.device("cpu"))
    name = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++")), None)
    return f"{name}, kernels work" if works else None


def _uv() -> str | None:
    # tools/bootstrap.sh brings one into the checkout where none is on PATH.
    here = Path(sys.prefix).parent / ".tools" / "uv" / "bin"
    path = shutil.which("uv") or shutil.which("uv", path=str(here))
    return f"{_version_of(Path(path))} ({path})" if path else None


def _package(name: str) -> Callable[[], str | None]:
    def look() -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return look


def _place(path: Path | None) -> str | None:
    return str(path) if path is not None and path.exists() else None


def _version_of(program: Path) -> str:
    answer = subprocess.run(
        [str(program), "--version"], capture_output=True, text=True, timeout=20, check=True
    )
    return answer.stdout.strip().splitlines()[0]


def _extra(package: str, extra: str, enables: str) -> _Probe:
    return _Probe(package, _package(package), enables, f"make env, or pip install '.[{extra}]'")


_PROBES = (
    _Probe("Python", _python, "everything", "Python 3.11, 3.12 or 3.13"),
    _Probe("torch", _torch, "everything but the rules themselves", "make env"),
    _Probe("processor", _processor, "chapters and records of the small size", "make env"),
    _Probe(
        "accelerator",
        _accelerator,
        "records on a GPU: make gpu (CUDA only)",
        "a machine with an NVIDIA GPU and its driver",
    ),
    _Probe("shipped images", _shipped_data, "every chapter, offline", "install nagcore anew"),
    _Probe(
        "full Fashion-MNIST",
        _full_data,
        "runs on all 70,000 images",
        "nagcore data --download, or apt-get install dataset-fashion-mnist, or NAGCORE_DATA=FOLDER",
    ),
    _Probe(
        "C++ compiler",
        _compiler,
        "the fastest steps of nagcore.optim on a CPU; without one they run by foreach",
        "apt-get install g++, or CXX=PROGRAM (and NAGCORE_KERNELS not 0)",
    ),
    _Probe("git", _program("git"), "the commit in a record's provenance", "apt-get install git"),
    _Probe("uv", _uv, "making and locking the environment", "make env"),
    _Probe("node", _node, "formulas in the book", "make env, or pip install '.[book]'"),
    _Probe("npm", _program("npm"), "renewing the formulas' style and fonts", "apt-get install npm"),
    _Probe(
        "browser",
        lambda: _place(find_browser()),
        "looking at the built pages in a test: nagcore test --site",
        "apt-get install chromium, or NAGCORE_CHROMIUM=PATH",
    ),
    _extra("jupyter-book", "book", "building the book: nagcore book"),
    _extra("papermill", "book", "chapters with other parameters: nagcore run"),
    _extra("scikit-learn", "baselines", "the baselines that the CNN is compared with"),
    _extra("PEPit", "certify", "worst-case certificates of the methods"),
    _extra("optax", "benchmarks", "the comparisons of speed with other packages"),
    _extra("keras", "frameworks", "the comparison of four frameworks on one problem"),
    _extra("pytest", "dev", "the tests: nagcore test"),
)
