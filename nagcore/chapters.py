"""Execute a chapter with other parameters, beside the committed one and never over it."""

from __future__ import annotations

import ast
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagcore.errors import MissingExtraError, UsageError
from nagcore.files import require_writable, write_whole
from nagcore.names import closest_first
from nagcore.root import find_root

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ChapterError(UsageError):
    """A cell of a chapter raised an error; the message holds the error and where the output is."""


@dataclass(frozen=True)
class Parameter:
    """One line of a chapter's cell tagged `parameters`: `name: type = default  # help`."""

    name: str
    type: str
    default: str
    help: str


def list_chapters(root: Path | str | None = None) -> tuple[Path, ...]:
    """Return the chapters' notebooks in reading order.

    Args:
        root: the checkout; found from the current folder if left out.

    Raises:
        UsageError: there is no checkout around the current folder.
    """
    folder = Path(root) if root else find_root()
    return tuple(sorted((folder / "chapters").glob("[0-9]*.ipynb")))


def find_chapter(name: str, root: Path | str | None = None) -> Path:
    """Return the notebook called `name`.

    Args:
        name: a chapter's number (`7` or `07`), name (`07-cnn-repaired`), file name or path.
        root: the checkout; found from the current folder if left out.

    Raises:
        UsageError: there is no such chapter; the message lists all, the most similar first.
    """
    chapters = list_chapters(root)
    wanted = Path(name).name.removesuffix(".ipynb")
    for chapter in chapters:
        number = chapter.stem.partition("-")[0]
        if wanted in (chapter.stem, number, number.lstrip("0")):
            return chapter
    known = closest_first(wanted, [chapter.stem for chapter in chapters])
    raise UsageError(f"unknown chapter {name!r}; expected one of: {known}")


def describe_parameters(chapter: Path | str) -> tuple[Parameter, ...]:
    """Return what the chapter lets a reader change, in the order of its parameters cell.

    Args:
        chapter: the notebook's path, see `find_chapter`.

    Raises:
        MissingExtraError: papermill is not installed.
        UsageError: the notebook cannot be read.
    """
    papermill = _papermill()
    try:
        found = papermill.inspect_notebook(str(chapter))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the chapter {chapter}: {error}") from error
    return tuple(
        Parameter(
            name=entry["name"],
            type=entry["inferred_type_name"].strip(),
            default=entry["default"],
            help=entry["help"].strip(),
        )
        for entry in found.values()
    )


def parse_parameter(text: str) -> tuple[str, str]:
    """Split `name=value` as given on the command line.

    Args:
        text: for instance `epochs=3`; all after the first `=` is the value.

    Returns:
        The name and the value, still text.

    Raises:
        UsageError: there is no `=` or no name before it.

    Example:
        >>> parse_parameter("epochs=3")
        ('epochs', '3')
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"cannot read the parameter {text!r}; expected name=value, as in epochs=3")
    return name.strip(), value.strip()


def convert_value(parameter: Parameter, value: str) -> Any:
    """Return `value` as the type that the chapter declares for `parameter`.

    Args:
        parameter: from `describe_parameters`; its type is `int`, `float`, `str`, `bool`, or a
            list of one of them, whose values are given as `1,2,3` or `[1, 2, 3]`.
        value: as given on the command line.

    Raises:
        UsageError: the value is not of that type.

    Example:
        >>> convert_value(Parameter("rates", "list[float]", "[0.1]", ""), "0.1,1")
        [0.1, 1.0]
        >>> convert_value(Parameter("epochs", "int", "20", ""), "3")
        3
    """
    try:
        if parameter.type.startswith("list"):
            inner = parameter.type.removeprefix("list").strip("[] ") or "str"
            return [_convert_one(inner, item) for item in _split_list(value)]
        return _convert_one(parameter.type, value)
    except ValueError as error:
        hint = " (true or false)" if parameter.type == "bool" else ""
        raise UsageError(
            f"parameter {parameter.name!r}: cannot read {value!r}; expected {parameter.type}{hint},"
            f" as in {parameter.name}={parameter.default}"
        ) from error


def run_chapter(
    name: str,
    parameters: Mapping[str, str],
    *,
    root: Path | str | None = None,
    output: Path | str | None = None,
    progress: bool = True,
) -> Path:
    """Execute a chapter with `parameters` in place of its defaults.

    The chapter runs in the folder `chapters`, as when the book is built. Its outputs go to a
    notebook of their own; committed files are not touched.

    Args:
        name: which chapter, see `find_chapter`.
        parameters: value by name, as text; converted to the types that the chapter declares.
        root: the checkout; found from the current folder if left out.
        output: where to write; `_runs/CHAPTER-HASH.ipynb` if left out, so that each choice of
            parameters has its own file.
        progress: show a bar that counts cells.

    Returns:
        The executed notebook's path.

    Raises:
        MissingExtraError: papermill is not installed.
        UsageError: unknown chapter or parameter, a value of the wrong type, an output that would
            overwrite a chapter, or one that cannot be written.
        ChapterError: a cell raised an error; the notebook up to that cell is kept.
    """
    folder = Path(root).resolve() if root else find_root()
    chapter = find_chapter(name, folder)
    values = _convert_all(chapter, parameters)
    target = Path(output).resolve() if output else _default_output(folder, chapter, values)
    if target.suffix != ".ipynb" or target.is_relative_to(folder / "chapters"):
        raise UsageError(
            f"cannot write the executed chapter to {target}; expected a name that ends in .ipynb, "
            "outside chapters/ (what is committed stays as it is); left out, _runs/ is used"
        )
    require_writable(target.parent)
    failure = _execute(chapter, values, target, progress=progress)
    if failure is not None:
        raise ChapterError(
            f"chapter {chapter.stem} stopped at cell {failure.cell_index + 1}: "
            f"{failure.ename}: {failure.evalue}; the notebook up to there, with the traceback, "
            f"is {target}"
        ) from failure
    return target


def _execute(chapter: Path, values: dict[str, Any], target: Path, *, progress: bool) -> Any:
    """Run by papermill into a temporary file, then write `target` whole; return a cell's error."""
    papermill = _papermill()
    from nbclient.exceptions import DeadKernelError
    from nbformat.reader import NotJSONError
    from papermill.exceptions import PapermillExecutionError

    failure = None
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / target.name
        try:
            papermill.execute_notebook(
                str(chapter),
                str(draft),
                parameters=values,
                kernel_name="python3",
                cwd=str(chapter.parent),
                progress_bar={"desc": chapter.stem} if progress else False,
                # The kernel's own notes on its transport would break up the bar.
                extra_arguments=["--log-level=ERROR"],
            )
        except PapermillExecutionError as error:
            failure = error
        except (DeadKernelError, NotJSONError) as error:
            raise ChapterError(
                f"chapter {chapter.stem} could not be executed: {error}; a kernel dies most often "
                "for want of memory, and a damaged notebook is restored by: git checkout chapters"
            ) from error
        notebook = json.loads(draft.read_text(encoding="utf-8"))
    # The notebook names the files as its reader knows them, not the temporary one.
    notebook["metadata"]["papermill"]["input_path"] = chapter.name
    notebook["metadata"]["papermill"]["output_path"] = target.name
    write_whole(target, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return failure


def _convert_all(chapter: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    declared = {parameter.name: parameter for parameter in describe_parameters(chapter)}
    for name in parameters:
        if name not in declared:
            raise UsageError(
                f"chapter {chapter.stem} has no parameter {name!r}; "
                f"expected one of: {closest_first(name, declared)}"
            )
    return {name: convert_value(declared[name], value) for name, value in parameters.items()}


def _default_output(root: Path, chapter: Path, values: Mapping[str, Any]) -> Path:
    choice = json.dumps(values, sort_keys=True).encode()
    return root / "_runs" / f"{chapter.stem}-{hashlib.sha256(choice).hexdigest()[:8]}.ipynb"


def _convert_one(kind: str, value: str) -> Any:
    if kind == "bool":
        if value.lower() not in _FLAGS:
            raise ValueError(value)
        return _FLAGS[value.lower()]
    if kind in ("int", "float"):
        return int(value) if kind == "int" else float(value)
    return value


def _split_list(value: str) -> list[str]:
    if value.startswith("["):
        try:
            return [str(item) for item in ast.literal_eval(value)]
        except (SyntaxError, TypeError) as error:
            raise ValueError(value) from error
    return [item.strip() for item in value.split(",") if item.strip()]


def _papermill() -> Any:
    try:
        import papermill
    except ImportError as error:
        raise MissingExtraError("papermill", "book", "running a chapter") from error
    return papermill
