"""The readers that are held against each other, and how they are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import nagcore
from nagcore.errors import UsageError
from nagcore.evidence.stream_peers import (
    grain_batched,
    grain_reader,
    litdata_reader,
    measure,
    memmap_loader,
    memmap_sequential,
    mosaicml_reader,
    own_normalised,
    own_reader,
    webdataset_reader,
)

PEERS_VARIABLE = "NAGCORE_PEERS"
_OWN = ""
_LONGEST = 600  # seconds of one process


class Reader(NamedTuple):
    """One contestant.

    Args:
        module: what it does; its file is run, so it need not be importable here.
        environment: folder of the interpreter's environment among the peers; "" for this one.
        workers: processes or threads that help; 0 for none.
        data: the module that wrote what it reads.
    """

    module: ModuleType
    environment: str
    workers: int
    data: ModuleType


READERS: Mapping[str, Reader] = {
    "nagcore": Reader(own_reader, _OWN, 2, own_reader),
    "nagcore, normalised": Reader(own_normalised, _OWN, 2, own_reader),
    "memmap, not shuffled": Reader(memmap_sequential, _OWN, 0, memmap_sequential),
    "DataLoader on memmap": Reader(memmap_loader, _OWN, 0, memmap_sequential),
    "litdata": Reader(litdata_reader, "litdata", 0, litdata_reader),
    "litdata, 2 workers": Reader(litdata_reader, "litdata", 2, litdata_reader),
    "webdataset": Reader(webdataset_reader, "webdataset", 0, webdataset_reader),
    "webdataset, 2 workers": Reader(webdataset_reader, "webdataset", 2, webdataset_reader),
    "mosaicml-streaming": Reader(mosaicml_reader, "mosaicml-streaming", 0, mosaicml_reader),
    "mosaicml-streaming, 2 workers": Reader(
        mosaicml_reader, "mosaicml-streaming", 2, mosaicml_reader
    ),
    "grain": Reader(grain_reader, "grain", 0, grain_reader),
    "grain, batched reads": Reader(grain_batched, "grain", 2, grain_reader),
}


def require_readers(names: tuple[str, ...]) -> dict[str, Reader]:
    """Return the readers with these names, if their environments are there.

    Raises:
        UsageError: a name is unknown, NAGCORE_PEERS is not set, or an environment is missing.
    """
    unknown = [name for name in names if name not in READERS]
    if unknown:
        raise UsageError(f"no reader {unknown[0]!r}; the readers: {', '.join(READERS)}")
    for name in names:
        interpreter_of(READERS[name])
    return {name: READERS[name] for name in names}


def interpreter_of(reader: Reader) -> Path:
    """Return the interpreter that runs a reader.

    Raises:
        UsageError: NAGCORE_PEERS is not set, or the environment is missing.
    """
    if reader.environment == _OWN:
        return Path(sys.executable)
    remedy = f"make it with: tools/stream_peers.sh FOLDER, then set {PEERS_VARIABLE}=FOLDER"
    folder = os.environ.get(PEERS_VARIABLE)
    if not folder:
        raise UsageError(
            f"{PEERS_VARIABLE} is not set, expected the folder with an environment for each of the "
            f"readers compared; {remedy}"
        )
    path = Path(folder).expanduser().absolute() / reader.environment / "bin" / "python"
    if not path.exists():
        raise UsageError(
            f"{PEERS_VARIABLE} is {folder!r}, and it holds no {reader.environment}/bin/python; "
            f"{remedy}"
        )
    return path


def prepare(reader: Reader, raw: Path, folder: Path) -> None:
    """Write the data set of a reader from `images.npy` and `labels.npy` in `raw`."""
    _run(reader, reader.data, "prepare", raw, folder)


def read(reader: Reader, folder: Path, batch_size: int, seconds: float) -> dict[str, Any]:
    """Measure a reader in a new process, the files cleared from the system's memory before.

    Returns:
        Images per second "cold" and "warm", the numbers of "images", and "versions" by package.
    """
    evict(folder)
    return _run(reader, reader.module, "read", folder, batch_size, reader.workers, seconds)


def evict(folder: Path) -> None:
    """Ask the system to forget the content of files, so that they are read from the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # what is not on the disk yet cannot be forgotten
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def _run(reader: Reader, module: ModuleType, *arguments: Any) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    if reader.environment == _OWN:
        environment["PYTHONPATH"] = str(Path(nagcore.__file__).resolve().parents[1])
    command = [interpreter_of(reader), measure.__file__, module.__name__.rpartition(".")[2]]
    done = subprocess.run(
        [str(part) for part in (*command, *arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise UsageError(
            f"{command[-1]} failed in {reader.environment or 'this environment'} (status "
            f"{done.returncode}): {done.stderr.strip()[-2000:]}"
        ) from error
