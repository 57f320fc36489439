"""What a translated message has to keep of its source, and the words that were agreed on."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROLE = re.compile(r"\{(?P<name>[a-zA-Z][\w:.+-]*)\}`(?P<text>[^`]*)`")
TARGET = re.compile(r"<([^<>]*)>\s*$")
MATH = re.compile(r"(?<![\\$])\$(?!\$)(?P<text>(?:\\.|[^$\\])+)\$")
# Words inside a formula, with the command before and the brace behind them.
IN_FORMULA = re.compile(r"(\\(?:text|textrm|mbox)\{)(?P<words>[^{}]*)(\})")
CODE = re.compile(r"(?<!`)`(?P<text>[^`]+)`(?!`)")
LINK = re.compile(r"\]\((?P<text>[^()\s]+)\)")
PLACE = re.compile(r"\{(?P<text>\d+)\}")
MARKS = re.compile(r"[(),;:]")
# Two letters make a word; raised figures count as letters elsewhere.
WORD = re.compile(r"[^\W\d_⁰¹²³⁴-⁹]{2}")


class Term(NamedTuple):
    """A term and the words that may stand for it."""

    english: str
    chinese: tuple[str, ...]
    pattern: re.Pattern[str]


def find_kept(message: str) -> dict[str, Counter[str]]:
    """Return what must be the same in a message and its translation, by kind.

    Of a role that shows a text of its own, as `{ref}` does in "text <label>", the label is kept
    and the text is free. In formulas the words inside `\\text{…}` are free.

    Example:
        >>> kept = find_kept("In {ref}`this one <ch:momentum>` $x_k$ is `x`, see [1](a.md).")
        >>> [sorted(tokens) for tokens in kept.values()]
        [['{ref}`ch:momentum`'], ['$x_k$'], ['`x`'], ['(a.md)'], []]
    """
    roles: Counter[str] = Counter()
    for found in ROLE.finditer(message):
        target = TARGET.search(found["text"])
        roles[f"{{{found['name']}}}`{target[1] if target else found['text']}`"] += 1
    rest = ROLE.sub(" ", message)
    math = Counter(
        f"${' '.join(IN_FORMULA.sub('', f['text']).split())}$" for f in MATH.finditer(rest)
    )
    rest = MATH.sub(" ", rest)
    code = Counter(f"`{found['text']}`" for found in CODE.finditer(rest))
    rest = CODE.sub(" ", rest)
    links = Counter(f"({found['text']})" for found in LINK.finditer(rest))
    places = Counter(f"{{{found['text']}}}" for found in PLACE.finditer(rest))
    return {"role": roles, "formula": math, "code": code, "link": links, "place": places}


def has_words(message: str) -> bool:
    """Say whether anything is left to translate beside roles, formulas and code.

    Example:
        >>> has_words("{glue:text}`gap` of $f$"), has_words("`nagcore.core.Nesterov.step`")
        (True, False)
    """
    return WORD.search(_drop_kept(message)) is not None


def needs_translation(message: str) -> bool:
    """Say whether a message is another one in another language.

    Besides words these are the marks between roles, which may show words.

    Example:
        >>> needs_translation("{ref}`a`, {ref}`b`"), needs_translation("{ref}`a` ± $b$")
        (True, False)
    """
    marks = ROLE.search(message) and MARKS.search(_drop_kept(message))
    return has_words(message) or marks is not None


def _drop_kept(message: str) -> str:
    for pattern in (ROLE, MATH, CODE):
        message = pattern.sub(" ", message)
    return message


def compare(source: str, translation: str) -> list[str]:
    """Return what a translation lost or added; nothing where it is sound.

    References must be as many as in the source; a formula or code may be said again.

    Example:
        >>> compare("The gap of $f$ is {glue:text}`gap`.", "$f$ 的间隙是 {glue:text}`gab`。")
        ['role {glue:text}`gap` is missing', 'role {glue:text}`gab` is not in the source']
    """
    complaints = []
    wanted, found = find_kept(source), find_kept(translation)
    for kind in wanted:
        lost, added = wanted[kind] - found[kind], found[kind] - wanted[kind]
        if kind in ("formula", "code"):
            lost = Counter(token for token in lost if token not in found[kind])
            added = Counter(token for token in added if token not in wanted[kind])
        complaints += [f"{kind} {token} is missing" for token in lost]
        complaints += [f"{kind} {token} is not in the source" for token in added]
    return complaints


def read_terms(path: Path) -> list[Term]:
    """Return the agreed terms that translations are held to, the longest first.

    Args:
        path: a table with the columns english, chinese (choices between bars), use, note. Rows
            whose use is not "checked" advise a translator: their word has other meanings too.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["use"] == "checked"]
    terms = [
        Term(row["english"], tuple(row["chinese"].split("|")), _pattern(row["english"]))
        for row in rows
    ]
    return sorted(terms, key=lambda term: -len(term.english))


def _pattern(english: str) -> re.Pattern[str]:
    words = r"[\s-]+".join(re.escape(word) for word in english.split())
    return re.compile(rf"(?<![\w-]){words}(?:s|es|'s)?(?![\w-])", re.IGNORECASE)


def find_missing_terms(source: str, translation: str, terms: list[Term]) -> list[str]:
    """Return the terms of the source for which no agreed word is in the translation.

    Example:
        >>> step = Term("step size", ("步长",), _pattern("step size"))
        >>> find_missing_terms("Two step sizes.", "两个步幅。", [step])
        ['step size: expected 步长']
    """
    text = source
    for pattern in (ROLE, MATH, CODE, LINK):
        text = pattern.sub(_shown, text)
    missing = []
    for term in terms:
        text, count = term.pattern.subn(" ", text)
        if count and not any(word.lower() in translation.lower() for word in term.chinese):
            missing.append(f"{term.english}: expected {' or '.join(term.chinese)}")
    return missing


def _shown(found: re.Match[str]) -> str:
    """Of a role that shows its own text that text, of all else nothing."""
    text = found["text"]
    if found.re is ROLE and found["name"] == "term":
        return f" {TARGET.sub('', text)} "
    return f" {TARGET.sub('', text)} " if found.re is ROLE and TARGET.search(text) else " "
