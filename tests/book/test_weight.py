"""One style sheet, the icons in use, and scripts that wait."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydata_sphinx_theme
import pytest
from fontTools.ttLib import TTFont
from nagbook import icons, weight
from sphinx.builders.html._assets import _CascadingStyleSheet, _JavaScript

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_sheets_are_joined_in_order_and_find_what_they_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "_static/basic.css": "b {}",
            "_static/styles/theme.css": '@import "../basic.css";',
            "_static/styles/a.css": '@charset "UTF-8";a {src: url(../fonts/a.woff)}',
            "_static/katex/k.css": 'k {src: url("fonts/k.woff2")}',
            "_static/c.css": 'c {src: url("data:image/png;base64,x")}',
        },
    )
    names = [f"_static/{name}" for name in ("styles/theme.css", "styles/a.css", "katex/k.css")]
    sheet = weight.join_styles(tmp_path, [*names, "_static/c.css"])
    assert sheet.splitlines() == [
        '@charset "UTF-8";',
        "b {}",
        "a {src: url(fonts/a.woff)}",
        "k {src: url(katex/fonts/k.woff2)}",
        'c {src: url("data:image/png;base64,x")}',
    ]


def test_a_page_asks_for_one_sheet_and_for_what_is_not_always_meant() -> None:
    for_print = _CascadingStyleSheet("_static/p.css", media="print")
    own, outside = (
        _CascadingStyleSheet("_static/o.css"),
        _CascadingStyleSheet("https://a.org/x.css"),
    )
    context: dict[str, Any] = {"css_files": [own, for_print, outside]}
    bundle = weight.Bundle()
    bundle.collect(None, "x", "", context, None)  # type: ignore[arg-type]
    assert context["css_files"] == [for_print, outside]
    assert context["book_css"] == weight.BUNDLE
    assert list(bundle.names) == [*weight.THEME_STYLES, "_static/o.css"]


def test_scripts_of_files_wait_and_no_others() -> None:
    scripts = [
        _JavaScript(weight.AT_ONCE),
        _JavaScript("_static/a.js", id="a"),
        _JavaScript("_static/m.mjs", type="module"),
        _JavaScript("", body="let x"),
    ]
    context: dict[str, Any] = {"script_files": scripts}
    weight.defer_scripts(None, "intro", "", context, None)  # type: ignore[arg-type]
    attributes = [script.attributes for script in context["script_files"]]
    assert attributes == [{}, {"id": "a", "defer": "defer"}, {"type": "module"}, {"body": "let x"}]
    assert scripts[1].attributes == {"id": "a"}, "other pages share it"
    context = {"script_files": scripts}
    weight.defer_scripts(None, "search", "", context, None)  # type: ignore[arg-type]
    assert context["script_files"] is scripts


def test_rules_of_icons_that_nobody_names_are_dropped(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "page.html": '<i class="fa-solid fa-list"></i>',
            "_static/scripts/fontawesome.js": "fa-wheat",
            "_static/scripts/theme.js": '"fa-xmark"',
        },
    )
    kept = '.fa-list:before,.fa-list-squares:before{content:"\\f03a"}.fa-xmark:before{content:"x"}'
    dropped = '.fa-wheat:before{content:"\\f2cd"}'
    assert icons.drop_unused_icons(f"a{{}}{kept}{dropped}b{{}}", tmp_path) == f"a{{}}{kept}b{{}}"


def test_fonts_keep_the_characters_in_use(tmp_path: Path) -> None:
    fonts = "vendor/fontawesome/webfonts"
    (tmp_path / fonts).mkdir(parents=True)
    name = f"{fonts}/fa-solid-900"
    for ending in (".ttf", ".woff2"):
        (tmp_path / f"{name}{ending}").write_bytes((THEME / f"{name}{ending}").read_bytes())
    source = f'url({name}.woff2) format("woff2"),url({name}.ttf) format("truetype")'
    variable = '--pst-icon-bell:"\uf0f3"'
    sheet = f'@font-face{{src:{source}}}.fa-list:before{{content:"\\f03a"}}a{{{variable}}}'
    assert f'{{src:url({name}.woff) format("woff")}}' in icons.subset_fonts(sheet, tmp_path)
    assert [path.name for path in (tmp_path / fonts).iterdir()] == ["fa-solid-900.woff"]
    assert set(TTFont(tmp_path / f"{name}.woff").getBestCmap() or ()) == {0xF03A, 0xF0F3}


def test_the_theme_names_its_icons_and_fonts_as_expected() -> None:
    """A new version of the theme may do it otherwise, and nothing would be dropped unnoticed."""
    sheet = weight.URL.sub(
        lambda found: f"url({found[2].removeprefix('../')})",
        (THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8"),
    )
    assert len(icons.RULE.findall(sheet)) > 1500
    assert len(icons.SOURCES.findall(sheet)) == 3


def test_what_no_page_asks_for_is_removed(tmp_path: Path) -> None:
    leftover = ("scripts/fontawesome.js", "scripts/a.js.map", "styles/a.css.map")
    kept = {"scripts/a.js", "styles/a.css"}
    write(tmp_path, dict.fromkeys([*leftover, *kept, "sbt-webpack-macros.html"], ""))
    weight.drop_leftovers(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == kept


@pytest.mark.parametrize("error", [None, ValueError()])
def test_nothing_is_written_for_other_formats_or_after_an_error(
    tmp_path: Path, error: Exception | None
) -> None:
    app: Any = SimpleNamespace(
        outdir=tmp_path, builder=SimpleNamespace(name="html" if error else "latex")
    )
    weight.Bundle().write(app, error)
    assert list(tmp_path.iterdir()) == []
