"""What one worker does at a time: measure a setting, or a batch of settings together."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
import time
import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nagcore.errors import UsageError
from nagcore.evidence.device import in_words
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.partial import Failure, Measurement, Outcome
from nagcore.evidence.provenance import versions
from nagcore.evidence.sweep import Sweep, Together
from nagcore.evidence.values import dumps

_LONGEST_ERROR = 300
_ABSOLUTE_PATH = re.compile(r"(?<![\w.])(?:/[^\s/:'\"]+)+/([^\s/:'\"]+)")


@dataclass(frozen=True)
class Task:
    """Settings of an experiment to be measured by one worker.

    Args:
        experiment: to which they belong.
        device: "cpu" or "cuda".
        settings: by index.
        together: whether they are measured at once.
        state: where batches may keep their state, or None.
    """

    experiment: Experiment
    device: str
    settings: Mapping[int, Mapping[str, Any]]
    together: bool = False
    state: Path | None = None

    @property
    def keep(self) -> Path | None:
        """Where this batch keeps its state; another batch has another folder."""
        if self.state is None or not self.together:
            return None
        text = dumps({str(index): setting for index, setting in self.settings.items()})
        return self.state / hashlib.sha256(text.encode()).hexdigest()[:16]


def tasks_of(
    experiment: Experiment,
    device: str,
    pending: Collection[int],
    *,
    together: bool = True,
    state: Path | None = None,
) -> list[Task]:
    """Return what is to be done, in the order of the settings.

    Which settings form a batch does not depend on what is pending, so that a batch which was
    stopped is the same one when it goes on.

    Args:
        experiment: to measure.
        device: "cpu" or "cuda".
        pending: the indices of the settings to measure.
        together: False measures one by one what could be measured in batches.
        state: where batches may keep their state.
    """
    settings = experiment.declaration.settings()
    way = experiment.together if together and isinstance(experiment, Sweep) else None
    if way is None or device not in way.devices:
        return [Task(experiment, device, {index: settings[index]}) for index in sorted(pending)]
    wanted = set(pending)
    chosen = ([index for index in batch if index in wanted] for batch in _batches(settings, way))
    return [
        Task(experiment, device, {index: settings[index] for index in batch}, True, state)
        for batch in chosen
        if batch
    ]


def _batches(settings: list[dict[str, Any]], way: Together) -> list[list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for index, setting in enumerate(settings):
        groups[dumps([setting[axis] for axis in way.alike])].append(index)
    batches = []
    for group in groups.values():
        count = -(-len(group) // way.most)
        ends = [len(group) * part // count for part in range(count + 1)]
        batches += [group[start:end] for start, end in itertools.pairwise(ends)]
    return sorted(batches)


def measure(task: Task) -> Iterator[Outcome]:
    """Measure the settings of a task and yield what became of each.

    A setting that raises has failed. A batch that raises when it goes on from what it had kept is
    measured again from its start; one that raises then is measured again in halves, so that
    only the settings that raise by themselves have failed; one that leaves the GPU unusable has
    failed whole.

    Raises:
        UsageError: from a setting, since it would come from the others too; or the GPU no longer
            answers.
    """
    start, failed, resumed = time.perf_counter(), "", _has_state(task)
    columns: list[dict[str, Any]] = []
    try:
        columns = _columns(task)
    except UsageError:
        raise
    except Exception as error:
        failed = in_short(error, task.experiment.module)
    # Outside of the handler, where the error no longer holds the memory of its frames.
    if failed and resumed:
        # What was kept may be torn, or of code that has kept it wrongly.
        _forget(task)
        yield from measure(task)
        return
    if failed:
        yield from _after_failure(task, failed, time.perf_counter() - start)
        return
    _forget(task)
    share = (time.perf_counter() - start) / len(task.settings)
    where, threads = in_words(task.device), torch.get_num_threads()
    for index, measured in zip(task.settings, columns, strict=True):
        yield Measurement(index, measured, share, versions(), where, threads)


def _columns(task: Task) -> list[dict[str, Any]]:
    experiment, settings = task.experiment, list(task.settings.values())
    if not task.together or not isinstance(experiment, Sweep):
        return [experiment.measured(setting, task.device) for setting in settings]
    keep = task.keep
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    return experiment.measured_together(settings, task.device, keep)


def _after_failure(task: Task, error: str, seconds: float) -> Iterator[Outcome]:
    _forget(task)
    alive = _outlives_failures(task.device)
    if len(task.settings) == 1 or not alive:
        yield from (Failure(index, error, seconds) for index in task.settings)
    else:
        for half in _halves(task):
            yield from measure(half)
    if not alive:
        raise UsageError(
            f"the GPU no longer answers after {error} in {task.experiment.declaration.name}; "
            "expected it to outlive a failed setting: run the command again, it goes on behind it"
        )


def _halves(task: Task) -> Iterator[Task]:
    items = list(task.settings.items())
    middle = len(items) // 2
    for part in (items[:middle], items[middle:]):
        yield replace(task, settings=dict(part))


def _has_state(task: Task) -> bool:
    return task.keep is not None and task.keep.is_dir() and any(task.keep.iterdir())


def _forget(task: Task) -> None:
    if task.keep is not None:
        shutil.rmtree(task.keep, ignore_errors=True)


def _outlives_failures(device: str) -> bool:
    """Say whether the device still computes: after some errors all that follows fails on a GPU."""
    if device != "cuda" or not torch.cuda.is_initialized():
        return True
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True


def in_short(error: BaseException, module: str = "") -> str:
    """Return an error's type, message and place, without the folders of this machine.

    Args:
        error: as it was raised.
        module: the place named is the innermost in this module's package.

    Example:
        >>> in_short(OSError("cannot read /home/me/data/images"))
        'OSError: cannot read …/images'
    """
    text = " ".join(str(error).split())
    words = f"{type(error).__name__}: {text}" if text else type(error).__name__
    words = _ABSOLUTE_PATH.sub(r"…/\1", words)
    if len(words) > _LONGEST_ERROR:
        words = f"{words[:_LONGEST_ERROR]} …"
    top = module.partition(".")[0]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if top in Path(frame.filename).parts and "site-packages" not in frame.filename
    ]
    return f"{words} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else words
