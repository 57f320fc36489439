"""The parts of the book have their names in the language of the edition."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils import nodes
from docutils.utils import new_document
from nagbook.language import name_parts
from sphinx.addnodes import toctree
from sphinx.util.i18n import CatalogInfo


def test_parts_are_named_on_the_page_and_in_the_contents(tmp_path: Path):
    folder = tmp_path / "locale" / "zh_CN" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "intro.po").write_text('msgid "The method"\nmsgstr "方法"\n', encoding="utf-8")
    CatalogInfo(str(folder), "intro", "utf-8").write_mo("zh_CN")
    tree = toctree(entries=[], includefiles=[], caption="The method", rawcaption="The method")
    copy = tree.deepcopy()
    wrapper = nodes.compound("", tree, classes=["toctree-wrapper"], caption="The method")
    document: Any = new_document("intro")
    document += wrapper
    app: Any = SimpleNamespace(
        env=SimpleNamespace(docname="intro", tocs={"intro": nodes.bullet_list("", copy)}),
        config=SimpleNamespace(locale_dirs=["locale"], language="zh_CN"),
        srcdir=str(tmp_path),
    )
    name_parts(app, document)
    assert {tree["caption"], tree["rawcaption"], wrapper["caption"], copy["caption"]} == {"方法"}
