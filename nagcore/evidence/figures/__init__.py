"""Every figure of the book is one call of a function in this package."""

from nagcore.evidence.figures.certificates import draw_worst_cases, draw_worst_functions
from nagcore.evidence.figures.cycle import draw_basin, draw_cycle
from nagcore.evidence.figures.flow import draw_flow_gaps, draw_flow_paths
from nagcore.evidence.figures.images import draw_confusion, draw_samples
from nagcore.evidence.figures.learning import draw_accuracies, draw_learning_curves, draw_tuning
from nagcore.evidence.figures.loop_speed import draw_loop_speed
from nagcore.evidence.figures.optimizer_speed import draw_optimizer_speed
from nagcore.evidence.figures.paths import draw_one_step, draw_paths
from nagcore.evidence.figures.potential import draw_potential
from nagcore.evidence.figures.proximal import draw_lasso
from nagcore.evidence.figures.rates import (
    draw_gaps,
    draw_gaps_by_condition_number,
    draw_steps_against_condition_number,
    draw_worst_case,
)
from nagcore.evidence.figures.rates_of_runs import (
    draw_gradient_range,
    draw_rate,
    draw_rate_limiter,
)
from nagcore.evidence.figures.restart import (
    draw_restarts,
    draw_step_sizes,
    draw_steps_by_scheme,
)
from nagcore.evidence.figures.schedules import draw_drift
from nagcore.evidence.figures.spectrum import draw_damping, draw_rate_plane, draw_transient
from nagcore.evidence.figures.speed import (
    draw_gradient_speed,
    draw_optimal_on_worst,
    draw_races,
    draw_times,
)

__all__ = [
    "draw_accuracies",
    "draw_basin",
    "draw_confusion",
    "draw_cycle",
    "draw_damping",
    "draw_drift",
    "draw_flow_gaps",
    "draw_flow_paths",
    "draw_gaps",
    "draw_gaps_by_condition_number",
    "draw_gradient_range",
    "draw_gradient_speed",
    "draw_lasso",
    "draw_learning_curves",
    "draw_loop_speed",
    "draw_one_step",
    "draw_optimal_on_worst",
    "draw_optimizer_speed",
    "draw_paths",
    "draw_potential",
    "draw_races",
    "draw_rate",
    "draw_rate_limiter",
    "draw_rate_plane",
    "draw_restarts",
    "draw_samples",
    "draw_step_sizes",
    "draw_steps_against_condition_number",
    "draw_steps_by_scheme",
    "draw_times",
    "draw_transient",
    "draw_tuning",
    "draw_worst_case",
    "draw_worst_cases",
    "draw_worst_functions",
]
