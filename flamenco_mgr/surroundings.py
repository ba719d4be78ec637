"""What a Manager is built in."""

import random
from collections.abc import Callable
from typing import Any

from attrs import Factory, field, frozen
from bson import ObjectId
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.local_time import Offset, utc
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.threads import InThread


def an_id() -> str:
    """Return a new id as MongoDB makes them: unique in the world, and greater than earlier ones."""
    return str(ObjectId())


@frozen(eq=False, kw_only=True)
class Surroundings:
    """
    What a Manager is built in: the same for real, on a clock that stands still, or in a simulation.

    ``treq`` is the client towards the Server. ``platform`` is this machine's, as Workers name theirs, ``machine`` its
    name in the network, ``offset`` its time zone; ``own_url`` is what the Server is told as this Manager's URL.
    ``steady`` tells seconds by a clock that nobody sets, as people may set ``clock``.
    """

    clock: IReactorTime
    store: IStore
    treq: Any
    in_thread: InThread
    platform: str
    own_url: str
    machine: str = ""
    offset: Offset = utc
    steady: Callable[[], float] = field(default=Factory(lambda self: self.clock.seconds, takes_self=True))
    new_id: Callable[[], str] = an_id
    chance: random.Random = field(factory=random.SystemRandom)
