"""Torch optimizers held equal to the rules of `nagcore.core`."""

from nagcore.optim.adan import Adan
from nagcore.optim.execution import EXECUTIONS
from nagcore.optim.muon import Muon
from nagcore.optim.nadam import NAdam, NAdamW
from nagcore.optim.nag import NAG
from nagcore.optim.safetensors_state import flatten_state, unflatten_state
from nagcore.optim.schedule_free import ScheduleFree, ScheduleFreeAdamW
from nagcore.optim.step_size_search import StepSizeSearch
from nagcore.optim.table import OPTIMIZERS, OptimizerEntry, find_optimizer, make_optimizer

__all__ = [
    "EXECUTIONS",
    "NAG",
    "OPTIMIZERS",
    "Adan",
    "Muon",
    "NAdam",
    "NAdamW",
    "OptimizerEntry",
    "ScheduleFree",
    "ScheduleFreeAdamW",
    "StepSizeSearch",
    "find_optimizer",
    "flatten_state",
    "make_optimizer",
    "unflatten_state",
]
