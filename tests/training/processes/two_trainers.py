"""Two processes that train together, one case after the other; started by conftest.py.

Run as a script with one thread, so that it may fork: `two_trainers.py FOLDER`. What came out is
written as JSON by each of the two: for each case None, or the traceback.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

# Imported before the fork, because both would otherwise take seconds for them.
import torch._dynamo
import torch.distributed.checkpoint.state_dict
import torch.distributed.fsdp  # noqa: F401
from shared_ends import ENDS, timed_out
from shared_saves import SAVES
from shared_steps import STEPS

from nagcore.training.processes import Processes, joined_processes

Case = Callable[[Processes, Path], None]
CASES: dict[str, Case] = {**STEPS, **SAVES, **ENDS}
LAST = "timeout"


def main(rank: int, folder: Path) -> None:
    """Run all cases as one of the two."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
    found: dict[str, str | None] = {}
    with joined_processes(timeout=60, meeting=f"file://{folder / 'meeting'}") as processes:
        for number, (name, run) in enumerate(CASES.items()):
            own = folder / str(number)
            own.mkdir(exist_ok=True)
            found[name] = failure(run, processes, own)
    # Nobody can talk after this one.
    with joined_processes(timeout=1, meeting=f"file://{folder / 'second'}") as processes:
        found[LAST] = failure(timed_out, processes, folder)
    (folder / f"found{rank}.json").write_text(json.dumps(found), encoding="utf-8")


def failure(run: Case, processes: Processes, folder: Path) -> str | None:
    """Return the traceback of a case that fails."""
    try:
        run(processes, folder)
    except Exception:
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    child = os.fork()
    main(int(child == 0), Path(sys.argv[1]))
    if child:
        os.waitpid(child, 0)
