"""What chapter 13 says: no numeral typed into its prose, and every name glued."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nagcore.evidence.modalities_table import summarize_modality
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record

CHAPTER = Path(__file__).parents[2] / "chapters" / "13-images-text-speech.ipynb"
GLUE = re.compile(r"\{glue:text\}`(\w+)`")


def cells() -> list[dict]:
    return json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def prose() -> list[str]:
    texts = [source(cell) for cell in cells() if cell["cell_type"] == "markdown"]
    figures = [cell["metadata"].get("mystnb", {}).get("figure", {}) for cell in cells()]
    return [*texts, *(figure["caption"] for figure in figures if figure)]


def plain(text: str) -> str:
    """Return a text without mathematics, code, roles and directives' heads."""
    text = re.sub(r"```\{literalinclude\}.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$|\$.*?\$", "", text, flags=re.DOTALL)
    text = re.sub(r"^(\(\S+\)=|:\w+:.*|```.*)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{[\w:-]+\}`[^`]*`", "", text)
    return re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("number", range(len(prose())))
def test_no_numeral_is_typed_into_the_prose(number):
    assert re.findall(r"\S*\d\S*", plain(prose()[number])) == []


def test_every_name_in_the_prose_is_glued_and_every_glued_name_is_used():
    wanted = {name for text in prose() for name in GLUE.findall(text)}
    made = {name for kind in ("images", "text", "speech") for name in summaries(kind)}
    glued, patterns = set(), []
    for cell in cells():
        if cell["cell_type"] == "code":
            glued |= set(re.findall(r'glue\("(\w+)"', source(cell)))
            patterns += re.findall(r'glue\(f"([\w{}]+)"', source(cell))
    forms = [re.compile(re.sub(r"\{\w+\}", r"\\w+", pattern)) for pattern in patterns]
    unknown = [
        name for name in wanted - glued - made if not any(form.fullmatch(name) for form in forms)
    ]
    assert unknown == []
    assert glued <= wanted


def summaries(kind: str) -> dict[str, str]:
    from nagcore.evidence.experiments.modality_runs import declare

    constants = {"lr_grid": {"nag": (0.1,), "sgd": (0.1,)}, "seeds": (0,), "steps": 1}
    names = ("nag", "sgd")
    declaration = declare(
        "toy", "Which?", {**constants, "batch_size": 1}, devices=("cpu",), optimizers=names
    )
    made = Provenance(None, None, "2026-01-01T00:00:00+00:00", {}, "test", 1, 1.0, "0" * 64)
    row = {
        "lr": 0.1,
        "step": [0, 1],
        "validation_loss": [[2.0, 1.0]],
        "step_seconds": [1.0],
        "test_loss": [1.0],
    }
    return summarize_modality(
        Record(declaration, made, tuple({"optimizer": name, **row} for name in names)), kind
    )


def test_the_code_that_is_shown_is_there():
    for text in prose():
        for path, name in re.findall(
            r"literalinclude\} \.\./(\S+)\n.*?:pyobject: (\S+)", text, flags=re.DOTALL
        ):
            code = (CHAPTER.parents[1] / path).read_text(encoding="utf-8")
            for part in name.split("."):
                assert re.search(rf"^\s*(def|class) {part}\b", code, flags=re.MULTILINE), name
