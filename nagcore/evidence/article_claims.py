"""What the source article says of the methods, and how a verdict on it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nagcore.errors import UsageError
from nagcore.names import closest_first

Verdict = Literal["true", "false", "true with conditions", "not testable as stated"]


class Claim(NamedTuple):
    """A statement of the article in the words of this report.

    Attributes:
        says: what is claimed.
        section: the heading under which chapter 06 decides it.
        chapters: labels of chapters that have more on it.
    """

    says: str
    section: str
    chapters: tuple[str, ...] = ()


_ORIGIN, _COSTS, _RATE = "Where the method comes from", "What a step costs", "What is adjusted"
_THRESHOLD, _OTHERS, _DATA = "The threshold K", "L-BFGS and Adam", "Large data"
_TOOLS = "The tools"

CLAIMS: Mapping[str, Claim] = {
    "origin": Claim(
        "Nesterov's method is based on statistical learning and was proposed for large data.",
        _ORIGIN, ("ch:nesterov",),
    ),
    "step": Claim(
        "It reduces the computation of a step.", _COSTS, ("ch:nesterov", "ch:optimizers"),
    ),
    "speed": Claim(
        "It makes training faster.", _COSTS, ("ch:nesterov", "ch:certificates", "ch:cnn"),
    ),
    "rate": Claim("It works by adjusting the learning rate.", _RATE, ("ch:nesterov",)),
    "change": Claim(
        "The learning rate controls how fast the gradient changes.", _RATE,
        ("ch:gradient-descent",),
    ),
    "parameter": Claim(
        "The method has a parameter K, and limits the change of the rate while the gradient lies "
        "in [−K, K].",
        _THRESHOLD, ("ch:training",),
    ),
    "small": Claim("With a small K training is faster.", _THRESHOLD, ("ch:training",)),
    "large": Claim(
        "With a large K convergence is controlled better.", _THRESHOLD, ("ch:training",)
    ),
    "lbfgs-rate": Claim(
        "L-BFGS tunes the learning rate of Nesterov's method.", _OTHERS, ("ch:optimizers",)
    ),
    "adam-rate": Claim(
        "Adam tunes the learning rate of Nesterov's method.", _OTHERS, ("ch:optimizers",)
    ),
    "lbfgs-likelihood": Claim(
        "L-BFGS is based on maximum likelihood.", _OTHERS, ("ch:optimizers",)
    ),
    "lbfgs-estimate": Claim(
        "L-BFGS forms the maximum likelihood estimate between the objective and its gradient.",
        _OTHERS,
    ),
    "adam-average": Claim(
        "Adam is gradient descent with averaged gradients.", _OTHERS, ("ch:optimizers",)
    ),
    "plain": Claim(
        "Plain gradient descent cannot meet the needs of large data.", _DATA, ("ch:data",)
    ),
    "larger": Claim(
        "Nesterov's method can process larger data sets.", _DATA, ("ch:data",)
    ),
    "frameworks": Claim(
        "TensorFlow and PyTorch have to be installed.", _TOOLS, ("ch:optimizers",)
    ),
    "functional-loss": Claim("torch.nn.functional supplies the loss.", _TOOLS, ("ch:cnn",)),
    "functional-optimizer": Claim(
        "torch.nn.functional supplies the optimizer.", _TOOLS, ("ch:cnn",)
    ),
    "torch-adam": Claim("torch.optim supplies Adam.", _TOOLS, ("ch:optimizers",)),
    "listing": Claim(
        "The listing trains by Nesterov's method.", _TOOLS, ("ch:cnn", "ch:optimizers")
    ),
}  # fmt: skip
"""Every statement that chapter 06 decides, in its order."""


@dataclass(frozen=True)
class Finding:
    """A claim with what was observed, and the verdict that follows.

    Attributes:
        claim: the statement.
        observations: each in a sentence, with whether it holds. A sentence says what would be
            seen if the claim were true.
    """

    claim: Claim
    observations: Mapping[str, bool]

    @property
    def verdict(self) -> Verdict:
        """Return "true" where all observations hold, "false" where none does.

        Where some hold, the claim is true with conditions; where there is nothing to observe, it
        cannot be tested as stated.
        """
        holds = set(self.observations.values())
        if not holds:
            return "not testable as stated"
        if len(holds) == 2:
            return "true with conditions"
        return "true" if holds == {True} else "false"

    def _repr_markdown_(self) -> str:
        """Return the finding as a list, which plain Markdown has and tables it has not."""
        head = f"“{self.claim.says}” **{self.verdict.capitalize()}**."
        if not self.observations:
            return f"{head} Nothing follows from it that could be observed."
        lines = [
            f"- {sentence}: *{'yes' if holds else 'no'}*"
            for sentence, holds in self.observations.items()
        ]
        return "\n".join([f"{head} If it were so, one would see that", "", *lines])


@dataclass
class Audit:
    """The findings so far, one for each claim that was judged.

    Example:
        >>> audit = Audit()
        >>> audit.judge("step", {"a step takes fewer operations": False}).verdict
        'false'
        >>> audit.judge("steps", {})
        Traceback (most recent call last):
        nagcore.errors.UsageError: claim 'steps' is not in the list; known: step, ...
    """

    findings: dict[str, Finding] = field(default_factory=dict)

    def judge(self, key: str, observations: Mapping[str, bool]) -> Finding:
        """Return the verdict on a claim, and keep it.

        Args:
            key: of the claim in `CLAIMS`.
            observations: what would be seen if it were true, each with whether it is.

        Raises:
            UsageError: there is no such claim.
        """
        if key not in CLAIMS:
            raise UsageError(
                f"claim {key!r} is not in the list; known: {closest_first(key, CLAIMS)}"
            )
        plain = {sentence: bool(holds) for sentence, holds in observations.items()}
        self.findings[key] = Finding(CLAIMS[key], plain)
        return self.findings[key]

    def table(self) -> str:
        """Return all claims with verdict and places, as a table in MyST Markdown.

        Raises:
            UsageError: a claim has not been judged.
        """
        missing = [key for key in CLAIMS if key not in self.findings]
        if missing:
            raise UsageError(
                f"not judged yet: {', '.join(missing)}; expected a verdict on every claim"
            )
        lines = ["| the article says | verdict | where |", "|---|---|---|"]
        for key, claim in CLAIMS.items():
            places = [f"[{claim.section}](#{anchor(claim.section)})"]
            places += [f"{{ref}}`{label}`" for label in claim.chapters]
            verdict = self.findings[key].verdict
            lines.append(f"| {claim.says} | **{verdict}** | {', '.join(places)} |")
        return "\n".join(lines)

    def count(self, verdict: Verdict) -> int:
        """Return how many claims have that verdict."""
        return sum(finding.verdict == verdict for finding in self.findings.values())


def anchor(heading: str) -> str:
    """Return the name that a heading has in a link.

    Example:
        >>> anchor("L-BFGS and Adam")
        'l-bfgs-and-adam'
    """
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.strip().replace(" ", "-")
