"""Texts of cells in the other language: numerals stay, sentences are looked up one by one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from nagbook import glued
from nagbook.glued import TranslateGlued, needs_words, split_numerals, translate

CHINESE = {
    "Measured on a CPU (AMD EPYC), {0}, n = {1}, commit {2}.": "CPU，{0}，{2}，n = {1}。",
    "Muon is first.": "Muon 第一。",
}


def in_chinese(text: str) -> str:
    return translate(text, CHINESE.get)


@pytest.mark.parametrize(
    ("text", "numerals"),
    [
        ("12,345 steps", ["12,345"]),
        ("−0.4 to +1.5e-7", ["0.4", "1.5e-7"]),
        ("95% of 3 s", ["95%", "3"]),
        ("3 × 10⁻¹⁵", ["3", "10⁻¹⁵"]),
        ("numpy 2.4.6", ["2.4.6"]),
        ("H100, conv2, AdamW", []),
        ("2026-11-26 at 6b5fbeb", ["2026-11-26", "6b5fbeb"]),
        ("defaced facade", []),
    ],
)
def test_numerals_are_told_from_names(text: str, numerals: list[str]) -> None:
    assert split_numerals(text)[1] == numerals


def test_numerals_return_to_their_places_in_another_order() -> None:
    text = "Measured on a CPU (AMD EPYC), 2026-11-26, n = 8, commit 6b5fbeb."
    assert in_chinese(text) == "CPU，2026-11-26，6b5fbeb，n = 8。"


def test_sentences_are_translated_one_by_one_and_joined_without_a_space() -> None:
    assert in_chinese("Muon is first. Muon is first.") == "Muon 第一。Muon 第一。"


def test_chinese_counts_millions_in_ten_thousands() -> None:
    assert translate("12.8 million", {"{0} million": "{0} 百万"}.get) == "1280 万"


def test_an_unknown_sentence_stays_as_it_is() -> None:
    assert in_chinese("Muon is first. Adam is last.") == "Muon 第一。Adam is last."
    assert in_chinese("0.25") == "0.25"


@pytest.mark.parametrize("text", ["{0} ms", "step_size", "torch.optim.SGD", "×"])
def test_units_and_code_need_no_words(text: str) -> None:
    assert not needs_words(split_numerals(text)[0])


@pytest.mark.parametrize(
    ("catalog", "expected"), [({}, "Holm’s test"), ({"Holm's test": "Holm 检验"}, "Holm 检验")]
)
def test_apostrophes_become_round_after_a_translation_was_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(glued, "find_lookup", lambda *_: catalog.get)
    document: Any = new_document("page")
    config = SimpleNamespace(locale_dirs=["locale"], language="zh_CN")
    document.settings.env = SimpleNamespace(srcdir=tmp_path, config=config)
    pasted, other = (
        nodes.inline("", "Holm's test", classes=["pasted-text"]),
        nodes.literal("", "f'"),
    )
    document += [pasted, other]
    TranslateGlued(document).run()
    assert [pasted.astext(), other.astext()] == [expected, "f'"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"25 x & \text{for } x < 1", r"25 x & \text{对 } x < 1"),
        (r"x_n \text{ for } 2 \mbox{ else }", r"x_n \text{ 对 } 2 \mbox{ else }"),
        (r"\text{ } x", r"\text{ } x"),
    ],
)
def test_words_in_formulas_keep_the_spaces_round_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formula: str, expected: str
) -> None:
    monkeypatch.setattr(glued, "find_lookup", lambda *_: {"for": "对"}.get)
    document: Any = new_document("page")
    config = SimpleNamespace(locale_dirs=["locale"], language="zh_CN")
    document.settings.env = SimpleNamespace(srcdir=tmp_path, config=config)
    document += nodes.math_block("", formula)
    TranslateGlued(document).run()
    assert document.astext() == expected
