"""Each entry of the API pages links to its source in the repository."""

from __future__ import annotations

from importlib import import_module

from sphinx.application import Sphinx
from sphinx.config import Config

from nagbook.inventory import find_exports


def link_sources(_app: Sphinx, config: Config) -> None:
    """Give `sphinx.ext.linkcode` its function, which a file of settings cannot hold."""
    options = config.html_theme_options
    folder = f"{options['repository_url']}/blob/{options['repository_branch']}"

    def resolve(_domain: str, info: dict[str, str]) -> str | None:
        path = find_source(info["module"], info["fullname"])
        return path and f"{folder}/{path}"

    config.linkcode_resolve = resolve


def find_source(package: str, name: str) -> str | None:
    """Return the file that defines a name, from the repository's root; None for a member.

    A class and its methods stand in one file, so that one link is enough.

    Example:
        >>> find_source("nagcore.core", "Nesterov"), find_source("nagcore.core", "Nesterov.step")
        ('nagcore/core/nesterov.py', None)
    """
    if "." in name:
        return None
    defined_in = getattr(getattr(import_module(package), name), "__module__", None)
    module = defined_in or find_exports(package).get(name, package)
    return f"{module.replace('.', '/')}.py"
