"""What each library's optimizers with a Nesterov in them really compute."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class NamedUpdate(NamedTuple):
    """An optimizer as a library ships it.

    Attributes:
        library: the package, with the version that was looked at.
        name: how a user calls it.
        method: what it is.
        step: one step; g is the gradient at the parameters, y where they are query points.
        beware: what a user of the name would not expect.
        known: "run" where a test of this project runs it beside the rule, else "read".
        source: a key of references.bib, or an address.
    """

    library: str
    name: str
    method: str
    step: str
    beware: str
    known: str
    source: str


_TORCH, _KERAS, _OPTAX = "PyTorch 2.15.0", "Keras 3.15.1", "Optax 0.2.8"
_HEAVYBALL, _COLLECTION, _TIMM = "HeavyBall 3.2.1", "pytorch_optimizer 4.1.0", "timm, 2026"
_HEAVYBALL_AT = "https://github.com/HomebrewML/HeavyBall"
_COLLECTION_AT = "https://github.com/kozistr/pytorch_optimizer"
_TIMM_AT = "https://github.com/huggingface/pytorch-image-models"
_SUM = "b ← βb + g, y ← y − α(g + βb)"
_AVERAGED = "m ← βm + (1 − β)g, x ← x − αr O((1 − β)g + βm)"

NAMED_UPDATES: tuple[NamedUpdate, ...] = (
    NamedUpdate(
        _TORCH, "SGD(nesterov=True)", "Nesterov", _SUM,
        "exact only while α and β stay; with foreach it writes over .grad", "run", "paszke2019",
    ),
    NamedUpdate(
        _TORCH, "SGD(momentum=β)", "heavy ball", "b ← βb + g, x ← x − αb",
        "Polyak's only while α stays", "run", "paszke2019",
    ),
    NamedUpdate(
        _TORCH, "NAdam", "NAdam, torch's convention", "μₖ = β₁(1 − ½ · 0.96^(k/250))",
        "the average m has the constant β₁; the paper's has μₖ", "run", "paszke2019",
    ),
    NamedUpdate(
        _TORCH, "Muon", "Muon, averaged", _AVERAGED,
        "its documentation prints a sum, b ← βb + g; weight decay is 0.1 unless told otherwise",
        "run", "jordan2024",
    ),
    NamedUpdate(
        _KERAS, "SGD(nesterov=True)", "Nesterov", "v ← βv − αg, y ← y + βv − αg",
        "exact while β stays; α may change", "run", "chollet2015",
    ),
    NamedUpdate(
        _KERAS, "Nadam", "NAdam, Keras's convention", "μₖ = β₁(1 − ½ · 0.96^k)",
        "the schedule ends 250 times sooner than in the paper and in torch; ε = 1e-7", "run",
        "chollet2015",
    ),
    NamedUpdate(
        _OPTAX, "sgd(nesterov=True)", "Nesterov", _SUM, "as torch's", "run", "deepmind2020",
    ),
    NamedUpdate(
        _OPTAX, "nadam", "NAdam, constant", "μₖ = β₁", "no schedule", "run", "deepmind2020",
    ),
    NamedUpdate(
        _OPTAX, "contrib.muon", "Muon, averaged", _AVERAGED,
        "g and m are first divided by NAdam's corrections for their start, which turns the first "
        "updates; what is no matrix is moved by NAdamW",
        "read", "deepmind2020",
    ),
    NamedUpdate(
        _TIMM, "“sgd”", "Nesterov", _SUM, "the name means torch's SGD(nesterov=True)", "read",
        _TIMM_AT,
    ),
    NamedUpdate(
        _TIMM, "“momentum”", "heavy ball", "b ← βb + g, x ← x − αb", "as torch's SGD(momentum=β)",
        "read", _TIMM_AT,
    ),
    NamedUpdate(
        _TIMM, "NAdamW", "NAdam, TensorFlow 1's convention",
        "μₖ = β₁; (β₁m + (1 − β₁)g)/(1 − β₁^k)",
        "one correction for both parts; a comment in the code says that torch's differs", "read",
        _TIMM_AT,
    ),
    NamedUpdate(
        _HEAVYBALL, "SGD(beta=β)", "heavy ball", "b ← βb + g, x ← x − αb",
        "has no Nesterov switch; .grad is None after the step", "run", _HEAVYBALL_AT,
    ),
    NamedUpdate(
        _HEAVYBALL, "NAdam", "NAdam, torch's convention", "μₖ = β₁(1 − ½ · 0.96^(k/250))",
        "", "run", _HEAVYBALL_AT,
    ),
    NamedUpdate(
        _HEAVYBALL, "Muon", "Muon, a third convention",
        "m ← βm + (1 − β)g, x ← x − αr O(g + m)",
        "the fresh gradient counts 1/β times as much as in a sum; "
        "heavyball_momentum=True gives the sum",
        "read", _HEAVYBALL_AT,
    ),
    NamedUpdate(
        _COLLECTION, "SGDW(nesterov=True)", "Nesterov", _SUM,
        "as torch's; with foreach=False it writes over .grad", "run", _COLLECTION_AT,
    ),
    NamedUpdate(
        _COLLECTION, "Muon", "Muon, averaged", _AVERAGED, "writes over .grad", "run",
        _COLLECTION_AT,
    ),
    NamedUpdate(
        "schedulefree 1.4.1", "SGDScheduleFree", "schedule-free",
        "z ← z − αg, x ← (1 − c)x + cz, y = (1 − β)z + βx",
        "x is not kept but computed from y and z, so β is positive and must stay; "
        "train() and eval() switch between y and x",
        "run", "defazio2024",
    ),
    NamedUpdate(
        "nagcore", "NAG", "Nesterov", "d ← βₖ d − αg, y ← y − αg + βₖ₊₁ d",
        "exact under any αₖ and βₖ; the parameters are y, and at_iterate() has x", "run",
        "bengio2013",
    ),
)  # fmt: skip


def tabulate_names() -> pd.DataFrame:
    """Return one line for each library and name: method, step, what to beware of, how known.

    Example:
        >>> table = tabulate_names()
        >>> table.loc[("Optax 0.2.8", "nadam"), "beware"]
        'no schedule'
    """
    table = pd.DataFrame(
        [(row.method, _unbroken(row.step), row.beware, row.known) for row in NAMED_UPDATES],
        columns=pd.Index(["it is", "one step", "beware", "known by"]),
    )
    pairs = [(row.library, row.name) for row in NAMED_UPDATES]
    table.index = pd.MultiIndex.from_tuples(pairs, names=["library", "name"])
    return table


def _unbroken(step: str) -> str:
    """Return a step that breaks between equations only."""
    return ", ".join(equation.replace(" ", "\u00a0") for equation in step.split(", "))
