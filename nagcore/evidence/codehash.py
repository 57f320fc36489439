"""A hash of the code that a result rests on, blind to formatting, comments and docstrings.

It is the same on every supported Python. Only imports that stand in the source are seen: not
`importlib.import_module`, and not the data files that a module reads.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path

from nagcore.errors import UsageError

_PACKAGE = "nagcore"


def code_hash(module: str) -> str:
    """Return the SHA-256 of a module and all modules of the package that it imports.

    Args:
        module: the dotted name, for example "nagcore.core.nesterov".

    Returns:
        64 hexadecimal digits.

    Raises:
        UsageError: the module has no source file, or it cannot be parsed.

    Example:
        >>> len(code_hash("nagcore.errors"))
        64
    """
    total = hashlib.sha256()
    for name, path in code_files(module).items():
        total.update(f"{name}\n{canonical(_parse(path))}\n".encode())
    return total.hexdigest()


def code_files(module: str) -> dict[str, Path]:
    """Return the modules that `code_hash` covers, by name in alphabetical order, with their files.

    Imports inside functions count. `from package import name` counts as the module
    `package.name` where that is one. The `__init__` of a package counts only where it is itself
    imported by name, so a module can stay clear of what its neighbours need.

    Args:
        module: the dotted name.

    Raises:
        UsageError: the module has no source file, or it cannot be parsed.

    Example:
        >>> list(code_files("nagcore.files"))
        ['nagcore.errors', 'nagcore.files']
    """
    packages = {_PACKAGE, _top(module)}
    path = _find(module)
    if path is None:
        raise UsageError(f"module {module!r} has no source file, so its code cannot be identified")
    files, waiting = {module: path}, [module]
    while waiting:
        importer = waiting.pop()
        for name in _imports(importer, files[importer]):
            if name not in files and _top(name) in packages:
                found = _find(name)
                if found is not None:
                    files[name] = found
                    waiting.append(name)
    return dict(sorted(files.items()))


def canonical(node: object) -> str:
    """Return a syntax tree as text, without docstrings, positions and empty fields.

    `ast.dump` will not do: which empty fields it shows depends on the version of Python.

    Example:
        >>> canonical(ast.parse("x = 1  # one")) == canonical(ast.parse("x=(1)"))
        True
    """
    if isinstance(node, ast.AST):
        body = getattr(node, "body", None)
        fields = {name: value for name, value in ast.iter_fields(node) if name != "kind"}
        if isinstance(body, list) and _has_docstring(node, body):
            fields["body"] = body[1:]
        if isinstance(node, ast.JoinedStr):
            fields["values"] = [part for part in node.values if not _is_empty_text(part)]
        shown = ((name, value) for name, value in fields.items() if value not in (None, []))
        return f"{type(node).__name__}({','.join(f'{n}={canonical(v)}' for n, v in shown)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    # ascii, because repr asks a table of Unicode that grows with each Python.
    return ascii(node)


def _has_docstring(node: ast.AST, body: list[ast.stmt]) -> bool:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return (
        isinstance(node, documented)
        and bool(body)
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    )


def _is_empty_text(part: ast.expr) -> bool:
    """Say whether this is the empty piece that Python 3.12 leaves behind in an f-string."""
    return isinstance(part, ast.Constant) and part.value == ""


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageError(f"{path.name} cannot be read as Python: {error}") from error


def _imports(importer: str, path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(importer, path, node)
            for alias in node.names:
                name = f"{source}.{alias.name}"
                names.add(name if _find(name) is not None else source)
    return names


def _top(module: str) -> str:
    return module.partition(".")[0]


def _absolute(importer: str, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = importer.split(".")
    up = node.level - (path.name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])


def _find(module: str) -> Path | None:
    """Return a module's source file without importing it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # __main__ and the like have none
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        return Path(spec.origin) if not rest and spec.origin else None
    for folder in spec.submodule_search_locations:
        path = Path(folder, *rest)
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if candidate.is_file() and (rest or candidate.name == "__init__.py"):
                return candidate
    return None
