"""The languages of the book, and the settings that each is built with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from nagcore.errors import UsageError
from nagcore.files import write_whole


class Language(NamedTuple):
    """One edition of the book."""

    name: str
    """As on the command line, and the folder of the site where it is not the source."""
    locale: str
    """As Sphinx names it."""
    settings: dict[str, str]
    """Settings of Sphinx whose words are said otherwise in this edition."""


ENGLISH = Language("en", "en", {})
CHINESE = Language(
    "zh",
    "zh_CN",
    {
        "html_title": "复现 Nesterov 加速法",
        "project": "复现 Nesterov 加速法",
        "author": "nagcore 作者",
        "nb_code_prompt_show": "显示代码",
        "nb_code_prompt_hide": "隐藏代码",
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


def site_folder(root: Path, language: Language = ENGLISH) -> Path:
    """Return the folder of the built site, or that of an edition inside it."""
    site = root / "_build" / "html"
    return site if language == ENGLISH else site / language.name


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
        html["baseurl"] = f"{html.get('baseurl', '')}{language.name}/"
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
