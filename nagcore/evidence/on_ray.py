"""Run tasks on Ray: on this machine, or on several."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nagcore.errors import MissingExtraError, UsageError
from nagcore.evidence.clock import Clock
from nagcore.evidence.partial import Failure, Outcome
from nagcore.evidence.provenance import versions
from nagcore.evidence.runners import KILLED
from nagcore.evidence.tasks import Task, in_short, measure

_MUST_AGREE = ("python", "torch", "numpy")


def on_ray(tasks: Sequence[Task], clock: Clock) -> Iterator[Outcome]:
    """Run tasks on the cluster that `RAY_ADDRESS` names, or on a Ray started here and ended again.

    Each setting or batch takes one core and one thread, on "cuda" one GPU as well. The code of
    this checkout goes to the machines with the tasks; torch, NumPy and the data are to be there,
    in the same versions. A task whose worker or machine is lost is run once more before it has
    failed.

    Args:
        tasks: to run.
        clock: when to start nothing new.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: no cluster answers at the address, or a machine has other versions.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "a sweep on several machines") from error
    if not tasks or clock.over():
        return
    with _cluster(ray, tasks[0]):
        yield from _run(ray, tasks, clock)


def _run(ray: Any, tasks: Sequence[Task], clock: Clock) -> Iterator[Outcome]:
    needed = "GPU" if tasks[0].device == "cuda" else "CPU"
    remote = ray.remote(
        num_cpus=1, num_gpus=1 if needed == "GPU" else 0, max_retries=1, retry_exceptions=False
    )(_measured_there)
    here = {name: text for name, text in versions().items() if name in _MUST_AGREE}
    waiting, running = deque(tasks), {}
    try:
        while True:
            # Asked each time: machines may come and go. A place less would leave one idle.
            places = max(1, int(ray.cluster_resources().get(needed, 0)))
            while waiting and len(running) < places and not clock.over():
                running[remote.remote(waiting[0], here)] = waiting[0]
                waiting.popleft()
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=10)
            for reference in done:
                yield from _outcomes(ray, reference, running.pop(reference))
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def _outcomes(ray: Any, reference: Any, task: Task) -> list[Outcome]:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, UsageError):
            raise cause from None
        name = task.experiment.declaration.name
        raise UsageError(
            f"a machine of the cluster cannot measure {name}: {in_short(cause)}; expected the "
            "packages that it needs to be installed there"
        ) from error
    except ray.exceptions.RayError:
        return [Failure(index, KILLED, 0.0) for index in task.settings]


def _measured_there(task: Task, expected: Mapping[str, str]) -> list[Outcome]:
    found = versions()
    for name, version in expected.items():
        if found[name] != version:
            raise UsageError(
                f"a machine of the cluster has {name} {found[name]}, expected {version} as here: "
                "a record is made with one version; install the same on all"
            )
    try:
        return list(measure(task))
    except UsageError as error:
        # Some of its kinds cannot be pickled.
        raise UsageError(str(error)) from None


@contextlib.contextmanager
def _cluster(ray: Any, task: Task) -> Iterator[None]:
    """Connect to Ray, with the code of the package and of the experiment for its workers."""
    if ray.is_initialized():  # by the caller, who decides when it ends
        yield
        return
    # Nothing of a run is told to anyone.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    tops = dict.fromkeys(("nagcore", task.experiment.module.partition(".")[0]))
    try:
        ray.init(
            address=None if os.environ.get("RAY_ADDRESS") else "local",
            runtime_env={
                "py_modules": [str(folder) for folder in map(_folder, tops) if folder],
                "env_vars": {"OMP_NUM_THREADS": "1"},
            },
            include_dashboard=False if not os.environ.get("RAY_ADDRESS") else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except ConnectionError as error:
        raise UsageError(
            f"RAY_ADDRESS is {os.environ.get('RAY_ADDRESS')!r}, and no Ray answers there; start "
            "one with: ray start --head, or unset the variable"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
