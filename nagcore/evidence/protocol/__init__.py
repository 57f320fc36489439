"""One protocol for every comparison: tuning, targets, profiles, intervals and tests.

Pure functions over rows, on NumPy and pandas alone. Tuning is judged on validation data; the best
setting of every method is run again on fresh seeds; the test set is read once.
"""

from nagcore.evidence.protocol.bootstrap import Interval, bootstrap_interval
from nagcore.evidence.protocol.budget import Budget, describe_protocol
from nagcore.evidence.protocol.pairs import PairedTest, holm, paired_test
from nagcore.evidence.protocol.profiles import Profile, performance_profile
from nagcore.evidence.protocol.targets import (
    median_of_studies,
    time_to_target,
    times_by_method,
)
from nagcore.evidence.protocol.trials import expected_best
from nagcore.evidence.protocol.tuning import (
    Best,
    best_settings,
    lr_sensitivity,
    tuning_table,
)

__all__ = [
    "Best",
    "Budget",
    "Interval",
    "PairedTest",
    "Profile",
    "best_settings",
    "bootstrap_interval",
    "describe_protocol",
    "expected_best",
    "holm",
    "lr_sensitivity",
    "median_of_studies",
    "paired_test",
    "performance_profile",
    "time_to_target",
    "times_by_method",
    "tuning_table",
]
