"""Put a built site beside those of other versions, as a folder that a web server shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from nagcore.book.languages import ENGLISH, LANGUAGES
from nagcore.errors import UsageError
from nagcore.files import write_whole

LATEST = "latest"
VERSION = re.compile(r"v\d+(\.\d+){0,2}\w*")
PREVIEW = re.compile(r"preview-\d+")
INDEX = "versions.html"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="All versions of this report.">
<title>Versions of this report</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>Versions of this report</h1>
<ul>
{items}
</ul>
</main>
</body>
</html>
"""


def publish(site: Path, folder: Path, name: str) -> Path:
    """Copy a built site into the folder of all versions, and list them anew.

    The latest stands at the top, so that its addresses have no version in them; a version stands
    in a folder of its name, a preview likewise. What stood there before is replaced; everything
    else is left alone.

    Args:
        site: what `nagcore book` built.
        folder: all versions, for instance a checkout of the branch that is served.
        name: `latest`, a version as `v0.2.0`, or `preview-12`.

    Returns:
        Where the site now stands.

    Raises:
        UsageError: the site is not built, or the name is none of these.
    """
    if not (site / "index.html").is_file():
        raise UsageError(f"{site} holds no index.html; build the site first: nagcore book")
    place = place_of(folder, name)
    _clear(folder, place)
    shutil.copytree(site, place, dirs_exist_ok=True)
    # Without this file GitHub leaves out the folders that begin with an underscore.
    write_whole(folder / ".nojekyll", "")
    write_whole(folder / INDEX, list_versions(folder))
    return place


def withdraw(folder: Path, name: str) -> None:
    """Remove a version or a preview, and list the others anew.

    Raises:
        UsageError: the name is that of no version and no preview.
    """
    if name == LATEST:
        raise UsageError("the latest version cannot be withdrawn; publish another in its place")
    shutil.rmtree(place_of(folder, name), ignore_errors=True)
    write_whole(folder / INDEX, list_versions(folder))


def place_of(folder: Path, name: str) -> Path:
    """Return where the site of a version stands.

    Raises:
        UsageError: the name is not allowed.

    Example:
        >>> place_of(Path("pages"), "v0.2.0").as_posix()
        'pages/v0.2.0'
    """
    if name == LATEST:
        return folder
    if VERSION.fullmatch(name) or PREVIEW.fullmatch(name):
        return folder / name
    raise UsageError(
        f"a site cannot be published as {name!r}; expected {LATEST}, a version such as v0.2.0, "
        "or preview-12"
    )


def _clear(folder: Path, place: Path) -> None:
    """Remove what stood in a place, but neither the other versions nor git's own files."""
    if place != folder:
        shutil.rmtree(place, ignore_errors=True)
        return
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(".git") or _is_version(path):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_version(path: Path) -> bool:
    return path.is_dir() and bool(VERSION.fullmatch(path.name) or PREVIEW.fullmatch(path.name))


def list_versions(folder: Path) -> str:
    """Return the page that lists the versions, the newest first; previews are left out."""
    numbered = [p.name for p in folder.iterdir() if p.is_dir() and VERSION.fullmatch(p.name)]
    numbered.sort(key=lambda name: [int(part) for part in re.findall(r"\d+", name)], reverse=True)
    links = [("./", "latest"), *((f"{name}/", name) for name in numbered)]
    return PAGE.format(items="\n".join(_item(folder, *link) for link in links))


def _item(folder: Path, address: str, label: str) -> str:
    links = "".join(
        f' (<a href="{address}{other.folder}" hreflang="{other.code}" lang="{other.code}">'
        f"{other.words}</a>)"
        for other in LANGUAGES.values()
        if other != ENGLISH and (folder / address / other.folder).is_dir()
    )
    return f'<li><a href="{address}">{label}</a>{links}</li>'
