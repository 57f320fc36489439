"""The head and the foot of a chapter, made from its notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from nagbook import frame
from nagbook.words import WORDS, say

from nagcore.chapters import convert_value, describe_parameters, list_chapters, parse_parameter

ROOT = Path(__file__).parents[2]
CHAPTERS = list_chapters(ROOT)


def notebook(folder: Path, parameters: str) -> Path:
    cell = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    path = folder / "03-name.ipynb"
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), path)
    return path


def test_the_command_has_every_parameter_as_it_stands(tmp_path: Path):
    path = notebook(
        tmp_path,
        'device: str = "cpu"  # where\nrates: list[float] = [0.1, 0.2]  # step sizes',
    )
    lines = frame.command_of(path).split(" \\\n    ")
    assert lines == [
        ".venv/bin/nagcore run 03",
        "-p device=cpu",
        "-p 'rates=[0.1, 0.2]'",
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_command_of_every_chapter_is_understood(path: Path):
    import shlex

    words = shlex.split(frame.command_of(path).replace("\\\n", " "))
    parameters = {parameter.name: parameter for parameter in describe_parameters(path)}
    given = dict(parse_parameter(word) for word in words[4::2])
    assert words[3::2] == ["-p"] * len(parameters)
    assert set(given) == set(parameters)
    for name, value in given.items():
        convert_value(parameters[name], value)  # or it raises


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_says_what_it_takes_and_gives(path: Path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert first.count("```{chapter-head}\n") == 1


def test_minutes_grow_with_words_in_both_languages_and_with_figures():
    long = "word " * 1700
    assert frame.count_minutes(publish_doctree("word")) == 5
    assert frame.count_minutes(publish_doctree(long)) == 10
    assert frame.count_minutes(publish_doctree("字" * 3200)) == 10
    with_figures = publish_doctree(long)
    with_figures += [nodes.figure() for _ in range(10)]
    assert frame.count_minutes(with_figures) == 15


def test_a_citation_names_chapter_version_and_address():
    entry = frame.citation("chapters/03-nesterov", "The title", "https://a.org/", "The book")
    assert entry.startswith("@incollection{nagcore-03-nesterov,")
    assert "url = {https://a.org/chapters/03-nesterov.html}" in entry
    assert "chapter = {3}" in entry


def test_every_word_is_there_in_every_language_with_the_same_places():
    english = WORDS["en"]
    for words in WORDS.values():
        assert set(words) == set(english)
        for key, text in words.items():
            assert text.count("{") == english[key].count("{"), key
            assert text.count("|") == english[key].count("|"), key


def test_an_unknown_language_is_answered_in_english():
    assert say("fr", "cite") == say("en", "cite")
