"""Every experiment of the report, by name."""

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments import (
    baselines_1000,
    cnn_1000,
    cnn_tuning,
    drift_under_schedule,
    rates_on_quadratics,
)

EXPERIMENTS: dict[str, Experiment] = {
    experiment.declaration.name: experiment
    for experiment in (
        rates_on_quadratics.EXPERIMENT,
        drift_under_schedule.EXPERIMENT,
        cnn_tuning.EXPERIMENT,
        cnn_1000.EXPERIMENT,
        baselines_1000.EXPERIMENT,
    )
}
