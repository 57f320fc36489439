"""Find the checkout that holds the book."""

from __future__ import annotations

from pathlib import Path

from nagcore.errors import UsageError

MARKER = "_toc.yml"


def find_root(start: Path | str | None = None) -> Path:
    """Return the nearest folder, from `start` upward, that holds the book's `_toc.yml`.

    Where none is found from the current folder, the folder of an editable install is tried, so
    that `import nagcore` in a script elsewhere still finds the records.

    Args:
        start: where to begin; the current folder if left out.

    Raises:
        UsageError: neither is inside a checkout.
    """
    here = Path(start or Path.cwd()).resolve()
    package = Path(__file__).resolve().parent
    for folder in (here, *here.parents, *package.parents):
        if (folder / MARKER).is_file():
            return folder
    raise UsageError(
        f"{here} is not inside a checkout of the report (no folder above it holds {MARKER}); "
        "run this command in the cloned repository"
    )
