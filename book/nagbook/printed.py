"""What a printed page needs otherwise than a page of the site."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import number_reference, toctree
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_proof.nodes import NODE_TYPES, proof_node
from sphinx_proof.nodes import _ as say_proof

from nagbook.numbering import number_of
from nagbook.tabled import SetTables, prefer_tables
from nagbook.words import say
from nagcore.book.languages import CHINESE, find_locale

REFERENCE = "book/api"
BIBLIOGRAPHY = "book/bibliography"
MOVING = "fig-play-"  # how the names of figures begin that a reader of the site can move
CODE_STYLE = "a11y-high-contrast-light"  # comments of the usual style are too pale for paper
# The faces of a Chinese page, which Sphinx leaves to xeCJK's defaults, and the words of the class.
CHINESE_PREAMBLE = r"""
\setCJKmainfont{Noto Serif CJK SC}
\setCJKsansfont{Noto Sans CJK SC}
\setCJKmonofont{Noto Sans Mono CJK SC}
\xeCJKDeclareCharClass{Default}{"2019}% an apostrophe, never a Chinese mark of its own width
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
\usepackage{booktabs}
\newcommand{\tablesize}{\small}
\AtBeginEnvironment{tabulary}{\tablesize}
\AtBeginEnvironment{tabular}{\tablesize}
\makeatletter
\AtBeginEnvironment{longtable}{\tablesize\appto\@arrayparboxrestore{\rightskip\z@\@plus4em}}
\makeatother
\newcolumntype{T}{L}% no gaps between the words of a narrow column
\AtBeginDocument{\setlength{\tymin}{55pt}}% columns that are no wider are not folded
\usepackage{newunicodechar}
\AtBeginDocument{% after unicode-math, which would take them for mathematics
  \newunicodechar{⟨}{\ensuremath{\langle}}%
  \newunicodechar{⟩}{\ensuremath{\rangle}}%
  \newunicodechar{ₖ}{\textsubscript{k}}%
}
\renewcommand{\sphinxtablecapwidth}{\linewidth}% of captions, those of code among them
\renewcommand{\sphinxtablecontinued}[1]{}% the head stands there again, and no table has a number
% No title, box or listing begins at the foot of a page. titlesec's own way to that gives a page the
% height that the one before it had, if the page turns meanwhile, and text then runs over the foot;
% and needspace, without the capital, leaves half a page empty before a table that does not fit.
% Before a box it is the one that keeps the name with its text.
\usepackage{needspace}
\renewcommand{\bottomtitlespace}{-1pt}
\makeatletter
\newcommand{\keepspace}[1]{\par\ifinner\else\if@nobreak\else\Needspace{#1\baselineskip}\fi\fi}
\makeatother
\preto\section{\keepspace{9}}
\preto\subsection{\keepspace{9}}
\preto\subsubsection{\keepspace{9}}
\BeforeBeginEnvironment{sphinxadmonition}{\needspace{7\baselineskip}}
\BeforeBeginEnvironment{sphinxVerbatim}{\keepspace{5}}
% No page for a single figure.
\renewcommand{\topfraction}{.9}
\renewcommand{\bottomfraction}{.8}
\renewcommand{\textfraction}{.05}
\renewcommand{\floatpagefraction}{.85}
% The list of works stands under the heading of its page, and no label of a work is cited.
\makeatletter
\renewenvironment{sphinxthebibliography}[1]{%
  \RenewDocumentCommand{\chapter}{s o m}{}%
  \def\@biblabel##1{}%
  \def\@openbib@code{\labelsep\z@\leftmargin1.5em\itemindent-1.5em}%
  \begin{thebibliography}{}%
}{\end{thebibliography}}
\makeatother
"""


def setup(app: Sphinx) -> None:
    """Connect what print needs to its events."""
    app.connect("config-inited", choose_fonts)
    app.connect("builder-inited", choose_code_style)
    app.connect("builder-inited", number_within_chapters, priority=900)
    app.connect("env-check-consistency", write_within_chapters)
    # After everything else that changes pages, the tables of contents among it.
    app.connect("doctree-read", adapt, priority=950)
    app.add_post_transform(SetTables)
    app.add_post_transform(PointToExercises)


def choose_fonts(_app: Sphinx, config: Config) -> None:
    """Give XeLaTeX what the language of the edition needs."""
    words = CHINESE_PREAMBLE if find_locale(config.language) == CHINESE else ""
    config.latex_elements["preamble"] = config.latex_elements.get("preamble", "") + PREAMBLE + words


def choose_code_style(app: Sphinx) -> None:
    """Print code in colours that are dark enough."""
    if app.builder.format == "latex":
        app.config.pygments_style = CODE_STYLE


def adapt(app: Sphinx, doctree: nodes.document) -> None:
    """Change a page that goes to the printer."""
    if app.builder.format != "latex":
        return
    prefer_tables(doctree)
    _leave_out_files(doctree)
    _leave_out_reference(doctree)
    _leave_out_works_of_code(app.env.docname, doctree)
    _say_it_moves(app, doctree)
    _unwrap_proofs(doctree)
    _name_theorems(doctree)
    _repeat_name(app, doctree)
    doctree.insert(0, _number(app.env.docname))
    if app.env.docname == app.config.root_doc:
        # It has no chapter, and the foot of its pages would go on with the title of the contents.
        doctree.insert(1, nodes.raw("", "\\markboth{}{}\n", format="latex"))


def _leave_out_files(doctree: nodes.document) -> None:
    """Drop the lines that offer files, and how to cite a page of the site: paper has neither."""
    for line in list(doctree.findall(nodes.legend)):
        if "figure-files" in line[0].get("classes", ()):  # type: ignore[union-attr]
            line.parent.remove(line)
    for box in list(doctree.findall(nodes.admonition)):
        if "chapter-cite" in box["classes"]:
            box.parent.remove(box)


def _leave_out_reference(doctree: nodes.document) -> None:
    """Drop the reference of the package: half of all pages, made for searching and clicking."""
    for tree in doctree.findall(toctree):
        tree["entries"] = [entry for entry in tree["entries"] if entry[1] != REFERENCE]
        tree["includefiles"] = [name for name in tree["includefiles"] if name != REFERENCE]


def _leave_out_works_of_code(page: str, doctree: nodes.document) -> None:
    """List the works that chapters cite alone, since the reference of the package is left out."""
    if page != BIBLIOGRAPHY:
        return
    parts = [part for part in doctree[0].children if isinstance(part, nodes.section)]
    for part in parts[1:]:
        doctree[0].remove(part)  # type: ignore[attr-defined]
    for works in parts[:1]:
        works.replace_self([part for part in works.children if not isinstance(part, nodes.title)])


def _say_it_moves(app: Sphinx, doctree: nodes.document) -> None:
    """Say under the picture of a figure to play with where the figure itself is."""
    for figure in doctree.findall(nodes.figure):
        name = next((name for name in figure["ids"] if name.startswith(MOVING)), None)
        caption = next(figure.findall(nodes.caption), None)
        if name is None or caption is None:
            continue
        before, after = say(app.config.language, "moves").split("{}")
        address = f"{app.config.html_baseurl}{app.env.docname}.html"
        link = nodes.reference("", say(app.config.language, "site"), refuri=f"{address}#{name}")
        caption += [nodes.Text(before), link, nodes.Text(after)]


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


class PointToExercises(SphinxPostTransform):
    """Let references reach the exercises of other chapters.

    sphinx-exercise prints its own label, and has references of the same page alone use it.
    """

    default_priority = 21  # references are resolved at 10, and those to exercises changed at 22
    formats = ("latex",)

    def run(self, **_kwargs: object) -> None:
        """Name the exercise itself where a reference names page and exercise."""
        exercises = getattr(self.env, "sphinx_exercise_registry", {})
        for node in self.document.findall(number_reference):
            label = node.get("refuri", "").rpartition("#")[2]
            if label in exercises:
                node["refid"] = label


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
