"""What a caller may do while training runs."""

from __future__ import annotations

from nagcore.training.run import Run


class Callback:
    """Called by `fit` at four moments; override those that are wanted.

    `run` is the live run: its numbers may be read, its `rate` may be lowered or set, and
    `run.request_stop(why)` ends it after the step. A callback that has `state_dict()` and
    `load_state_dict(state)` is saved in checkpoints and restored from them.

    Of several processes each calls its own. What changes the run, such as the rate, must be done
    in all of them; files are for the first, `run.processes.is_first`.

    Example:
        >>> class HalveEveryTenSteps(Callback):
        ...     def on_step(self, run):
        ...         if run.step % 10 == 0:
        ...             run.rate.lower(0.5, why="ten more steps")
    """

    def on_start(self, run: Run) -> None:
        """Do something before the first step, also of a run that is taken up again."""

    def on_step(self, run: Run) -> None:
        """Do something after a step; reading a tensor here may wait for the device."""

    def on_report(self, run: Run) -> None:
        """Do something after a row was added to `run.rows`."""

    def on_end(self, run: Run) -> None:
        """Do something after the last step."""
