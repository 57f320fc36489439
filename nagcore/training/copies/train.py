"""Train copies of a model at once, each with its own seed and hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_one_of
from nagcore.training.copies.checks import (
    copyable_models,
    require_hyper,
    require_mean,
    require_seeds,
)
from nagcore.training.copies.compiled import COMPILERS
from nagcore.training.copies.course import Course
from nagcore.training.copies.examples import Examples, require_examples
from nagcore.training.copies.graphed import Graphed
from nagcore.training.copies.history import CopiesHistory
from nagcore.training.copies.judging import Judge
from nagcore.training.copies.keeping import Keep
from nagcore.training.copies.matrices import ByShape
from nagcore.training.copies.moving import Mover, Schedule
from nagcore.training.copies.order import Order
from nagcore.training.copies.precision import PRECISIONS, multiplying_in
from nagcore.training.copies.rows import Rows
from nagcore.training.copies.rules import Rule
from nagcore.training.copies.step import CopiesStep, Loss, Network
from nagcore.training.data import ImageData
from nagcore.training.stopping import Target

_INDICES = 2**22
"""How many indices of examples are held ready on the device, about."""


def train_copies(
    make_model: Callable[[int], nn.Module],
    loss: Loss,
    data: Examples | ImageData,
    rule: Rule | ByShape,
    hyper: Mapping[str, Sequence[float]],
    *,
    seeds: Sequence[int],
    steps: int,
    batch_size: int,
    every: int,
    evaluate: Examples | ImageData | None = None,
    metrics: Mapping[str, Callable[[Tensor, Tensor], Tensor]] | None = None,
    schedule: Schedule | None = None,
    target: Target | None = None,
    device: torch.device | str = "cpu",
    graph: bool | None = None,
    compile: bool | str = False,  # noqa: A002
    precision: str = "float32",
    keep: Path | str | None = None,
    keep_every: float = 30.0,
    progress: Callable[[int, int], object] | None = None,
) -> CopiesHistory:
    """Train N copies of a model at once, as if each were trained alone.

    Small networks leave a GPU idle between its kernels. Here one kernel works for all copies, and
    on a GPU the whole step is one graph. A copy sees what it would see alone: its weights and the
    order of its data come from its seed, so that it follows, up to rounding, the path of a single
    training. Which examples are in a batch depends on seed and epoch alone; every batch is full,
    and what is left over at the end of an epoch is left out. A copy whose loss is no longer
    finite is marked as diverged and disturbs nobody. On a CPU the same arguments give the same
    bits, also when the call was killed and made again with `keep`.

    Args:
        make_model: a seed to a model on the CPU, for all seeds of one architecture; it draws no
            random numbers itself and keeps no running averages.
        loss: mean loss of outputs against targets, a tensor with a single number.
        data: training examples, on `device`.
        rule: the hyperparameters of one copy, tensors without dimensions, to a method of
            `nagcore.core`: `find_rule("nag")`, or `lambda h: Nesterov(lambda k: h["momentum"])`.
        hyper: one number for each copy, by name; "step_size" always, and what the rule reads.
        seeds: of the N copies; two may be the same.
        steps: of each copy.
        batch_size: examples of a step of one copy.
        every: steps after which there is a row in the history; there is one at the end, too.
        evaluate: examples to judge the copies on in every row, at the iterate.
        metrics: what else to measure on them, by name: of outputs and targets a mean over the
            examples, a tensor with a single number.
        schedule: the number k of the step (an integer tensor without dimensions) and the
            hyperparameters of one copy to those at step k. Tensor arithmetic only, without `if`.
        target: of train_loss, eval_loss or a metric. Training ends when every copy has been there
            in some row or has diverged; a copy that was there goes on until then.
        device: where the copies are trained.
        graph: capture the step as a CUDA graph; done on a GPU if left out.
        compile: let `torch.compile` generate the code of the "rule" (also True), or of the whole
            "step"; it takes some seconds, and more for the step.
        precision: "float32", or "tf32" for faster products of rounded factors on a GPU.
        keep: a folder where the state is kept, so that the same call goes on where it stopped;
            removed at the end.
        keep_every: seconds between two writes of the state.
        progress: called with the steps done and `steps` at every row.

    Returns:
        A row for each `every` steps, and how each copy ended.

    Raises:
        UsageError: an argument cannot be used.

    Example:
        >>> from nagcore.training.copies import find_rule
        >>> inputs = torch.linspace(-1, 1, 20)[:, None]
        >>> history = train_copies(
        ...     lambda seed: nn.Linear(1, 1), nn.functional.mse_loss, Examples(inputs, 2 * inputs),
        ...     find_rule("nag"), {"step_size": [0.1, 0.2], "momentum": [0.5, 0.9]},
        ...     seeds=[0, 1], steps=60, batch_size=5, every=30)
        >>> history.train_loss.shape, history.status
        ((2, 2), ['budget', 'budget'])
    """
    where, seeds = torch.device(device), require_seeds(seeds)
    examples = require_examples(data, "data", where)
    judged = None if evaluate is None else require_examples(evaluate, "evaluate", where)
    compiled = "rule" if compile is True else compile
    count = len(examples.targets)
    _check(steps, batch_size, every, count)
    _check_speed(where, graph, compiled, precision)
    numbers = require_hyper(hyper, len(seeds), where)
    with multiplying_in(precision):
        network = Network(copyable_models(make_model, seeds), where)
        require_mean(loss, network, network.start[0], examples)
        judge = None if judged is None else Judge(network, loss, judged, metrics or {})
        rows = Rows(len(seeds), judge.names if judge else (), target)
        _check_target(rows, metrics)
        order = Order(seeds, count, batch_size)
        most = max(1, min(order.steps, steps, _INDICES // (len(seeds) * batch_size)))
        chunk = torch.zeros(most, len(seeds), batch_size, dtype=torch.int64, device=where)
        bound = rule.on(network.layout) if isinstance(rule, ByShape) else rule
        step = CopiesStep(network, loss, examples, Mover(bound, schedule), numbers, chunk)
        if compiled:
            COMPILERS[compiled](step)
        about = {
            "seeds": seeds,
            "steps": steps,
            "batch_size": batch_size,
            "every": every,
            "examples": count,
            "metrics": rows.names,
            "target": str(target),
            "precision": precision,
            **_about(step),
        }
        course = Course(step, order, rows, judge, Keep(keep, keep_every, about), progress)
        graphed = where.type == "cuda" if graph is None else graph
        return course.train(steps, every, Graphed(step) if graphed else step)


def _about(step: CopiesStep) -> dict[str, Any]:
    """Return what is to be the same in a call that goes on from another."""
    return {
        "hyper": {name: values.tolist() for name, values in step.hyper.items()},
        "parameters": {name: list(s) for name, s in step.network.layout.shapes.items()},
        "rule": [list(leaf.shape) for leaf in step.leaves()],
    }


def _check(steps: int, batch_size: int, every: int, count: int) -> None:
    require_count(steps, "steps")
    require_count(every, "every")
    require_count(batch_size, "batch_size", at_most=count, of=", the number of examples")


def _check_speed(
    device: torch.device, graph: bool | None, compiled: bool | str, precision: str
) -> None:
    require_one_of(precision, "precision", PRECISIONS)
    if compiled is not False:
        require_one_of(compiled, "compile", tuple(COMPILERS))
    if graph and device.type != "cuda":
        raise UsageError(f"graph=True on {device} cannot be used: graphs are CUDA's; leave it out")


def _check_target(rows: Rows, metrics: Mapping[str, Any] | None) -> None:
    if metrics and "eval_loss" not in rows.names:
        raise UsageError(
            f"metrics {', '.join(metrics)} are given and no examples to measure them on; give "
            "evaluate"
        )
    if rows.target is not None and rows.target.metric not in rows.values:
        raise UsageError(
            f"target looks at {rows.target.metric!r}; measured are {', '.join(rows.values)}"
        )
