"""Whether what a power cut has left is right, once the Manager has started on it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from attrs import frozen
from twisted.internet.task import Clock

from flamenco_mgr.settings import ConfigErrors, Settings, load
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping import embedded_checks
from flamenco_mgr.storekeeping.findings import Weight
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.waiting import result_of
from tests.powercut.contents import Content, content, difference
from tests.powercut.facts import Facts
from tests.threads import at_once


@frozen(eq=False, kw_only=True)
class Moment:
    """
    The instant of a power cut.

    ``states``: what was in the store at the latest acknowledgement, and each time that it had changed since.
    """

    facts: Facts
    states: Sequence[Content]


class Verdict(Protocol):
    """Tells what is wrong with what was left."""

    def complaints(self, directory: Path, moment: Moment) -> Iterator[str]:
        """Start the Manager on what is in a directory, and yield what is wrong, a sentence for each."""


@frozen(eq=False, kw_only=True)
class WorkingFarm:
    """
    Of a farm at work: the store is as it was at the latest acknowledgement, or at some instant since then.

    ``fresh`` is what is in a new store.
    """

    fresh: Content

    def complaints(self, directory: Path, moment: Moment) -> Iterator[str]:
        """See `Verdict.complaints`."""
        store = directory / "db"
        states = [state or self.fresh for state in moment.states]

        def look() -> Iterator[str]:
            found = content(store / FILE)
            if found not in states:
                yield f"the store is as it never was since the latest acknowledgement: {difference(found, states[-1])}"
            with closing(sqlite3.connect(store / FILE)) as connection:
                yield from moment.facts.missing(connection)

        yield from started(store, look)


@frozen(eq=False, kw_only=True)
class Changed:
    """
    Of something that is done at once: the store is as it was before, or as it shall be; once it is said, the latter.

    ``keeps``: what was there before is kept beside it.
    """

    before: Content
    after: Content
    keeps: bool = False

    def complaints(self, directory: Path, moment: Moment) -> Iterator[str]:
        """See `Verdict.complaints`."""
        store = directory / "db"

        def look() -> Iterator[str]:
            found = content(store / FILE)
            if found == self.before and found != self.after:
                if moment.facts.phase == "done":
                    yield "the store is as before, and it was said that it is done"
                return
            if found != self.after:
                yield f"the store is neither what it was nor what it shall be: {difference(found, self.after)}"
            if self.keeps:
                yield from self._kept(store)

        yield from started(store, look)

    def _kept(self, store: Path) -> Iterator[str]:
        files = [path for path in store.iterdir() if ".before-" in path.name]
        kept = [path for path in files if not path.name.endswith(("-wal", "-shm"))]
        if not any(content(path) == self.before for path in kept):
            yield "the store before is not kept"


@frozen(eq=False, kw_only=True)
class Configured:
    """Of a configuration that is written anew: it is the old one, or the new one with the old one kept beside it."""

    before: bytes
    after: bytes
    settings: Settings

    def complaints(self, directory: Path, moment: Moment) -> Iterator[str]:
        """See `Verdict.complaints`."""
        path = directory / "manager.yaml"
        try:
            found, loaded = path.read_bytes(), load(path, directory)
        except (OSError, ConfigErrors) as e:
            yield f"the configuration cannot be read: {e}"
            return
        if loaded.settings != self.settings:
            yield "the configuration says something else"
        if found not in {self.before, self.after}:
            yield "the configuration is neither the old one nor the new one"
        if moment.facts.phase == "done" and found != self.after:
            yield "the configuration is the old one, and it was said that it is done"
        kept = path.with_name(f"{path.name}.bak")
        if found == self.after and (not kept.exists() or kept.read_bytes() != self.before):
            yield "the old configuration is not kept"


def started(directory: Path, look: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Start on a store, ``look`` before anything is done with it, and see that all of it is right and of use."""
    clock = Clock()
    try:
        store = SQLiteStore.open(directory, clock, at_once)
    except StoreRefused as e:
        yield f"the store is refused: {e}"
        return
    try:
        yield from look()
        wrong = result_of(clock, store.repair())
        if wrong:
            yield f"the order of {wrong} tasks was wrong"
        for finding in embedded_checks.examine(Embedded(directory=directory)):
            if finding.weight is Weight.DAMAGE:
                yield finding.text
        result_of(clock, store.check())
    except sqlite3.Error as e:
        yield f"the store cannot be read: {e}"
    finally:
        result_of(clock, store.close())
