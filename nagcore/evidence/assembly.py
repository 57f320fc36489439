"""Put what was measured together into a record."""

from __future__ import annotations

from nagcore.errors import UsageError
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.partial import Failure, Measurement, Outcome
from nagcore.evidence.provenance import Provenance, Source, utc_now, versions
from nagcore.evidence.record import Failed, Record


def assemble(
    experiment: Experiment,
    source: Source,
    outcomes: list[Outcome],
    *,
    fresh: bool = False,
) -> Record:
    """Return the record of settings that were measured or failed.

    Args:
        experiment: to which they belong.
        source: the code that they were measured with.
        outcomes: of all settings, in any order.
        fresh: measured in this process, to be shown only.

    Raises:
        UsageError: every setting failed.
    """
    declaration = experiment.declaration
    outcomes = sorted(outcomes, key=lambda outcome: outcome.index)
    finished = [outcome for outcome in outcomes if isinstance(outcome, Measurement)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if not finished:
        raise all_failed(declaration.name, failed)
    loaded = versions()
    for measurement in finished:
        loaded.update(measurement.versions)
    provenance = Provenance(
        **source._asdict(),
        time=utc_now(),
        versions=loaded,
        device=" and ".join(dict.fromkeys(measurement.device for measurement in finished)),
        threads=max(measurement.threads for measurement in finished),
        seconds=round(sum(measurement.seconds for measurement in finished), 3),
    )
    axes = [
        {axis: setting[axis] for axis in declaration.axes} for setting in declaration.settings()
    ]
    rows = tuple(axes[done.index] | dict(done.columns) for done in finished)
    lost = tuple(Failed(axes[failure.index], failure.error) for failure in failed)
    return Record(declaration, provenance, rows, fresh=fresh, failed=lost)


def all_failed(name: str, failed: list[Failure]) -> UsageError:
    """Return the error for a recording that has nothing to record."""
    return UsageError(
        f"all {len(failed)} settings of {name} failed, the first with {failed[0].error}; expected "
        "some that can be measured: mend what is wrong, and run again, with --retry-failed if it "
        "was not the code"
    )
