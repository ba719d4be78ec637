"""The MongoDB of the tests, for the figures that need one which they may look into, and end."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from bench.results import Row

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

Command = dict[str, Any]

_LOOK_EVERY = 0.5


def on_test_server(
    figure: str, measure: Callable[["StandIn"], Sequence[Row]], file: Path | None = None
) -> Sequence[Row]:
    """
    Measure on a server of the tests, in memory or in a file.

    Where there is none, return a row that says why under the figure's name.
    """
    from tests.mongo.server import MISSING, StandIn  # noqa: PLC0415 it fetches what is missing when it is loaded

    if MISSING:
        return [Row(figure=figure, measured=f"not measured: {MISSING}")]
    server = StandIn.start(file=file)
    try:
        return measure(server)
    finally:
        server.stop()


@define(eq=False)
class Recording:
    """The commands that came for a database, in order, and when."""

    _server: "StandIn"
    _database: str
    commands: list[Command] = field(init=False, factory=list)
    _over: threading.Event = field(init=False, factory=threading.Event)

    def take(self) -> None:
        """Take over what the server has noted, before it is too much for one answer."""
        self.commands += self._server.log(self._database)

    def go_on(self) -> None:
        """Take it over again and again until it is enough."""
        while not self._over.wait(_LOOK_EVERY):
            self.take()

    def enough(self) -> None:
        """End that."""
        self._over.set()


@contextmanager
def recorded(server: "StandIn", database: str) -> Iterator[list[Command]]:
    """Note what comes for a database while something is done; it is all in the list at the end."""
    server.log(database)
    recording = Recording(server, database)
    taking = threading.Thread(target=recording.go_on)
    taking.start()
    try:
        yield recording.commands
    finally:
        recording.enough()
        taking.join()
        recording.take()
