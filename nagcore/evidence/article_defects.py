"""The defects of the source article's listing, and where chapter 07 shows each."""

from __future__ import annotations

from typing import NamedTuple

from nagcore.evidence.article_claims import anchor

CHAPTER = "07-cnn-repaired.ipynb"


class Defect(NamedTuple):
    """What is wrong, and the place where it is shown.

    Attributes:
        what: the defect.
        heading: the section of the chapter.
        words: how the paragraph begins there.
        seen: what happens.
    """

    what: str
    heading: str
    words: str
    seen: str


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "The call that shall load the data is not in torchvision.",
        "Data", "The call that loads the data does not exist.", "AttributeError",
    ),
    Defect(
        "A thousand data sets are spoken of, a thousand samples meant, and no subset is taken.",
        "Data", "A thousand samples are one data set.", "the wrong data",
    ),
    Defect(
        "The data set in the loop and the number of epochs are names that nobody defined.",
        "Data", "Names are used that nobody defined.", "NameError",
    ),
    Defect(
        "The loop goes over a pair of tensors, not over pairs: no mini-batches, no shuffling.",
        "Data", "A pair of tensors is not a sequence of pairs.", "ValueError",
    ),
    Defect(
        "The raw pixels are read, past the transform; the labels have another name.",
        "Data", "The attribute `data` goes round the transform.", "RuntimeError, AttributeError",
    ),
    Defect(
        "The first convolution takes three channels, and the images have one.",
        "Shapes", "The first convolution expects colour.", "RuntimeError",
    ),
    Defect(
        "The images are flattened before they are convolved.",
        "Shapes", "The images are flattened before a convolution.", "RuntimeError",
    ),
    Defect(
        "Each change of shape contradicts the layer before it.",
        "Shapes", "The shapes between the layers contradict each other.",
        "RuntimeError, or rows of nonsense",
    ),
    Defect(
        "The linear layer wants 128 channels where 12 arrive, and two poolings where there is one.",
        "Shapes", "The linear layer expects what no layer delivers.", "RuntimeError",
    ),
    Defect(
        "No layer is followed by an activation.",
        "Mathematics", "There is no nonlinearity.", "an affine map but for the pooling",
    ),
    Defect(
        "Squared error is taken between ten scores and the number of a class.",
        "Mathematics", "Squared error on class numbers minimizes the wrong thing.",
        "RuntimeError, or the wrong minimum",
    ),
    Defect(
        "The optimizer is Adam.", "Mathematics", "The optimizer is Adam.", "another method",
    ),
    Defect(
        "No test, no metric, no modes, no seed, no device, no condition to stop.",
        "Practice", "Nothing is evaluated.", "nothing is known",
    ),
    Defect(
        "The functional module is said to supply loss and optimizer.",
        "Practice", "The functional module supplies losses and no optimizers.", "AttributeError",
    ),
)  # fmt: skip
"""In the order of the list that both chapters follow; the first is number 1."""


def tabulate_defects() -> str:
    """Return one line for each defect with a link to its section, as a table in MyST Markdown.

    Example:
        >>> len(tabulate_defects().splitlines()) - 2
        14
    """
    lines = ["| | what is wrong | what happens | shown in {ref}`ch:cnn` |", "|---|---|---|---|"]
    for number, defect in enumerate(DEFECTS, 1):
        place = f"[{defect.heading}]({CHAPTER}#{anchor(defect.heading)})"
        lines.append(f"| {number} | {defect.what} | {defect.seen} | {place} |")
    return "\n".join(lines)
