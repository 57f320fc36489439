"""The pages beside the chapters: summary, questions, glossary, landing page, commands, README."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from markdown_it import MarkdownIt
from sphinx_external_toc.parsing import parse_toc_yaml

from nagcore.chapters import describe_parameters
from nagcore.cli.app import app

TERMS = """
ablation, acceleration, batch size, bias correction, certificate, condition number, confidence
interval, convergence rate, CUDA graph, epoch, estimate sequence, friction, gap, gradient
accumulation, gradient noise, heavy ball, iterate, learning rate, Lipschitz constant, look-ahead,
mixed precision, momentum, Nesterov's method, noise scale, performance profile, potential function,
proximal step, query point, record, restart, schedule, seed, sharpness, smooth, stale, step size,
strongly convex, target, warm-up, weight decay
"""
ROLE = re.compile(r"\{[a-z:]+\}`[^`]*`")
LINK = re.compile(r"\{(?:ref|numref|prf:ref|eq|term)\}`")
MATHS = re.compile(r"\$[^$]*\$")
SENTENCE = re.compile(r"[.!?](?:\s|$)")
COMMANDS = ("README.md", "intro.md", "book/reproduce.md")


def read(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def definitions(root: Path) -> dict[str, str]:
    """Return the terms of the glossary with their definitions."""
    body = read(root, "book/glossary.md").split("```{glossary}\n:sorted:\n", 1)[1].split("```")[0]
    entries = [entry.split("\n", 1) for entry in body.strip().split("\n\n")]
    return {term: text.strip() for term, text in entries}


def answers(root: Path) -> dict[str, str]:
    """Return the questions with their answers."""
    parts = re.split(r"^### ", read(root, "book/questions.md"), flags=re.MULTILINE)[1:]
    pairs = [part.split("\n", 1) for part in parts]
    return {question: re.split(r"^## ", text, flags=re.MULTILINE)[0] for question, text in pairs}


def count_sentences(text: str) -> int:
    """Count sentences; a role is a word, and one that fills in a text may be a sentence itself.

    Example:
        >>> count_sentences("One, $1.5$ long. {glue:text}`a.b::c:s` Three?")
        2
    """
    return len(SENTENCE.findall(ROLE.sub("word", MATHS.sub("x", text))))


def prose(root: Path) -> dict[str, str]:
    """Return the text of all pages and chapters."""
    texts = {p.name: p.read_text(encoding="utf-8") for p in (root / "book").glob("*.md")}
    texts["intro.md"] = read(root, "intro.md")
    for path in (root / "chapters").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.name] = "\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        )
    return texts


def shell_lines(root: Path, name: str) -> list[str]:
    """Return the commands in a page's blocks of shell, without comments."""
    tokens = MarkdownIt().parse(read(root, name))
    blocks = [token.content for token in tokens if token.info.strip() == "sh"]
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [bare for line in joined.splitlines() if (bare := line.split("#")[0].strip())]


def test_glossary_has_the_terms_that_chapters_may_use(root: Path) -> None:
    wanted = {" ".join(term.split()) for term in TERMS.split(",")}
    assert wanted <= set(definitions(root))


def test_definitions_are_short_and_lead_to_a_chapter(root: Path) -> None:
    for term, text in definitions(root).items():
        assert 1 <= count_sentences(text) <= 3, term
        assert "{ref}`ch:" in text, term


def test_every_term_that_is_used_is_defined(root: Path) -> None:
    known = {term.lower() for term in definitions(root)}
    for name, text in prose(root).items():
        for used in re.findall(r"\{term\}`([^`]*)`", text):
            target = re.sub(r".*<(.*)>$", r"\1", " ".join(used.split()))
            assert target.lower() in known, f"{used} in {name}"


def test_each_question_is_answered_in_a_few_sentences_with_a_link(root: Path) -> None:
    answered = answers(root)
    assert len(answered) >= 25
    for question, answer in answered.items():
        assert "?" in question, question
        assert 2 <= count_sentences(answer) <= 6, question
        assert LINK.search(answer) or "{cite:" in answer, question


def test_numbers_are_filled_in_from_chapters_that_exist(root: Path) -> None:
    for name, text in prose(root).items():
        for chapter in re.findall(r"\{glue:text\}`/?(chapters/[^:`]*)::", text):
            assert (root / chapter).is_file(), f"{chapter} in {name}"


def test_landing_page_leads_everywhere(root: Path) -> None:
    landing = read(root, "intro.md")
    for label in ("ch:summary", "ch:questions", "ch:glossary", "ch:reproduce", "fig:play-"):
        assert label in landing
    for chapter in (root / "chapters").glob("*.ipynb"):
        label = re.search(r"\((ch:[a-z-]+)\)=", chapter.read_text(encoding="utf-8"))
        assert label is not None
        assert f"`{label[1]}`" in landing, chapter.name


def test_summary_comes_first_and_questions_open_the_appendices(root: Path) -> None:
    parts = parse_toc_yaml(root / "_toc.yml").root.subtrees
    assert [str(item) for item in parts[0].items] == ["book/summary"]
    assert [str(item) for item in parts[-1].items[:3]] == [
        *("book/questions", "book/glossary", "book/reproduce")
    ]


@pytest.mark.parametrize("page", COMMANDS)
def test_printed_commands_exist(root: Path, page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read(root, "Makefile"), re.MULTILINE))
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    lines = shell_lines(root, page)
    assert lines
    for line in lines:
        if made := re.match(r"make ([a-z]+)", line):
            assert made[1] in targets, line
        if called := re.match(r"(?:\.venv/bin/)?nagcore ([a-z]+)", line):
            assert called[1] in commands, line


@pytest.mark.parametrize("page", COMMANDS)
def test_printed_parameters_are_those_of_the_chapter(root: Path, page: str) -> None:
    """The newcomer's walk ends here."""
    calls = [
        (re.search(r"(?:run |chapters/)(\d\d)", line), re.findall(r"-p (\w+)", line), line)
        for line in shell_lines(root, page)
        if " -p " in line
    ]
    assert calls
    for number, names, line in calls:
        assert number is not None, line
        chapter = next((root / "chapters").glob(f"{number[1]}-*.ipynb"))
        assert set(names) <= {each.name for each in describe_parameters(chapter)}, line


def test_readme_stands_alone(root: Path) -> None:
    """Where the package is listed, a relative link or picture leads nowhere."""
    tokens = MarkdownIt().parse(read(root, "README.md"))
    inline = [child for token in tokens for child in token.children or ()]
    addresses = [str(c.attrs.get("href") or c.attrs.get("src")) for c in inline if c.attrs]
    assert addresses
    assert [address for address in addresses if not address.startswith("https://")] == []
