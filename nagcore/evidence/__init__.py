"""Experiment, record, figure: the only source of a number in the report.

A module that defines an experiment imports from `nagcore.evidence.declaration` and
`nagcore.evidence.experiment`, not from here: what it imports decides when its records count as
made by earlier code.
"""

from nagcore.evidence.codehash import code_files, code_hash
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.provenance import Provenance
from nagcore.evidence.record import Failed, Record
from nagcore.evidence.recording import UnfinishedError, load_or_run, record_experiment
from nagcore.evidence.statistics import Summary, agrees, summarize
from nagcore.evidence.store import (
    Status,
    find_experiment,
    load_record,
    record_status,
    select,
)
from nagcore.evidence.sweep import Sweep, Together

__all__ = [
    "Declaration",
    "Experiment",
    "Failed",
    "Provenance",
    "Record",
    "Status",
    "Summary",
    "Sweep",
    "Together",
    "UnfinishedError",
    "agrees",
    "code_files",
    "code_hash",
    "find_experiment",
    "load_or_run",
    "load_record",
    "record_experiment",
    "record_status",
    "select",
    "summarize",
]
