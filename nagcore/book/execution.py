"""Execute the chapters side by side into the cache that Jupyter Book reads."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nagcore.book.key import cache_key
from nagcore.errors import UsageError

CELL_TIMEOUT = 600  # seconds, as in _config.yml
KEY = "nagcore_key"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Execution(NamedTuple):
    """One chapter run to its end, or to its first failing cell."""

    notebook: Any
    seconds: float
    error: str | None


def list_chapters(root: Path) -> list[Path]:
    """Return the notebooks that `_toc.yml` names, in the book's order."""
    from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

    try:
        site = parse_toc_yaml(root / "_toc.yml")
    except MalformedError as error:
        raise UsageError(f"{root / '_toc.yml'} is not a table of contents: {error}") from error
    paths = [root / f"{name}.ipynb" for name in site]
    return [path for path in paths if path.is_file()]


def execute_chapters(root: Path, console: Console) -> list[str]:
    """Execute every chapter whose cells, or whatever they rest on, changed since the last time.

    After a failure no further chapter is begun; those under way are finished and kept.

    Args:
        root: the checkout.
        console: where progress is shown.

    Returns:
        The names of the chapters executed.

    Raises:
        UsageError: a cell failed or took too long; the message holds its true error.
    """
    cache, key = _open_cache(root), cache_key(root)
    stale = [path for path in list_chapters(root) if not _is_current(cache, path, key)]
    if not stale:
        return []
    context = multiprocessing.get_context("spawn")
    workers = min(len(stale), os.cpu_count() or 1)
    failures: list[str] = []
    with (
        _progress(console) as progress,
        ProcessPoolExecutor(workers, context, _prepare_worker) as pool,
    ):
        bar = progress.add_task("executing chapters", total=len(stale))
        chapters = {pool.submit(execute, path): path for path in stale}
        for future in as_completed(chapters):
            if future.cancelled():
                continue
            path, execution = chapters[future], future.result()
            if execution.error is not None:
                failures.append(f"{path.relative_to(root)} failed:\n{execution.error}")
                pool.shutdown(wait=False, cancel_futures=True)
                continue
            _store(cache, path, execution, key)
            progress.console.print(f"executed {path.stem} in {execution.seconds:.0f} s")
            progress.advance(bar)
    if failures:
        raise UsageError("\n".join(failures))
    return [path.stem for path in stale]


def execute(path: Path) -> Execution:
    """Execute one notebook in its own folder."""
    import nbformat
    from jupyter_cache.executors.utils import single_nb_execution
    from nbclient.exceptions import DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    try:
        result = single_nb_execution(
            notebook,
            cwd=str(path.parent),
            timeout=CELL_TIMEOUT,
            allow_errors=False,
            # A kernel on this machine warns otherwise that it speaks to us without encryption.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
    except DeadKernelError as error:
        return Execution(notebook, 0.0, f"{error}; most often for want of memory")
    error = None if result.err is None else COLOUR.sub("", str(result.err))
    return Execution(notebook, result.time, error)


def _prepare_worker() -> None:
    # Chapters run side by side: one thread each, or they fight over the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _open_cache(root: Path) -> Any:
    from jupyter_cache import get_cache

    return get_cache(str(root / "_build" / ".jupyter_cache"))


def _is_current(cache: Any, path: Path, key: str) -> bool:
    """Say whether the cache holds this chapter under this key; drop what it holds under another."""
    import nbformat

    try:
        record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return False
    if record.data.get(KEY) == key:
        return True
    cache.remove_cache(record.pk)
    return False


def _store(cache: Any, path: Path, execution: Execution, key: str) -> None:
    from jupyter_cache.base import CacheBundleIn

    data = {"execution_seconds": execution.seconds, KEY: key}
    bundle = CacheBundleIn(execution.notebook, str(path), data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _progress(console: Console) -> Progress:
    columns: Sequence[Any] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)
