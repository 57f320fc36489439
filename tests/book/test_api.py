"""The API pages show every public name, in words that became no markup by accident."""

from __future__ import annotations

import importlib
import inspect
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nagbook import api, inventory, sources
from nagbook.inventory import Group
from nagbook.typeset import typeset
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils
from sphinx_external_toc.parsing import parse_toc_yaml

from nagcore.core import Method, SilverSteps
from nagcore.optim import NAG
from nagcore.theory import minimize

# Modules without `__all__` above them that serve their neighbours alone.
INTERNAL = {
    *("budget", "calls", "checks", "graphed_step", "judging", "meeting", "progress"),
    *("report", "sharding", "signals", "training_step"),
}


def shown_names(groups: list[Group]) -> list[str]:
    return [name for group in groups for name in inventory.names_of(group, groups)]


def missing_names(groups: list[Group]) -> list[str]:
    """Return the public names that no group shows, and the modules that no group names."""
    shown = set(shown_names(groups))
    missing = []
    for room in inventory.ROOMS:
        package = importlib.import_module(room)
        public = getattr(package, "__all__", None)
        if public is not None:
            missing += [f"{room}.{name}" for name in public if f"{room}.{name}" not in shown]
            continue
        modules = {path.stem for path in Path(str(package.__file__)).parent.glob("[!_]*.py")}
        named = {group.module for group in groups}
        missing += [f"{room}.{m}" for m in modules - INTERNAL if f"{room}.{m}" not in named]
    return missing


def test_every_public_name_is_shown(root: Path) -> None:
    advice = "add a line `.. api:: MODULE` to a group of a page in book/api"
    assert missing_names(inventory.read_groups(root)) == [], advice


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("nagcore.core.momentum", "nagcore.core.ConstantMomentum"),
        ("nagcore.optim", "nagcore.optim.Muon"),
        ("nagcore.training.fit", "nagcore.training.fit"),
    ],
)
def test_a_forgotten_group_is_noticed(root: Path, module: str, name: str) -> None:
    groups = [group for group in inventory.read_groups(root) if group.module != module]
    assert name in missing_names(groups)


def test_no_name_is_shown_twice(root: Path) -> None:
    names = shown_names(inventory.read_groups(root))
    assert [name for name in names if names.count(name) > 1] == []


def test_a_package_shows_what_its_groups_leave() -> None:
    groups = [Group("nagcore.optim"), Group("nagcore.optim.table")]
    rest = inventory.names_of(groups[0], groups)
    assert "nagcore.optim.NAG" in rest
    assert "nagcore.optim.make_optimizer" not in rest


def test_every_name_shown_has_words(root: Path) -> None:
    def is_mute(name: str) -> bool:
        value = inventory.find_object(name)
        if inspect.isroutine(value) or inspect.isclass(value):
            return not value.__doc__
        # An alias of a type is explained by the type.
        return isinstance(value, dict | tuple) and not inventory.words_after(name)

    assert [name for name in shown_names(inventory.read_groups(root)) if is_mute(name)] == []


def test_members_are_those_that_a_reader_calls() -> None:
    assert {"step", "at_iterate", "state_dict", "load_state_dict"} <= set(api.members_of(NAG))
    assert not {"zero_grad", "update", "check", "__init__"} & set(api.members_of(NAG))


def test_bibliography_tells_chapters_from_these_pages(root: Path) -> None:
    pages = {name for name in parse_toc_yaml(root / "_toc.yml") if name.startswith("book/api")}
    text = (root / "book" / "bibliography.md").read_text(encoding="utf-8")
    filters = re.findall(r"docnames <= \{(.*)\}", text)
    assert [set(re.findall(r'"([^"]+)"', names)) for names in filters] == [pages, pages]


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("y_{k+1} = x_k", r"y\ :sub:`k+1` = x\ :sub:`k`"),
        ("t_k² − 2x_0", r"t\ :sub:`k`\ ² − 2x\ :sub:`0`"),
        ("(1 − q)^k ρ^{2m}", r"(1 − q)\ :sup:`k` ρ\ :sup:`2m`"),
        ("a_iᵀx, ‖Aᵀb‖_∞/m", r"a\ :sub:`i`\ ᵀx, ‖Aᵀb‖\ :sub:`∞`\ /m"),
        ("argmin_u h(u), β_max", r"argmin\ :sub:`u` h(u), β\ :sub:`max`"),
        ("weight_decay in lr * |x| and x_", r"weight_decay in lr \* \|x\| and x\_"),
        ("f(x') of SGD's", "f(x′) of SGD's"),
        ("A'(1 + μA') + AA' of 'A' and NAG'", "A′(1 + μA′) + AA′ of 'A' and NAG'"),
        ("a `long\nname` and `C`s", r"a ``long name`` and :py:obj:`C <m.C>`\ s"),
        ("as `step()` says", "as :py:obj:`step() <m.C.step>` says"),
        ("[nesterov1983]; for β in [0, 1)", ":cite:p:`nesterov1983`; for β in [0, 1)"),
        ("Example:\n    >>> x_k * `y_{k}`\n    [su2016]", None),
        (
            "It reads\n\n    x_k = step(`y`)",
            "It reads\n\n.. code-block:: python\n\n    x_k = step(`y`)",
        ),
        ("Returns:\n    Two data: a,\n    b.", ":returns:\n   Two data: a,\n   b.\n"),
        ("    dimensions: K.", "    dimensions: K\\."),
        ("    unknowns: n.\n    rows: m.", "    unknowns: n\\.\n    rows: m\\."),
        ("y = a x\n      + b (x − z).", "y = a x + b (x − z)."),
    ],
)
def test_plain_text_becomes_markup(text: str, markup: str | None) -> None:
    assert typeset(text, {"C": "m.C", "step": "m.C.step"}.get) == (markup or text)


def test_signature_is_shortened() -> None:
    def shorten(value: object, signature: str) -> tuple[str | None, str | None]:
        return api.shorten_signature(None, "", "", value, None, signature, None)  # type: ignore[arg-type]

    assert shorten(Method, "(*args, **kwargs)") == ("", None)
    assert shorten(minimize, "(a: ~typing.Literal['x'] = <factory>)")[0] == (
        "(a: Literal['x'] = ...)"
    )


def test_source_of_a_constant_is_where_it_is_defined() -> None:
    assert sources.find_source("nagcore.core", "FORMS") == "nagcore/core/forms.py"


CONF = """
extensions = ["sphinx.ext.autodoc", "sphinxcontrib.bibtex", "nagbook.api"]
bibtex_bibfiles = ["references.bib"]
nitpicky = True
"""
INDEX = """
Page
====
.. api:: nagcore.core.step_sizes
.. api:: nagcore.errors
.. bibliography::
"""


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A page of one group, without the rest of the book."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.rst").write_text(INDEX)
    entry = "@misc{altschuler2025, author={Altschuler, Jason}, title={Silver}, year={2025}}"
    (tmp_path / "references.bib").write_text(entry)
    return tmp_path


@pytest.fixture
def namespace() -> Iterator[None]:
    with patch_docutils(), docutils_namespace():
        yield


def build(project: Path) -> tuple[Sphinx, str, str]:
    """Return the application, its warnings and the page."""
    warnings, out = io.StringIO(), project / "out"
    app = Sphinx(project, project, out, out, "html", status=None, warning=warnings)
    app.build()
    return app, warnings.getvalue(), (out / "index.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("namespace")
def test_entry_has_its_formula_source_and_example(project: Path) -> None:
    app, warnings, page = build(project)
    assert warnings == ""
    assert 'id="nagcore.core.SilverSteps"' in page
    assert 'id="nagcore.core.SilverSteps.__call__"' in page
    assert "α<sub>k</sub> = (1 + ρ<sup>v(k+1) − 1</sup>) / L" in page
    assert re.search(r'Source: [^\n]{,40}<a class="reference internal" href="#[^"]+"', page)
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    sources_read = {Path(path).name for path in app.env.dependencies["index"]}
    assert {"step_sizes.py", "__init__.py"} <= sources_read


@pytest.mark.usefixtures("namespace")
def test_unknown_key_is_a_warning(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SilverSteps, "__doc__", "A rule.\n\nSource: [nobody1999].")
    assert 'could not find bibtex key "nobody1999"' in build(project)[1]
