"""What a printed page needs otherwise than a page of the site."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx_proof.nodes import NODE_TYPES, proof_node
from sphinx_proof.nodes import _ as say_proof

from nagbook.numbering import number_of

REFERENCE = "book/api"
# The faces of a Chinese page, which Sphinx leaves to xeCJK's defaults, and the words of the class.
CHINESE = r"""
\setCJKmainfont{Noto Serif CJK SC}
\setCJKsansfont{Noto Sans CJK SC}
\setCJKmonofont{Noto Sans Mono CJK SC}
\AtBeginDocument{%
  \renewcommand{\contentsname}{目录}%
  \renewcommand{\partname}{}%
  \renewcommand{\thepart}{第 \Roman{part} 部分}%
  \renewcommand{\bibname}{参考文献}%
  \renewcommand{\indexname}{索引}%
}
\makeatletter
\renewcommand{\DOCH}{\raggedleft\CNV 第 \CNoV\thechapter\ \CNV 章\par\nobreak\vskip 40\p@}
\makeatother
"""
# Tables with formulas are wider than text; and letters that the faces of code do not have.
PREAMBLE = r"""
\usepackage{etoolbox}
\AtBeginEnvironment{tabulary}{\small}
\AtBeginEnvironment{tabular}{\small}
\AtBeginEnvironment{longtable}{\small}
\usepackage{newunicodechar}
\AtBeginDocument{% after unicode-math, which would take them for mathematics
  \newunicodechar{⟨}{\ensuremath{\langle}}%
  \newunicodechar{⟩}{\ensuremath{\rangle}}%
  \newunicodechar{ₖ}{\textsubscript{k}}%
}
% No title alone at the foot of a page, and no page for a single figure.
\usepackage{needspace}
\BeforeBeginEnvironment{sphinxadmonition}{\needspace{7\baselineskip}}
\renewcommand{\topfraction}{.9}
\renewcommand{\bottomfraction}{.8}
\renewcommand{\textfraction}{.05}
\renewcommand{\floatpagefraction}{.85}
"""


def choose_fonts(_app: Sphinx, config: Config) -> None:
    """Give XeLaTeX what the language of the edition needs."""
    words = CHINESE if (config.language or "").startswith("zh") else ""
    config.latex_elements["preamble"] = config.latex_elements.get("preamble", "") + PREAMBLE + words


def adapt(app: Sphinx, doctree: nodes.document) -> None:
    """Change a page that goes to the printer."""
    if app.builder.format != "latex":
        return
    _leave_out_files(doctree)
    _leave_out_reference(doctree)
    _unwrap_proofs(doctree)
    _name_theorems(doctree)
    _repeat_name(app, doctree)
    doctree.insert(0, _number(app.env.docname))


def _leave_out_files(doctree: nodes.document) -> None:
    """Drop the lines that offer files: paper has none."""
    for line in list(doctree.findall(nodes.legend)):
        if "figure-files" in line[0].get("classes", ()):  # type: ignore[union-attr]
            line.parent.remove(line)


def _leave_out_reference(doctree: nodes.document) -> None:
    """Drop the reference of the package: half of all pages, made for searching and clicking."""
    for tree in doctree.findall(toctree):
        tree["entries"] = [entry for entry in tree["entries"] if entry[1] != REFERENCE]
        tree["includefiles"] = [name for name in tree["includefiles"] if name != REFERENCE]


def _unwrap_proofs(doctree: nodes.document) -> None:
    """Set a proof as text: as a box of its own it would have an empty bar for a title."""
    for proof in list(doctree.findall(proof_node)):
        # Its text stands in a box of its own inside.
        inside = [child for part in proof.children for child in _contents(part)]
        proof.replace_self(inside)


def _contents(part: nodes.Node) -> list[nodes.Node]:
    boxed = isinstance(part, nodes.section | nodes.admonition)
    return list(part.children) if boxed else [part]


def _name_theorems(doctree: nodes.document) -> None:
    """Say "theorem" in the language of the edition, which sphinx-proof does for HTML alone."""
    for kind in NODE_TYPES.values():
        for node in doctree.findall(kind):
            node["realtype"] = say_proof(node["realtype"].title())


def _repeat_name(app: Sphinx, doctree: nodes.document) -> None:
    """Give a page its title as a name once more.

    By it sphinx-proof finds the page of a theorem, and the name has lost the round apostrophes.
    """
    top = next(doctree.findall(nodes.section), None)
    title = app.env.titles.get(app.env.docname)
    if top is not None and title is not None:
        top["names"].append(title.astext().lower())


def number_within_chapters(app: Sphinx) -> None:
    """Number theorems as on the site; the package for LaTeX would number them within sections."""
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 1


def write_within_chapters(app: Sphinx, _env: BuildEnvironment) -> None:
    """Let figures and equations have the number of their chapter, which LaTeX counts as a second.

    The parts of the book are its first.
    """
    if app.builder.format == "latex":
        app.config.numfig_secnum_depth = 2


def _number(page: str) -> nodes.raw:
    """Give a chapter the number that it has on the site, and other pages none."""
    number = number_of(page)
    depth = "-1" if number is None else "2"
    commands = rf"\setcounter{{secnumdepth}}{{{depth}}}"
    if number is not None:
        commands += rf"\setcounter{{chapter}}{{{number - 1}}}"
    return nodes.raw("", f"\n{commands}\n", format="latex")
