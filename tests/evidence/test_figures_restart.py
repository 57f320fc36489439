"""The figures and tables of chapter 05 draw and write the numbers that they are given."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from nagcore.core import (
    FISTA,
    AdaptiveNesterov,
    Backtracking,
    FixedRestart,
    GradientRestart,
    Momentum1983,
    Nesterov,
)
from nagcore.evidence.experiments.adaptive_restart import EXPERIMENT as RESTART
from nagcore.evidence.experiments.gradient_speed import DECLARATION as GRADIENTS
from nagcore.evidence.experiments.solver_overhead import DECLARATION as OVERHEAD
from nagcore.evidence.experiments.time_to_accuracy import DECLARATION as TIMES
from nagcore.evidence.figures.proximal import draw_lasso, steps_to_support
from nagcore.evidence.figures.restart import (
    draw_restarts,
    draw_step_sizes,
    draw_steps_by_scheme,
    momentum_used,
)
from nagcore.evidence.figures.schedules import _LOOKS
from nagcore.evidence.figures.speed import (
    RACE_STYLES,
    draw_gradient_speed,
    draw_optimal_on_worst,
    draw_races,
    draw_times,
)
from nagcore.evidence.race import race
from nagcore.evidence.restart_table import (
    slug,
    summarize_restarts,
    tabulate_restart_costs,
    tabulate_restarts,
)
from nagcore.evidence.speed_table import (
    summarize_speed,
    tabulate_gradient_speed,
    tabulate_overhead,
    tabulate_times,
    times_by_solver,
)
from nagcore.theory import Lasso, Quadratic, minimize, random_lasso

from .made_up import record_of

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")

NAN = float("nan")
BOWL = Quadratic((1.0, 100.0), center=(1.0, 1.0))
START = np.zeros(2)


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def y_of(line) -> np.ndarray:
    return np.asarray(line.get_ydata(), dtype=float)


def x_of(line) -> np.ndarray:
    return np.asarray(line.get_xdata(), dtype=float)


def restarted_run(every=7, steps=30):
    return minimize(
        BOWL, Nesterov(), START, restart=FixedRestart(every), max_steps=steps, trace=True
    )


def made_up_restarts(**changes):
    """0 steps for no scheme: 100 (position + 1) + seed, known mu unknown where κ is not named."""
    schemes = RESTART.declaration.axes["scheme"]

    def measure(setting):
        place, seed = schemes.index(setting["scheme"]), setting["seed"]
        if setting["scheme"].startswith("known") and "κ" not in setting["problem"]:
            nothing = dict.fromkeys(("steps", "gradients", "restarts", "mu"), NAN)
            return {**nothing, "status": "mu is not known"}
        if setting["scheme"] == "gradient descent" and "1e6" in setting["problem"]:
            late = seed == 1
            return {
                "steps": NAN if late else 9e4, "gradients": NAN if late else 9e4, "restarts": 0,
                "mu": NAN, "status": "budget" if late else "converged",
            }  # fmt: skip
        return {
            "steps": 100 * (place + 1) + seed, "gradients": 200 * (place + 1), "restarts": place,
            "mu": 5e-4 if setting["scheme"] == "estimated mu" else NAN, "status": "converged",
        }  # fmt: skip

    return record_of(RESTART.declaration.replace(**changes), measure)


def test_restarts_are_marked_where_they_were_and_the_momentum_begins_again():
    run = restarted_run()
    bound = np.geomspace(1e3, 1, 31)
    figure = draw_restarts({"fixed interval": run}, {"fixed interval": Momentum1983()}, bound)
    upper, lower = figure.axes
    curve, marks, drawn_bound = upper.lines
    np.testing.assert_array_equal(y_of(curve), run.gaps)
    assert x_of(marks).tolist() == [7, 14, 21, 28]
    np.testing.assert_array_equal(y_of(marks), run.gaps[[7, 14, 21, 28]])
    np.testing.assert_array_equal(y_of(drawn_bound), bound)
    friction = y_of(lower.lines[0])
    np.testing.assert_allclose(friction[[0, 7, 14]], 1.0)  # β = 0
    np.testing.assert_allclose(friction[9], 1 - Momentum1983()(2))


def test_the_momentum_used_is_the_one_of_the_run():
    run = restarted_run()
    beta, x = momentum_used(run, Momentum1983()), run.iterates
    for k in range(run.steps):
        before = x[k - 1] if k else x[0]
        y = x[k] + beta[k] * (x[k] - before)
        np.testing.assert_allclose(x[k + 1], y - BOWL.grad(y) / BOWL.L, atol=1e-15)


def test_momentum_is_left_out_where_the_gap_is_rounding():
    run = minimize(BOWL, Nesterov(), START, restart=GradientRestart(), max_steps=400, trace=True)
    figure = draw_restarts({"gradient restart": run}, {"gradient restart": Momentum1983()})
    hidden = np.isnan(y_of(figure.axes[0].lines[0]))[1:]
    assert hidden.any()
    np.testing.assert_array_equal(np.isnan(y_of(figure.axes[1].lines[0])), hidden)


def test_step_sizes_are_drawn_in_units_of_one_over_L():
    run = minimize(
        BOWL, AdaptiveNesterov(), START, step_size=Backtracking(first=1.0, grow=1.5),
        max_steps=20, trace=True,
    )  # fmt: skip
    assert run.trace is not None
    upper, lower = draw_step_sizes({"trials": run}, L=BOWL.L).axes
    np.testing.assert_array_equal(y_of(upper.lines[0])[:5], run.gaps[:5])
    np.testing.assert_allclose(y_of(lower.lines[0]), 100 * run.trace.step_sizes)


def test_steps_by_scheme_are_means_and_ranges_and_arrows():
    record = made_up_restarts()
    figure = draw_steps_by_scheme(record)
    schemes = record.declaration.axes["scheme"]
    first, second, third, _ = figure.axes
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == list(schemes)
    marks = {y_of(line)[0]: x_of(line)[0] for line in first.lines if line.get_marker() == "o"}
    assert marks == {place: 100 * (place + 1) + 2.0 for place in range(len(schemes))}
    reach = [x_of(line).tolist() for line in first.lines if line.get_marker() == "None"]
    assert reach[0] == [100, 104]
    arrows = [line for line in second.lines if line.get_marker() == ">"]
    assert [(x_of(arrow)[0], y_of(arrow)[0]) for arrow in arrows] == [(100_000, 0)]
    rows = {y_of(line)[0] for line in third.lines}
    assert schemes.index("known mu") not in rows
    assert schemes.index("gradient") in rows


def test_the_table_of_restarts_writes_mean_and_range():
    table = tabulate_restarts(made_up_restarts())
    assert table.loc["gradient descent", "quadratic, κ = 1e4"] == "102 (100 to 104)"
    assert table.loc["gradient descent", "quadratic, κ = 1e6"] == "> 100,000"
    assert table.loc["known mu", "lasso"] == "–"
    costs = tabulate_restart_costs(made_up_restarts())
    assert costs.loc["gradient", ("lasso", "gradients")] == "1,200"
    assert costs.loc["gradient", ("lasso", "restarts")] == "5.0"
    assert costs.loc["known mu", ("lasso", "gradients")] == "–"


def test_prose_numbers_of_restarts():
    numbers = summarize_restarts(made_up_restarts())
    assert numbers["steps_quadratic-1e4_gradient"] == "602"
    assert numbers["gradients_lasso_gradient-step-sizes-by-trial"] == "1,800"
    assert numbers["steps_quadratic-1e6_gradient-descent"] == "nan"  # one seed did not arrive
    assert numbers["saved_lasso"] == f"{202 / 602:.1f}"
    assert numbers["against_known_quadratic-1e4"] == f"{602 / 302:.2f}"
    assert numbers["estimate_quadratic-1e4"] == "5 to 5"
    assert "estimate_lasso" not in numbers


def test_other_seeds_and_problems_are_no_trouble():
    record = made_up_restarts(problem=("lasso",), seed=(0,))
    assert draw_steps_by_scheme(record).axes[0].lines
    assert list(tabulate_restarts(record).columns) == ["lasso"]
    assert "saved_lasso" in summarize_restarts(record)


def test_the_experiment_counts_the_gradients_of_trials():
    setting = RESTART.declaration.settings()[0] | {"problem": "lasso", "seed": 0}
    by_trial = RESTART.measured(setting | {"scheme": "gradient, step sizes by trial"}, "cpu")
    plain = RESTART.measured(setting | {"scheme": "gradient"}, "cpu")
    assert plain["gradients"] == plain["steps"] > 0
    assert by_trial["gradients"] > by_trial["steps"] > 0
    assert by_trial["status"] == plain["status"] == "converged"
    unknown = RESTART.measured(setting | {"scheme": "known mu"}, "cpu")
    assert np.isnan(unknown["gradients"])
    assert unknown["status"] == "mu is not known"


def test_the_lasso_figure_draws_the_duality_gap_and_the_support():
    problem = random_lasso(30, 40, 3)
    run = minimize(problem, FISTA(problem.prox), np.zeros(40), max_steps=300, trace=True)
    upper, lower = draw_lasso(problem, {"fista": run}).axes
    drawn = y_of(upper.lines[0])
    seen = np.isfinite(drawn)
    exact = np.array([problem.duality_gap(x) for x in run.iterates])
    np.testing.assert_array_equal(drawn[seen], exact[seen])
    assert seen[:100].all()
    counts = y_of(lower.lines[0])
    assert counts[-1] == y_of(lower.lines[1])[0] == np.count_nonzero(problem.x_star)
    first = steps_to_support(problem, run)
    support = problem.x_star != 0
    assert ((run.iterates[first:] != 0) == support).all()
    assert ((run.iterates[first - 1] != 0) != support).any()


def test_a_run_that_does_not_find_the_support_says_so():
    problem = Lasso(np.eye(2), np.array([3.0, 0.5]), weight=0.5)
    run = minimize(problem, FISTA(problem.prox), np.array([1.0, 9.0]), step_size=0.1,
                   max_steps=2, trace=True)  # fmt: skip
    assert steps_to_support(problem, run) == 3


def test_races_are_relative_to_the_first_gap():
    runs = race(BOWL, ["nag", "item", "ogm"], steps=15, x0=START)
    figure = draw_races({"one": runs, "two": runs})
    assert len(figure.axes) == 2
    for axes in figure.axes:
        for line, run in zip(axes.lines, runs.values(), strict=True):
            np.testing.assert_allclose(y_of(line), run.gaps / run.gaps[0])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["Nesterov, constant", "ITEM", "OGM"]


def test_the_worst_function_is_drawn_times_the_square():
    n = np.array([1, 3, 7])
    figure = draw_optimal_on_worst(n, {"ogm": 1.0 / n}, {"ogm": 2.0 / n}, lower=0.1 / n)
    lines = lines_of(figure.axes[0])
    np.testing.assert_allclose(y_of(lines["OGM"]), (n + 1) ** 2 / n)
    np.testing.assert_allclose(y_of(lines["bound of OGM"]), 2 * (n + 1) ** 2 / n)
    np.testing.assert_allclose(y_of(lines["lower bound for all"]), 0.1 * (n + 1) ** 2 / n)


def gradients_record(**changes):
    return record_of(
        GRADIENTS.replace(**changes),
        lambda s: {
            "two_products": s["rows"] / 500, "blocks": s["rows"] / 1000,
            "ratio": 2.0 + s["threads"] / 10,
        },
    )  # fmt: skip


def overhead_record():
    return record_of(
        OVERHEAD,
        lambda s: {
            "loop": 10.0,
            "solver": 12.0 + (s["problem"] == "least squares"),
            "ratio": 1 + 1000 / s["unknowns"] + (s["problem"] == "least squares"),
        },
    )


def times_record(**changes):
    """L-BFGS-B is ahead of ours, Newton where the scales differ; saga is timed once."""

    def measure(setting):
        ours = 3.0 if setting["decades"] else 0.5
        seconds = {
            "Nesterov, restart": ours, "triple momentum": 2 * ours, "SciPy L-BFGS-B": 2.0,
            "SciPy L-BFGS-B, our gradient": 0.4, "scikit-learn newton-cholesky": 1.0,
            "jaxopt accelerated, 1/L": NAN,
        }  # fmt: skip
        if setting["rows"] == 10_000:
            seconds["scikit-learn saga"] = 9.0
        count = len(seconds)
        return {
            "solver": list(seconds), "seconds": list(seconds.values()),
            "iterations": [2395.0] * count, "gradient_norm": [1e-7] * count,
            "condition_number": 1234.5,
        }  # fmt: skip

    return record_of(TIMES.replace(**changes), measure)


def test_gradient_speed_is_drawn_and_tabulated():
    record = gradients_record()
    lines = lines_of(draw_gradient_speed(record).axes[0])
    np.testing.assert_allclose(y_of(lines["logistic, 2 threads"]), [2.2] * 4)
    assert x_of(lines["logistic, 1 thread"]).tolist() == list(record.declaration.axes["rows"])
    table = tabulate_gradient_speed(record)
    assert table.loc[("logistic", "10,000"), ("2 threads", "ratio")] == "2.20"
    assert table.loc[("least squares", "1,000"), ("1 thread", "two products, ms")] == "2"


def test_overhead_is_tabulated():
    table = tabulate_overhead(overhead_record())
    assert table.loc["chain of springs", "1,000"].tolist() == ["10.0", "12.0", "2.00"]
    slow = record_of(OVERHEAD, lambda _: {"loop": 7680.71, "solver": 7845.6, "ratio": 1.02})
    row = tabulate_overhead(slow).loc["chain of springs", "1,000"]
    assert row.tolist() == ["7,680.7", "7,845.6", "1.02"]


def test_times_are_drawn_and_tabulated():
    record = times_record()
    times = times_by_solver(record)
    assert len(times) == 6 * 6 + 2
    figure = draw_times(record)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert set(labels) == set(times["solver"])
    row = labels.index("Nesterov, restart")
    drawn = [x_of(line)[0] for line in figure.axes[1].lines if y_of(line)[0] == row]
    assert drawn == [0.5] * 3
    table = tabulate_times(record)
    setting = "1.5 decades, 100,000 rows"
    assert table.loc["SciPy L-BFGS-B", setting].tolist() == ["2", "2,395"]
    assert table.loc["scikit-learn saga", (setting, "seconds")] == "not timed"
    assert table.loc["jaxopt accelerated, 1/L", (setting, "seconds")] == "not reached"


def test_prose_numbers_of_speed():
    numbers = summarize_speed(gradients_record(), overhead_record(), times_record())
    assert numbers["gradient_rows"] == "1,000,000"
    assert numbers["gradient_least-squares"] == "2.10"
    assert (numbers["overhead_added"], numbers["overhead_least_unknowns"]) == ("3.0", "10")
    assert numbers["overhead_chain-of-springs"] == "1.01"
    assert numbers["overhead_least-squares"] == "2.01"
    assert (numbers["best_0"], numbers["best_seconds_0"]) == ("Nesterov, restart", "3")
    assert numbers["versus_newton_0"] == "3"
    assert numbers["versus_lbfgs_1"] == "0.25"
    assert (numbers["settings"], numbers["newton_first"], numbers["lbfgs_ours_first"]) == (
        "6", "3", "6",
    )  # fmt: skip


def test_prose_numbers_of_speed_bear_another_choice_of_rows():
    numbers = summarize_speed(
        gradients_record(rows=(10, 20), threads=(1,)), overhead_record(),
        times_record(rows=(10_000,), decades=(0.0,)),
    )  # fmt: skip
    assert numbers["gradient_rows"] == "20"
    assert numbers["times_rows"] == "10,000"
    assert "best_1" not in numbers


def test_slugs_of_all_problems_and_schemes_differ():
    for axis in ("problem", "scheme"):
        names = RESTART.declaration.axes[axis]
        assert len({slug(name) for name in names}) == len(names)


def test_methods_that_race_are_told_apart_by_colour():
    racers = ("ogm", "silver", "nag", "triple-momentum", "robust-momentum", "item", "restarted")
    for colors in (
        [RACE_STYLES[name].color for name in racers],
        [look[0] for look in _LOOKS.values()],
    ):
        for one, other in combinations(colors, 2):
            assert np.linalg.norm(np.subtract(to_rgb(one), to_rgb(other))) > 0.25, (one, other)
