"""A place where processes meet that knows nothing of those that met there before.

When a process dies, torchrun starts all of them anew and gives them the store of key and value
through which the dead ones found each other. Who reads an address there too early gets that of a
dead process and cannot connect. So the living agree on a word that nobody used before, and keep
what they write under it.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

from torch.distributed.distributed_c10d import PrefixStore, Store

from nagcore.errors import UsageError

_PAUSE = 0.005


def fresh_store(store: Store, rank: int, count: int, *, timeout: float) -> Store:
    """Return a part of a store that belongs to the processes that call this now.

    Each process but the first greets with a word of its own and gets as answer the word of the
    first one, under a key that holds its greeting, so that an old answer is none for it. The first
    one answers until all have confirmed its word.

    Args:
        store: shared by all; may hold what dead processes left.
        rank: of this process.
        count: how many there are.
        timeout: seconds to wait for the others.

    Raises:
        UsageError: the first process waited in vain.
        RuntimeError: another one did, or the store is gone.

    Example:
        >>> from torch.distributed import HashStore
        >>> store = HashStore()
        >>> fresh_store(store, 0, 1, timeout=1.0).set("address", "here")
        >>> store.check(["address"])
        False
    """
    word = uuid4().hex
    if rank == 0:
        _answer(store, word, set(range(1, count)), timeout)
        return PrefixStore(word, store)
    store.set(f"greeting/{rank}", word)
    answer = f"answer/{word}"
    store.wait([answer], timedelta(seconds=timeout))
    first = store.get(answer).decode()
    store.set(f"confirmed/{first}/{rank}", "")
    return PrefixStore(first, store)


def _answer(store: Store, word: str, missing: set[int], timeout: float) -> None:
    """Answer greetings, old ones too, until no process is missing."""
    deadline = time.monotonic() + timeout
    while missing:
        for rank in missing:
            if store.check([f"greeting/{rank}"]):
                store.set(f"answer/{store.get(f'greeting/{rank}').decode()}", word)
        missing = {rank for rank in missing if not store.check([f"confirmed/{word}/{rank}"])}
        if missing and time.monotonic() > deadline:
            names = ", ".join(map(str, sorted(missing)))
            raise UsageError(
                f"process {names} did not come within {timeout:g} s; see what it says, or start "
                "with a longer timeout"
            )
        time.sleep(_PAUSE)
