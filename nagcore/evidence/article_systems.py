"""The systems that the source article names, and where this book has each."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class System(NamedTuple):
    """Something that the article names.

    Attributes:
        key: S1, S2, …
        named: what the article says, in the words of this book.
        here: what the book has.
        code: where it is, as full names; the first is what a user would call.
        chapters: labels.
    """

    key: str
    named: str
    here: str
    code: tuple[str, ...]
    chapters: tuple[str, ...]


SYSTEMS: tuple[System, ...] = (
    System(
        "S1", "a “Nesterov iterator” as the core module",
        "the method in all its standard forms, and an optimizer for torch",
        ("nagcore.optim.NAG", "nagcore.core.Nesterov", "nagcore.core.FORMS"),
        ("ch:nesterov",),
    ),
    System(
        "S2", "a threshold K on the gradient that limits the change of the learning rate",
        "the rule as a definition, and what it does",
        ("nagcore.training.rates.GradientRangeLimiter",), ("ch:training",),
    ),
    System(
        "S3", "a “learning-rate setter” that adds, lowers and modifies the rate",
        "one object for schedule, warm-up, decay, plateau and changes by hand",
        ("nagcore.training.rates.RateSetter",), ("ch:training",),
    ),
    System(
        "S4", "L-BFGS", "the rule, and torch's optimizer with a strong Wolfe line search",
        ("nagcore.core.LBFGS", "nagcore.optim.make_optimizer"), ("ch:optimizers",),
    ),
    System(
        "S5", "Adam", "Adam and AdamW, and Nesterov's form of both",
        ("nagcore.core.Adam", "nagcore.optim.NAdam", "nagcore.optim.NAdamW"),
        ("ch:optimizers",),
    ),
    System(
        "S6", "inputs, parameters and outputs that are defined first",
        "a configuration that is checked when it is made",
        ("nagcore.training.config.TrainingConfig",), ("ch:training",),
    ),
    System(
        "S7", "initial weights and biases", "the standard schemes by name, from a seed",
        ("nagcore.training.initialisation.initialise",), ("ch:training",),
    ),
    System(
        "S8", "mean squared error", "on one-hot targets; beside it cross-entropy",
        ("nagcore.training.losses.MSEOneHot", "nagcore.training.losses.CrossEntropy"),
        ("ch:training", "ch:cnn"),
    ),
    System(
        "S9", "a loop until a preset condition holds",
        "a training loop, and conditions that can be combined",
        ("nagcore.training.fit.fit", "nagcore.training.stopping.Target"), ("ch:training",),
    ),
    System(
        "S10", "a CNN trained on 1,000 samples", "trained and judged on 1,000 images, and on all",
        ("nagcore.training.models.RepairedCNN", "nagcore.training.data.load_fashion_mnist"),
        ("ch:cnn",),
    ),
    System(
        "S11", "a listing in PyTorch", "its defects one by one, each with the error",
        ("nagcore.evidence.showing.shows_error",), ("ch:cnn",),
    ),
    System(
        "S12", "statements about the methods", "this chapter",
        ("nagcore.evidence.article_claims.Audit",), ("ch:article",),
    ),
    System(
        "S13", "TensorFlow and PyTorch",
        "one path from PyTorch, from Keras on TensorFlow and from Optax",
        ("nagcore.evidence.frameworks_table.tabulate_same_path",), ("ch:optimizers",),
    ),
    System(
        "S14", "pre-processing and loading of data",
        "loading, normalising, splitting without a leak, augmenting",
        ("nagcore.training.data.split", "nagcore.training.augment.Augmented"),
        ("ch:training", "ch:data"),
    ),
    System(
        "S15", "data too large to store and to process",
        "a stream of shards that can be shared and taken up again",
        ("nagcore.training.stream.ShardStream", "nagcore.training.stream.write_shards"),
        ("ch:data",),
    ),
    System(
        "S16", "“optimisation and improvement”, where the text breaks off",
        "performance, scaling and safety of checkpoints",
        ("nagcore.training.switches.Switches", "nagcore.training.checkpoints.Checkpoints"),
        ("ch:training", "ch:data", "ch:limits"),
    ),
    System(
        "S17", "images, language and speech", "experiments in each of the three fields",
        ("nagcore.training.models.make_cnn",), ("ch:cnn", "ch:modalities"),
    ),
)  # fmt: skip


def find_code(name: str) -> Any:
    """Return what a full name stands for.

    Args:
        name: module and attribute with a dot between.

    Example:
        >>> find_code("nagcore.core.Nesterov").__name__
        'Nesterov'
    """
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def tabulate_systems() -> str:
    """Return one line for each system, as a table in MyST Markdown.

    Example:
        >>> tabulate_systems().count("S1 ")
        1
    """
    lines = ["| | the article names | the book has | code | chapter |", "|---|---|---|---|---|"]
    for system in SYSTEMS:
        code = ", ".join(f"`{name}`" for name in system.code)
        chapters = [f"{{ref}}`{label}`" for label in system.chapters]
        lines.append(
            f"| {system.key} | {system.named} | {system.here} | {code} | {', '.join(chapters)} |"
        )
    return "\n".join(lines)
