"""What is proved of the whole Manager, and of its ways to the Server, holds with the store on MongoDB as well."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import facts, server, web
from tests.harness import FarmTestCase
from tests.mongo.pump import turn
from tests.mongo.server import NAMED
from tests.server.linked import LinkedTestCase
from tests.store.mongo_case import OnMongoDB

PARTS = (facts, server, web)

TOO_MANY: frozenset[str] = frozenset() if NAMED else frozenset({"ManyTests"})
"""Cases with more documents than a stand-in can bear that looks at each of them for every query."""


class OnMongoDBAsWell(OnMongoDB):
    """Makes a test case of a store in memory one of a store on MongoDB."""

    store: Any
    clock: Clock

    def settle(self) -> bool:
        """Let the real reactor turn until no command is on its way."""
        link = self.store._link
        begun = bool(link.in_flight)
        turn(lambda: not link.in_flight)
        return begun

    def timers(self) -> list[IDelayedCall]:
        """Return what the clock has yet to bring, but for the store's comparing of its copies of workers."""
        return [call for call in self.clock.getDelayedCalls() if call is not self.store._comparing._timer]


def modules() -> Iterator[ModuleType]:
    """Yield the tests' modules."""
    for part in PARTS:
        for found in pkgutil.iter_modules(part.__path__, f"{part.__name__}."):
            yield importlib.import_module(found.name)


def cases() -> Iterator[type[SynchronousTestCase]]:
    """Yield the test cases that have a store, and tests."""
    for module in modules():
        for case in vars(module).values():
            is_case = isinstance(case, type) and issubclass(case, FarmTestCase | LinkedTestCase)
            if not is_case or case.__module__ != module.__name__ or case.__name__ in TOO_MANY:
                continue
            if any(name.startswith("test") for name in dir(case)):
                yield case


def variant(case: type[SynchronousTestCase]) -> type[SynchronousTestCase]:
    """Return the case on MongoDB."""
    name = f"{case.__module__.rpartition('.')[2].removeprefix('test_')}_{case.__name__}"
    return type(name, (OnMongoDBAsWell, case), {"__module__": __name__, "__doc__": case.__doc__})


globals().update({made.__name__: made for made in map(variant, cases())})
