"""Which names the API pages show, read from the pages and from the package itself."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sphinx.pycode import ModuleAnalyzer

# The packages whose `__all__` the pages must show whole; `nagcore.training` has modules alone.
ROOMS = (
    "nagcore.core",
    "nagcore.optim",
    "nagcore.theory",
    "nagcore.training",
    "nagcore.training.checkpoints",
    "nagcore.training.copies",
    "nagcore.training.rates",
    "nagcore.training.speech",
    "nagcore.training.stream",
    "nagcore.evidence",
    "nagcore.evidence.protocol",
)
PAGES = "book/api"
GROUP = re.compile(r"^\.\. api:: *(?P<module>\S+) *$(?:\n +:omit: *(?P<omit>.+)$)?", re.MULTILINE)


class Group(NamedTuple):
    """One `api` directive: a module, and names of it that are not for readers."""

    module: str
    omit: frozenset[str] = frozenset()


def read_groups(root: Path) -> list[Group]:
    """Return the groups of all API pages in the order of the pages' names."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / PAGES).glob("*.md"))]
    return [parse_group(*found.groups()) for text in texts for found in GROUP.finditer(text)]


def parse_group(module: str, omit: str | None) -> Group:
    """Return a group as an `api` directive states it.

    Example:
        >>> sorted(parse_group("nagcore.theory.bounds", "step_counts at_each_step").omit)
        ['at_each_step', 'step_counts']
    """
    return Group(module, frozenset((omit or "").split()))


@cache
def find_exports(package: str) -> dict[str, str]:
    """Return the names in `__all__` of a package, each with the module it is imported from.

    Example:
        >>> find_exports("nagcore.core")["FISTA"]
        'nagcore.core.proximal'
    """
    module = import_module(package)
    imported = {
        alias.asname or alias.name: node.module
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    return {name: imported.get(name, package) for name in getattr(module, "__all__", ())}


def names_of(group: Group, groups: Iterable[Group]) -> list[str]:
    """Return the full names that a group shows, in the order in which its module defines them.

    Of a module from which its package exports names, these, under the package's name; of another,
    what it defines and documents; of a package, the exports that no other group shows.

    Example:
        >>> names_of(Group("nagcore.core.step_sizes"), [])
        ['nagcore.core.SilverSteps']
        >>> names_of(Group("nagcore.training.seeds"), [])
        ['nagcore.training.seeds.private_random_state']
    """
    module = import_module(group.module)
    shown_elsewhere = {other.module for other in groups} - {group.module}
    package = group.module if hasattr(module, "__path__") else group.module.rpartition(".")[0]
    exports = {
        name
        for name, origin in find_exports(package).items()
        if (origin == group.module if package != group.module else origin not in shown_elsewhere)
    }
    names = exports or _documented(module)
    prefix = package if exports else group.module
    return [f"{prefix}.{name}" for name in _in_source_order(module, names - group.omit)]


def _documented(module: Any) -> set[str]:
    """Return the public names that a module defines with a docstring."""
    own = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and value.__doc__
    }
    described = {name for owner, name in analyze(module.__name__).attr_docs if not owner}
    return {name for name in own | described if not name.startswith("_")}


def _in_source_order(module: Any, names: set[str]) -> list[str]:
    order = analyze(module.__name__).tagorder
    # A state is written before the rule that has it, and read about after it.
    return sorted(names, key=lambda n: (n.endswith("State"), order.get(n, len(order)), n.lower()))


@cache
def analyze(module: str) -> ModuleAnalyzer:
    """Return what Sphinx reads from a module's source: its order, the words after attributes."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    return analyzer


def find_object(full_name: str) -> Any:
    """Return a module's object by its full name.

    Example:
        >>> find_object("nagcore.core.FISTA").__name__
        'FISTA'
    """
    module, _, name = full_name.rpartition(".")
    return getattr(import_module(module), name)


def words_after(full_name: str) -> list[str]:
    """Return the lines of the docstring that follows a constant where it is defined.

    Example:
        >>> words_after("nagcore.training.evaluation.Loss")[0][:12]
        'Class scores'
    """
    place, _, name = full_name.rpartition(".")
    return analyze(find_exports(place).get(name, place)).attr_docs.get(("", name), [])
