"""API pages: a directive that shows a module's public names by autodoc, and what mends its text."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from numpy.typing import ArrayLike, NDArray
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config as Sections
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import stringify_annotation
from torch.optim import Optimizer

from nagbook.inventory import (
    analyze,
    find_object,
    names_of,
    parse_group,
    read_groups,
    words_after,
)
from nagbook.typeset import typeset
from nagcore.optim.base import RuleOptimizer

# What a rule says of itself to the class that runs it, and no caller needs.
HOOKS = set(vars(RuleOptimizer)) - set(dir(Optimizer))

# NumPy's aliases, which Sphinx writes out over lines; Literal, as its option expects it; and the
# default of a field that is made anew for each object.
SHORT = {
    stringify_annotation(NDArray[Any], "smart"): "~numpy.ndarray",
    stringify_annotation(ArrayLike, "smart"): "~numpy.typing.ArrayLike",
    "~typing.Literal": "Literal",
    "<factory>": "...",
}
# Attributes are listed as arguments are.
SECTIONS = Sections(napoleon_custom_sections=[("Attributes", "params_style")])
CALLED = (FunctionType, classmethod, staticmethod, property, cached_property)


class Api(SphinxDirective):
    """`.. api:: nagcore.core.momentum` shows what the package exports from that module.

    See `nagbook.inventory.names_of` for other arguments.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"omit": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Hand the names to autodoc, and have the page made anew when their list may change."""
        group = parse_group(self.arguments[0], self.options.get("omit"))
        lines = [
            line
            for name in names_of(group, read_groups(Path(self.env.srcdir)))
            for line in _autodoc(name)
        ]
        for module in (group.module, group.module.rpartition(".")[0]):
            if source := getattr(import_module(module), "__file__", None):
                self.env.note_dependency(source)
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source=group.module), self.content_offset, box)
        return box.children


def _autodoc(name: str) -> Iterator[str]:
    """Yield the autodoc directive of one object."""
    value = find_object(name)
    if inspect.isclass(value):
        yield f".. auto{'exception' if issubclass(value, BaseException) else 'class'}:: {name}"
        if members := members_of(value):
            yield f"   :members: {', '.join(members)}"
            if "__call__" in members:
                yield "   :special-members: __call__"
    elif isinstance(value, FunctionType):
        yield f".. autofunction:: {name}"
    else:
        yield f".. autodata:: {name}"
        yield "   :no-value:"
    yield ""


def members_of(kind: type) -> list[str]:
    """Return the documented members that our own classes give to a class, the inherited first.

    What torch or Python give it is documented by them, and what a class repeats without a word of
    its own is left out.

    Example:
        >>> from nagcore.core import ConstantMomentum, NesterovState
        >>> members_of(ConstantMomentum), members_of(NesterovState)
        (['__call__'], [])
    """
    members: dict[str, bool] = {}
    for owner in reversed(
        [base for base in kind.__mro__ if base.__module__.startswith("nagcore.")]
    ):
        for name, value in vars(owner).items():
            members[name] = isinstance(value, CALLED) and bool(value.__doc__)
        described = analyze(owner.__module__).attr_docs
        members |= {name: True for holder, name in described if holder == owner.__qualname__}
    hooks = HOOKS if issubclass(kind, Optimizer) else set()
    return [
        name
        for name, documented in members.items()
        if documented and name not in hooks and (name == "__call__" or not name.startswith("_"))
    ]


def typeset_docstring(
    app: Sphinx, kind: str, name: str, value: Any, _options: Any, lines: list[str]
) -> None:
    """Turn the plain text of a docstring and its sections into markup."""
    if kind == "data":
        # Autodoc looks for them in the package, and would explain a dictionary as any dictionary.
        lines[:] = words_after(name)
    shown = find_shown(Path(app.srcdir))
    text = typeset("\n".join(lines), lambda word: resolve(word, name, *shown))
    # As a "property" or "data" its first words, up to a colon, would be taken for a type.
    docstring = GoogleDocstring(text, SECTIONS, app, "function", name, value)  # type: ignore[arg-type]
    lines[:] = docstring.lines()


@cache
def find_shown(root: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the full names of all objects on the API pages, and those of their members."""
    groups = read_groups(root)
    objects = {name for group in groups for name in names_of(group, groups)}
    classes = {name: value for name in objects if inspect.isclass(value := find_object(name))}
    members = {f"{name}.{member}" for name, kind in classes.items() for member in members_of(kind)}
    return frozenset(objects), frozenset(members)


def resolve(word: str, place: str, objects: frozenset[str], members: frozenset[str]) -> str | None:
    """Return the full name of what a word in the docstring of `place` stands for, if it is shown.

    As in Python, the class and the package of `place` are looked through first; after them all
    objects, of which one alone may have the name. A name after its own module is that of the
    package which exports it. A docstring has no link to itself.

    Example:
        >>> objects = frozenset({"nagcore.core.NAdam", "nagcore.optim.NAdam", "nagcore.optim.NAG"})
        >>> members = frozenset({"nagcore.optim.NAG.step"})
        >>> resolve("step", "nagcore.optim.NAG.at_iterate", objects, members)
        'nagcore.optim.NAG.step'
        >>> resolve("NAdam", "nagcore.optim.NAG.step", objects, members)
        'nagcore.optim.NAdam'
        >>> resolve("NAdam", "nagcore.theory.minimize", objects, members) is None
        True
    """
    head, dot, rest = word.partition(".")
    scope = place.split(".")
    near = [".".join([*scope[:depth], word]) for depth in range(len(scope), -1, -1)]
    exported = ".".join([*word.split(".")[:2], word.rpartition(".")[2]])
    far = [name + dot + rest for name in objects if name.rpartition(".")[2] == head]
    for target in [*near, exported, *far * (len(far) == 1)]:
        if target in objects or target in members:
            return target if target != place else None
    return None


def leave_type_plain(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.TextElement | None:
    """Let a type in a signature be without a link where the pages do not show it.

    Most are those of torch and NumPy, which are explained elsewhere.
    """
    return text if node.get("refdomain") == "py" and node["reftype"] == "class" else None


def shorten_signature(
    _app: Sphinx,
    _kind: str,
    _name: str,
    value: Any,
    _options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Leave out of a signature what says nothing to a reader, and what Sphinx cannot parse."""
    if getattr(value, "_is_protocol", False):
        return "", None  # nobody calls a protocol
    for text, short in SHORT.items():
        signature = signature and signature.replace(text, short)
        returns = returns and returns.replace(text, short)
    return signature, returns


def setup(app: Sphinx) -> None:
    """Add the directive, and connect what mends autodoc's text."""
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", typeset_docstring)
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("missing-reference", leave_type_plain)
