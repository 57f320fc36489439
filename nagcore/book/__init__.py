"""Build the book and show it."""

from nagcore.book.building import build, site_folder
from nagcore.book.serving import open_server, serve

__all__ = ["build", "open_server", "serve", "site_folder"]
