"""Figures to play with: each function returns what a cell shows, as element and as picture."""

from nagcore.evidence.play.base import Playground
from nagcore.evidence.play.cycle import cycle
from nagcore.evidence.play.noise import noise
from nagcore.evidence.play.rate_plane import rate_plane
from nagcore.evidence.play.records import records
from nagcore.evidence.play.restart import restart
from nagcore.evidence.play.trajectories import trajectories

__all__ = ["Playground", "cycle", "noise", "rate_plane", "records", "restart", "trajectories"]
