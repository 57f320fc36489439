"""The languages of the book, and the settings that each is built with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from nagcore.errors import UsageError
from nagcore.files import write_whole


class Language(NamedTuple):
    """One edition of the book."""

    name: str
    """As on the command line."""
    locale: str
    """As Sphinx names it."""
    code: str
    """As HTML names it."""
    words: str
    """What a link to this edition says, in its own language."""
    folder: str
    """Where it stands below the address of the site; the source stands at the top."""
    settings: dict[str, Any]
    """Settings of Sphinx whose words are said otherwise in this edition."""


ENGLISH = Language("en", "en", "en", "English", "", {})
CHINESE = Language(
    "zh",
    "zh_CN",
    "zh-CN",
    "中文",
    "zh/",
    {
        "html_title": "深度学习中的 Nesterov 加速",
        "project": "深度学习中的 Nesterov 加速",
        "author": "nagcore 项目组",
        "nb_code_prompt_show": "显示代码",
        "nb_code_prompt_hide": "隐藏代码",
        "togglebutton_hint": "点击展开",
        "togglebutton_hint_hide": "点击收起",
        "numfig_format": {"code-block": "代码 %s"},  # Sphinx says the word for a list of items
    },
)
LANGUAGES = {language.name: language for language in (ENGLISH, CHINESE)}
CATALOGS = "book/locale"


def find_language(name: str) -> Language:
    """Return a language by its name.

    Raises:
        UsageError: the book is not written in it.

    Example:
        >>> find_language("zh").locale
        'zh_CN'
    """
    if name not in LANGUAGES:
        raise UsageError(f"the book has no edition {name!r}; expected {' or '.join(LANGUAGES)}")
    return LANGUAGES[name]


def find_locale(locale: str | None) -> Language:
    """Return the language that Sphinx names so, English where the book is not written in it.

    Example:
        >>> find_locale("zh_CN").name, find_locale(None).name
        ('zh', 'en')
    """
    return next((each for each in LANGUAGES.values() if each.locale == locale), ENGLISH)


def top_address(address: str, language: Language) -> str:
    """Return the address under which all editions stand, from that of one of them.

    Example:
        >>> top_address("https://a.org/zh/", CHINESE), top_address("https://a.org/", ENGLISH)
        ('https://a.org/', 'https://a.org/')
    """
    return address.removesuffix(language.folder)


def page_address(top: str, language: Language, page: str) -> str:
    """Return the address of a page in a language.

    Args:
        top: that of all editions, or the way up to it from another page.
        language: the edition.
        page: its name, the same in all languages.

    Example:
        >>> page_address("../", CHINESE, "chapters/02-momentum")
        '../zh/chapters/02-momentum.html'
    """
    return f"{top}{language.folder}{page}.html"


def site_folder(root: Path, language: Language = ENGLISH) -> Path:
    """Return the folder of the built site, or that of an edition inside it."""
    return root / "_build" / "html" / language.folder


def work_folder(root: Path, language: Language) -> Path:
    """Return where Jupyter Book writes an edition, which is moved into the site afterwards.

    Jupyter Book puts executed notebooks beside the site, so that two editions written at the same
    time must not share that place.
    """
    return root if language == ENGLISH else root / "_build" / language.name


def write_config(root: Path, language: Language) -> Path:
    """Write the settings of an edition, made from `_config.yml`, and return their file.

    Args:
        root: the checkout.
        language: the edition.

    Returns:
        `_build/config/NAME.yml`.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config.setdefault("execute", {})["cache"] = str(root / "_build" / ".jupyter_cache")
    if language != ENGLISH:
        # On paper the title of the file counts, on the site that of Sphinx's own settings.
        config["title"] = language.settings["html_title"]
        html = config.setdefault("html", {})
        html["baseurl"] = f"{html.get('baseurl', '')}{language.folder}"
    sphinx = config.setdefault("sphinx", {})
    # Jupyter Book looks for them from the file of settings on.
    sphinx["local_extensions"] = {
        name: str((root / folder).resolve())
        for name, folder in sphinx.get("local_extensions", {}).items()
    }
    sphinx["config"] = sphinx.get("config", {}) | {
        "language": language.locale,
        "locale_dirs": [CATALOGS],
        "gettext_compact": False,  # a catalog for every page
        **language.settings,
    }
    text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
    return write_whole(root / "_build" / "config" / f"{language.name}.yml", text)
