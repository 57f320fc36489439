"""Two repairs without which the pages take three times as long to write.

Sphinx reads a whole page from the disk for every numbered reference to it, and stems every Chinese
word anew, wherever it occurs again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.search.zh import SearchChinese

_resolve_anew = StandardDomain._resolve_numref_xref
_stem_anew = SearchChinese.stem


class KeptPages:
    """An environment that reads each page once; for those who look at pages and change none."""

    def __init__(self, env: BuildEnvironment) -> None:
        """Keep the pages of `env`."""
        self._env = env
        self.get_doctree = cache(env.get_doctree)

    def __getattr__(self, name: str) -> Any:
        """Answer everything else as the environment does."""
        return getattr(self._env, name)


def install(app: Sphinx) -> None:
    """Put the repairs in place when the environment is ready, before any page is written."""
    app.connect("env-updated", keep_pages)
    # By language and word: the stemmer of an edition has no other state.
    stems = cache(lambda language, word: _stem_anew(language, word))
    SearchChinese.stem = lambda self, word: stems(self, word)  # type: ignore[method-assign]


def keep_pages(_app: Sphinx, env: BuildEnvironment) -> None:
    """Let numbered references look their targets up in pages that are kept."""
    kept = KeptPages(env)

    def resolve(
        self: StandardDomain, _env: BuildEnvironment, *arguments: Any, **options: Any
    ) -> Any:
        return _resolve_anew(self, kept, *arguments, **options)  # type: ignore[arg-type]

    StandardDomain._resolve_numref_xref = resolve  # type: ignore[method-assign]
