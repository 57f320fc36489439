"""Save a run and go on from it: whole or not at all, and nothing in a file can run code."""

from nagcore.training.checkpoints.error import CheckpointError
from nagcore.training.checkpoints.folder import latest, list_checkpoints
from nagcore.training.checkpoints.glue import restore, save
from nagcore.training.checkpoints.keeper import Keeper
from nagcore.training.checkpoints.policy import Checkpoints
from nagcore.training.checkpoints.pruning import best
from nagcore.training.checkpoints.store import Checkpoint, read_checkpoint, write_checkpoint

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Checkpoints",
    "Keeper",
    "best",
    "latest",
    "list_checkpoints",
    "read_checkpoint",
    "restore",
    "save",
    "write_checkpoint",
]
