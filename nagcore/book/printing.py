"""Print an edition of the book: its pages as LaTeX, and those as PDF by XeLaTeX."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from nagcore.book.languages import ENGLISH, Language
from nagcore.book.running import run, run_jupyter_book
from nagcore.errors import UsageError
from nagcore.files import write_whole

PROGRAMS = ("latexmk", "xelatex")
NAME = "nesterov-acceleration"
TOO_WIDE = 10.0  # points that a line may stand out, less than the margin of a letter or two
TOO_HIGH = 24.0  # points that a page may, before it touches the line at its foot
OVERFULL = re.compile(r"^Overfull \\[hv]box \(([\d.]+)pt too (wide|high)\).*$", re.MULTILINE)
MISSING = re.compile(r"^Missing character: .*$", re.MULTILINE)
WRONG = re.compile(r"^! .*$", re.MULTILINE)


def pdf_name(language: Language) -> str:
    """Return what the PDF of an edition is called.

    Example:
        >>> from nagcore.book.languages import CHINESE, ENGLISH
        >>> pdf_name(ENGLISH), pdf_name(CHINESE)
        ('nesterov-acceleration.pdf', 'nesterov-acceleration-zh.pdf')
    """
    return f"{NAME}.pdf" if language == ENGLISH else f"{NAME}-{language.name}.pdf"


def print_folder(root: Path) -> Path:
    """Return where the printed editions lie until the next build."""
    return root / "_build" / "print"


def find_print(root: Path, language: Language) -> Path | None:
    """Return the PDF of an edition, or None where this build has none."""
    path = print_folder(root) / language.name / pdf_name(language)
    return path if path.is_file() else None


def print_book(root: Path, language: Language) -> Path:
    """Write an edition as PDF; its chapters must have been executed before.

    Args:
        root: the checkout.
        language: the edition.

    Returns:
        The PDF, which `find_print` finds from now on.

    Raises:
        UsageError: TeX is not installed or failed, something stands out, or a letter is in no font;
            the message says which.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} not found, which printing the book needs; on Debian install "
            "everything for it with: tools/debian.sh"
        )
    folder = print_folder(root) / language.name
    shutil.rmtree(folder, ignore_errors=True)
    sources = _write_latex(root, language, folder)
    _run_latex(sources)
    complaints = find_print_faults((sources / f"{NAME}.log").read_text("utf-8", "replace"))
    if complaints:
        shown = "\n".join(complaints)
        raise UsageError(f"the printed book ({language.name}) has faults:\n{shown}\nSee {sources}")
    return (sources / f"{NAME}.pdf").rename(folder / pdf_name(language))


def _write_latex(root: Path, language: Language, folder: Path) -> Path:
    builder = ["--builder", "custom", "--custom-builder", "latex"]
    status, output = run_jupyter_book(root, language, folder, *builder)
    log = write_whole(folder / "latex.log", output)
    if status != 0:
        lines = [line for line in output.splitlines() if "WARNING" in line or "ERROR" in line]
        shown = "\n".join(lines or output.splitlines()[-20:])
        raise UsageError(f"the book could not be written as LaTeX:\n{shown}\nSee {log}")
    return folder / "_build" / "latex"


def _run_latex(sources: Path) -> None:
    # Warnings of LaTeX end with the status of an error under -silent; the PDF decides.
    options = ["-xelatex", "-f", "-interaction=nonstopmode", "-silent"]
    _status, output = run(["latexmk", *options, f"{NAME}.tex"], sources)
    if not (sources / f"{NAME}.pdf").is_file():
        log = sources / f"{NAME}.log"
        errors = re.findall(r"^! .*$", log.read_text("utf-8", "replace"), re.MULTILINE)
        shown = "\n".join(errors[:10]) or output[-2000:]
        raise UsageError(f"XeLaTeX failed:\n{shown}\nSee {log}")


def find_print_faults(log: str) -> list[str]:
    r"""Return what XeLaTeX says of all that stands out, letters that no font has, and errors.

    Example:
        >>> find_print_faults("Overfull \\hbox (3.2pt too wide) in paragraph at lines 1--2\n")
        []
        >>> find_print_faults("Overfull \\hbox (30.0pt too wide) in paragraph at lines 1--2\n")
        ['Overfull \\hbox (30.0pt too wide) in paragraph at lines 1--2']
    """
    limits = {"wide": TOO_WIDE, "high": TOO_HIGH}
    out = [found[0] for found in OVERFULL.finditer(log) if float(found[1]) > limits[found[2]]]
    return out + MISSING.findall(log) + WRONG.findall(log)
