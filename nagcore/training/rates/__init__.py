"""The step size of a run: schedules, a setter that can be told otherwise, and the threshold K."""

from nagcore.training.rates.instructions import RateChange
from nagcore.training.rates.limiter import GradientRangeLimiter
from nagcore.training.rates.schedule import Schedule
from nagcore.training.rates.schedule_text import parse_limiter, parse_schedule
from nagcore.training.rates.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    OneCycle,
    Piecewise,
    StepDecay,
)
from nagcore.training.rates.setter import RateSetter
from nagcore.training.rates.torch_schedule import TorchSchedule

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "GradientRangeLimiter",
    "InverseSquareRoot",
    "Linear",
    "OneCycle",
    "Piecewise",
    "RateChange",
    "RateSetter",
    "Schedule",
    "StepDecay",
    "TorchSchedule",
    "parse_limiter",
    "parse_schedule",
]
