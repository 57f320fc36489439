"""Ways to run tasks: in this process, or in processes of this machine.

Each takes tasks and a clock, starts nothing new when the time is over, and yields what became of
each setting as it is known. Which one is taken does not change a result.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from nagcore.errors import UsageError
from nagcore.evidence.clock import Clock, TimeIsUp
from nagcore.evidence.partial import Failure, Outcome
from nagcore.evidence.tasks import Task, measure

Runner = Callable[[Sequence[Task], Clock], Iterator[Outcome]]
KILLED = "the process that measured it was killed, most often for want of memory"


def runner_for(jobs: int = 1) -> Runner:
    """Return the runner for so many settings at a time on this machine.

    Raises:
        UsageError: jobs is not a positive whole number.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs is {jobs!r}, expected a whole number, 1 or larger")
    return in_process if jobs == 1 else functools.partial(in_processes, jobs=jobs)


def in_process(tasks: Sequence[Task], clock: Clock) -> Iterator[Outcome]:
    """Run one task after the other in this process.

    A batch that keeps its state is stopped when the time is over, and goes on in the next run.
    """
    for task in tasks:
        if clock.over():
            return
        outcomes: list[Outcome] = []
        stopped: TimeIsUp | UsageError | None = None
        try:
            with clock.ringing(task.state):
                for outcome in measure(task):
                    outcomes.append(outcome)  # noqa: PERF402  keeps them where the next is stopped
        except (TimeIsUp, UsageError) as error:
            stopped = error
        yield from outcomes
        if isinstance(stopped, UsageError):
            raise stopped
        if stopped is not None:
            return


def in_processes(tasks: Sequence[Task], clock: Clock, *, jobs: int) -> Iterator[Outcome]:
    """Run several tasks at a time, each in a process of one thread.

    The processes end with this one, however it ends. When one of them is killed, those tasks that
    were being run are run again, each alone, and only one that is killed again has failed.

    Args:
        tasks: to run.
        clock: when to start nothing new.
        jobs: how many at a time.

    Raises:
        UsageError: every process was killed, before anything was measured.
    """
    waiting, measured = deque(tasks), 0
    while waiting and not clock.over():
        before = len(waiting)
        suspects = yield from _side_by_side(waiting, clock, jobs)
        measured += before - len(waiting) - len(suspects)
        for suspect in suspects:
            alone = deque([suspect])
            if (yield from _side_by_side(alone, Clock(), 1)):
                yield from (Failure(index, KILLED, 0.0) for index in suspect.settings)
            else:
                measured += 1
        if suspects and not measured:
            name = tasks[0].experiment.declaration.name
            raise UsageError(
                f"every process that measured {name} was killed, most often for want of memory; "
                f"jobs is {jobs}: run again with fewer"
            )


def _side_by_side(
    waiting: deque[Task], clock: Clock, jobs: int
) -> Generator[Outcome, None, list[Task]]:
    """Run tasks until none is left or a process is killed; return those it may have taken along."""
    # Spawn, because a forked process inherits torch's threads and a CUDA context half alive.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    running: dict[Future[list[Outcome]], Task] = {}
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            min(jobs, len(waiting)), mp_context=context, initializer=_end_with_parent
        )
        try:
            while True:
                while waiting and len(running) < jobs and not clock.over():
                    future = pool.submit(_measured, waiting[0])
                    running[future] = waiting.popleft()
                if not running:
                    return []
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                # Those that were killed come last, so that none of the others is lost with them.
                for future in sorted(done, key=lambda future: future.exception() is not None):
                    outcomes = future.result()
                    del running[future]
                    yield from outcomes
        except BrokenProcessPool:
            return list(running.values())
        finally:
            if running:  # stopped or broken: nobody waits for what is being measured
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()
            pool.shutdown(cancel_futures=True)


def _measured(task: Task) -> list[Outcome]:
    try:
        return list(measure(task))
    except UsageError as error:
        # Some of its kinds cannot be pickled.
        raise UsageError(str(error)) from None


def _end_with_parent() -> None:
    """Let this process end when the one that started it has ended, even by SIGKILL.

    Its sibling processes hold the pipe of the tasks open, so it would wait there for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started meanwhile use one thread each: jobs share the cores."""
    name = "OMP_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
