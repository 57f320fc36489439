"""Every figure of the book is one call of a function in this package."""

from nagcore.evidence.figures.images import draw_confusion, draw_samples
from nagcore.evidence.figures.learning import draw_accuracies, draw_learning_curves, draw_tuning
from nagcore.evidence.figures.paths import draw_one_step, draw_paths
from nagcore.evidence.figures.rates import (
    draw_gaps,
    draw_gaps_by_condition_number,
    draw_steps_against_condition_number,
    draw_worst_case,
)
from nagcore.evidence.figures.schedules import draw_drift

__all__ = [
    "draw_accuracies",
    "draw_confusion",
    "draw_drift",
    "draw_gaps",
    "draw_gaps_by_condition_number",
    "draw_learning_curves",
    "draw_one_step",
    "draw_paths",
    "draw_samples",
    "draw_steps_against_condition_number",
    "draw_tuning",
    "draw_worst_case",
]
