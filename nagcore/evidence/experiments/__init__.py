"""Every experiment of the report, by name."""

from nagcore.evidence.experiment import Experiment
from nagcore.evidence.experiments import (
    adaptive_restart,
    baselines_1000,
    certificates,
    cnn_1000,
    cnn_tuning,
    drift_under_schedule,
    execution_modes,
    gradient_speed,
    lbfgs_batches,
    optimizer_paths,
    optimizer_speed,
    optimizer_speed_cuda,
    overflow_on_first_step,
    rates_on_quadratics,
    same_path,
    schedules_on_cnn,
    solver_overhead,
    time_to_accuracy,
    worst_cases,
)

EXPERIMENTS: dict[str, Experiment] = {
    experiment.declaration.name: experiment
    for experiment in (
        rates_on_quadratics.EXPERIMENT,
        drift_under_schedule.EXPERIMENT,
        same_path.EXPERIMENT,
        execution_modes.EXPERIMENT,
        optimizer_speed.EXPERIMENT,
        optimizer_speed_cuda.EXPERIMENT,
        optimizer_paths.EXPERIMENT,
        schedules_on_cnn.EXPERIMENT,
        overflow_on_first_step.EXPERIMENT,
        lbfgs_batches.EXPERIMENT,
        certificates.EXPERIMENT,
        worst_cases.EXPERIMENT,
        adaptive_restart.EXPERIMENT,
        solver_overhead.EXPERIMENT,
        gradient_speed.EXPERIMENT,
        time_to_accuracy.EXPERIMENT,
        cnn_tuning.EXPERIMENT,
        cnn_1000.EXPERIMENT,
        baselines_1000.EXPERIMENT,
    )
}
