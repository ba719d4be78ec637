"""Changes a store without end, and says on standard output what was acknowledged."""

import sys
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import a_task, an_update
from tests.store.contract.case import an_id
from tests.threads import at_once


async def write(store: SQLiteStore, number: int) -> None:
    """Take tasks in and let each be completed, one after the other."""
    while True:
        task = a_task(id=an_id(number))
        await store.tasks.take_in([Import(before=None, after=task, commands=())])
        update = an_update(id=task.id, task_id=task.id, status="completed")
        after = evolve(task, status="completed")
        await store.tasks.apply(Transition(before=task, after=after, update=update))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if number % 7 == 0:
            await store.checkpoint()
        number += 3


def main(directory: Path) -> None:
    """Let three writers share the commits."""
    store = SQLiteStore.open(directory, reactor, at_once)
    for first in range(3):
        _ = Deferred.fromCoroutine(write(store, first))
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
