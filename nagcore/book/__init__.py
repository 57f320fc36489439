"""Build the book and show it."""

from nagcore.book.building import build
from nagcore.book.languages import LANGUAGES, find_language, site_folder
from nagcore.book.serving import open_server, serve

__all__ = ["LANGUAGES", "build", "find_language", "open_server", "serve", "site_folder"]
