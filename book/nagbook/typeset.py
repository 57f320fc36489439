"""Our docstrings are plain text; make of them the reStructuredText that Sphinx reads."""

from __future__ import annotations

import re
from collections.abc import Callable

PROMPT = re.compile(r"^ *>>> ", re.MULTILINE)
# A formula that goes on on the next line; a sign there would begin a list.
CONTINUED = re.compile(r"\n +(?=[+−=] )")
RETURNS = re.compile(r"^(Returns|Yields):\n((?: +.*(?:\n|\Z))+)", re.MULTILINE)
TOKEN = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\[(?P<key>[a-z]+\d{4}[a-z]*)\]"
    r"|(?<=[\w\u0300-\u036f)\]}'′⋆∇‖|])(?P<script>[_^])\{(?P<braced>[^{}]*)\}"
    r"|(?<![A-Za-z]{2})(?<=[^\W_]|[)⋆∇‖])_(?P<index>[^\W_]|[⋆∞]|max|min)(?![^\W²³ᵀ]|\{)"
    r"|(?<=[\w)\]'′⋆‖])\^(?P<power>−?[^\W_]+|⋆)"
    r"|(?:(?<!\w)[a-z]|(?<!['A-Z][A-Z])(?<!')[A-Z])(?P<prime>')(?!\w)"
    r"|(?<=min|max)_(?P<variable>[a-z])\b"
    # A single letter before a full stop would begin an ordered list.
    r"|(?P<markup>[*|\\]|_(?![^\W_])|(?<=: [A-Za-z])\.(?=\s|\Z))"
)
# Beside these, markup needs no separator. One before a line's end would swallow the end.
OPENS, CLOSES = " \n(", " \n.,;:)"


def typeset(text: str, link: Callable[[str], str | None]) -> str:
    r"""Return a docstring as reStructuredText, for napoleon to read its sections.

    Indices and powers are set low and high, code between backticks as code or as a link,
    bibliography keys as citations. Doctests and indented code stay as they are; in the rest
    nothing has a meaning as markup.

    Args:
        text: the docstring, without indentation.
        link: gives the full name of a documented object for a word in backticks, or None.

    Example:
        >>> print(typeset("x_{k+1} = x_k − α*g as in `step()`, [polyak1964].", lambda word: None))
        x\ :sub:`k+1` = x\ :sub:`k` − α\*g as in ``step()``, :cite:p:`polyak1964`.
    """
    blocks: list[str] = []
    last_line = ""
    for block in text.split("\n\n"):
        prose, doctest = _cut(block)
        if last_line and not last_line.startswith(" ") and _is_indented(block):
            blocks.append(f".. code-block:: python\n\n{block}")
        else:
            prose = CONTINUED.sub(" ", prose)
            prose = TOKEN.sub(lambda found: _replace(found, link), prose)
            blocks.append(RETURNS.sub(_field, prose) + doctest)
        last_line = block.rpartition("\n")[2]
    return "\n\n".join(blocks)


def _cut(block: str) -> tuple[str, str]:
    """Return what comes before the first prompt of a block, and the doctest."""
    found = PROMPT.search(block)
    start = found.start() if found else len(block)
    return block[:start], block[start:]


def _is_indented(block: str) -> bool:
    return all(line.startswith("    ") for line in block.splitlines())


def _replace(found: re.Match[str], link: Callable[[str], str | None]) -> str:
    match found.lastgroup:
        case "code":
            words = " ".join(found["code"].split())
            target = link(words.removesuffix("()"))
            role = f":py:obj:`{words} <{target}>`" if target else f"``{words}``"
        case "key":
            role = f":cite:p:`{found['key']}`"
        case "braced":
            role = _raised(found["script"], found["braced"])
        case "index" | "variable":
            role = _raised("_", found["index"] or found["variable"])
        case "power":
            role = _raised("^", found["power"])
        case "prime":
            return f"{found[0][0]}′"
        case _:
            return f"\\{found['markup']}"
    before = found.string[max(found.start() - 1, 0) : found.start()]
    after = found.string[found.end() : found.end() + 1]
    return ("" if before in OPENS else "\\ ") + role + ("" if after in CLOSES else "\\ ")


def _raised(script: str, text: str) -> str:
    role = "sub" if script == "_" else "sup"
    escaped = text.replace("\\", "\\\\")
    return f":{role}:`{escaped}`"


def _field(found: re.Match[str]) -> str:
    """Write what is returned as a field; napoleon would take words before a colon for a type."""
    words = "\n".join(f"   {line.strip()}" for line in found[2].splitlines())
    return f":{found[1].lower()}:\n{words}\n"
