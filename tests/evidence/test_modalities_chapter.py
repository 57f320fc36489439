"""What chapter 13 says: no numeral typed into its prose, and every name glued."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nagcore.evidence.experiments import EXPERIMENTS
from nagcore.evidence.modalities_table import summarize_modality, summarize_start
from nagcore.evidence.modalities_verdicts import (
    STEADY,
    at_ends,
    clear,
    mean_curve,
    ranking,
    reached,
    say_clock,
    say_momenta,
    unsteadiness,
)
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_if_recorded

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
    made |= set(summarize_start(of_gpu("speech"), "speech"))
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


def of_gpu(name: str) -> Record:
    record = load_if_recorded(EXPERIMENTS[name], "cuda", CHAPTER.parents[1])
    if record is None:
        pytest.skip(f"{name} is not recorded on a GPU yet")
    return record


def test_what_is_said_of_images_on_a_gpu_is_in_the_record():
    record = of_gpu("images")
    names = [name for name, _ in ranking(record)]
    assert names[0] == "muon"
    assert all(clear(record, "muon", name) for name in names[1:])
    assert not any(clear(record, "nag", name) for name in names[1:] if name != "nag")
    assert set(at_ends(record)) == {"adamw", "nadamw", "nag"}
    assert unsteadiness(record) <= STEADY
    found = {name: at for name, at in reached(record).items() if name != "nag"}
    assert all(at is None or at.share > 1 for at in found.values())
    cheapest = min(record.rows, key=lambda row: max(row["step_seconds"]))
    assert cheapest["optimizer"] == "nag"
    assert say_clock(record) == (
        "A step of NAG takes the least time, and none of the others is where NAG ends in less time "
        "than NAG took."
    )


def test_what_is_said_of_text_on_a_gpu_is_in_the_record():
    record = of_gpu("text")
    assert [name for name, _ in ranking(record)][-1] == "nag"
    names = [name for name, _ in ranking(record) if name != "nag"]
    assert all(clear(record, "nag", name) for name in names)
    assert unsteadiness(record) <= STEADY
    found = [at for name, at in reached(record).items() if name != "nag"]
    assert all(at is not None and at.share < 1 for at in found)


def test_what_is_said_of_speech_on_a_gpu_is_in_the_record():
    record = of_gpu("speech")
    losses = {row["optimizer"]: row["test_loss"] for row in record.rows}
    assert max(losses["nag"]) < min(losses["heavy-ball"] + losses["sgd"])
    assert say_momenta(record).endswith("lie with every seed below those of heavy ball and SGD.")
    curves = {row["optimizer"]: mean_curve(row) for row in record.rows}
    third = len(curves["nag"]) // 3
    slow = ("sgd", "heavy-ball", "nag")
    quickest = min(curve[third] for name, curve in curves.items() if name in slow)
    assert quickest > 2 * max(curves["adamw"][third], curves["nadamw"][third])


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
