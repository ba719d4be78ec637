"""How a Worker carries out commands for real, if it does."""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from flamenco_mgr.demo.worker.answers import HandedCommand


class Craft(Protocol):
    """Carries out commands whose settings have been found in order."""

    def carry_out(
        self, command: HandedCommand, note: Callable[[str], None], made: Callable[[str], None]
    ) -> "Deferred[str]":
        """
        Carry a command out, and return why it failed: the empty text if it did not.

        ``note`` takes lines for the task's log, ``made`` paths of images. Cancelling the result ends what was begun.
        """
