"""Catalogs of messages: made from the pages, merged with what is translated, checked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nagcore.book.languages import CATALOGS, CHINESE, Language
from nagcore.book.messages import compare, find_missing_terms, needs_translation, read_terms
from nagcore.errors import UsageError
from nagcore.files import write_whole

HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


class Merge(NamedTuple):
    """What became of a page's catalog."""

    page: str
    untranslated: int
    fuzzy: int
    dropped: int


def catalogs_folder(root: Path, language: Language = CHINESE) -> Path:
    """Return the folder of the catalogs of a language."""
    return root / CATALOGS / language.locale / "LC_MESSAGES"


def list_pages(folder: Path) -> list[str]:
    """Return the pages that have a catalog in a folder, and "glued" for the texts of cells."""
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.po")
    )


def read_catalog(path: Path) -> Any:
    """Return a catalog, an empty one where there is no file."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    if not path.is_file():
        return Catalog()
    with path.open("rb") as stream:
        catalog = read_po(stream, charset="utf-8")
    for message in _messages(catalog):
        message.previous_id = _find_former(message.user_comments)
        message.user_comments = []
    return catalog


def _find_former(comments: list[str]) -> list[str]:
    """Return what a message said before, which Babel writes and takes for a comment on reading.

    It wraps such comments at spaces, so that they would grow and change at every writing.
    """
    from babel.messages.pofile import denormalize

    lines = [line.removeprefix("|").strip() for line in comments if line.startswith("|")]
    quoted = " ".join(lines).removeprefix("msgid ")
    return [denormalize(quoted)] if quoted.startswith('"') and quoted.endswith('"') else []


def write_catalog(path: Path, catalog: Any, language: Language = CHINESE) -> Path:
    """Write a catalog without what changes at every writing: dates, lines, former messages."""
    from babel.messages.pofile import write_po

    for message in _messages(catalog):
        message.flags.discard("python-brace-format")  # roles look like places of that format
        message.flags.discard("python-format")
        if not message.fuzzy:
            message.previous_id = []
    stream = io.BytesIO()
    write_po(
        stream,
        catalog,
        width=0,
        no_location=True,
        omit_header=True,
        ignore_obsolete=True,
        include_previous=True,
    )
    header = HEADER.format(language=language.locale).encode()
    return write_whole(path, header + stream.getvalue())


def read_templates(root: Path) -> dict[str, Any]:
    """Return what is to be translated, by page, as the last build of the English pages found it.

    Messages that are the same in every language are left out.

    Args:
        root: the checkout.

    Raises:
        UsageError: the book is not built.
    """
    from babel.messages.catalog import Catalog

    path = root / "_build" / "messages.json"
    if not path.is_file():
        raise UsageError(f"{path} is missing; build the book first: nagcore book --language en")
    templates = {}
    for page, messages in json.loads(path.read_text(encoding="utf-8")).items():
        catalog = Catalog()
        for message in messages:
            if needs_translation(message):
                catalog.add(message)
        if len(catalog):
            templates[page] = catalog
    return templates


def merge(root: Path, templates: dict[str, Any]) -> list[Merge]:
    """Bring the catalogs up to the pages, keeping what is translated.

    A message that changed keeps its former translation, marked as fuzzy, which no page shows.
    Catalogs of pages that are no more are removed.

    Args:
        root: the checkout.
        templates: as `read_templates` returns them.
    """
    folder = catalogs_folder(root)
    merges = []
    for page, template in templates.items():
        path = folder / f"{page}.po"
        catalog = read_catalog(path)
        before = {message.id: message.previous_id for message in _messages(catalog)}
        catalog.update(template)
        for message in _messages(catalog):
            message.previous_id = message.previous_id or before.get(message.id, [])
        write_catalog(path, catalog)
        messages = list(_messages(catalog))
        merges.append(
            Merge(
                page,
                sum(not message.string for message in messages),
                sum(message.fuzzy for message in messages),
                len(set(before) - {message.id for message in messages}),
            )
        )
    for page in set(list_pages(folder)) - set(templates):
        (folder / f"{page}.po").unlink()
    return merges


def _messages(catalog: Any) -> Iterator[Any]:
    return (message for message in catalog if message.id)


def find_changed(root: Path, templates: dict[str, Any]) -> list[str]:
    """Return what is in the pages and not in the catalogs, or the other way round."""
    folder = catalogs_folder(root)
    complaints = []
    for page in sorted({*templates, *list_pages(folder)}):
        wanted = {message.id for message in _messages(templates.get(page, ()))}
        found = {message.id for message in _messages(read_catalog(folder / f"{page}.po"))}
        complaints += [f"{page}: no message {_short(text)}" for text in sorted(wanted - found)]
        complaints += [f"{page}: no longer said {_short(text)}" for text in sorted(found - wanted)]
    return complaints


def find_untranslated(root: Path) -> list[str]:
    """Return the messages without a translation, and those whose source changed since."""
    return [
        f"{page}: {'changed' if message.string else 'untranslated'}: {_short(message.id)}"
        for page, message in _all(root)
        if message.fuzzy or not message.string
    ]


def find_unsound(root: Path) -> list[str]:
    """Return the translations that lost a reference, a formula or an agreed term.

    What is the same in both languages, a name or a rule to stop by, is held to no term.
    """
    terms = read_terms(root / CATALOGS / CHINESE.locale / "terms.csv")
    return [
        f"{page}: {complaint}: {_short(message.id)}"
        for page, message in _all(root)
        if message.string not in ("", message.id) and not message.fuzzy
        for complaint in (
            *compare(message.id, message.string),
            *find_missing_terms(message.id, message.string, terms),
        )
    ]


def _all(root: Path) -> Iterator[tuple[str, Any]]:
    folder = catalogs_folder(root)
    for page in list_pages(folder):
        for message in _messages(read_catalog(folder / f"{page}.po")):
            yield page, message


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:99]}…")
