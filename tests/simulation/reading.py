"""Reading a store that nothing else is done with meanwhile."""

from typing import Any, Final

from twisted.internet.defer import Deferred

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.interfaces import TasksAsked
from flamenco_mgr.store.interfaces.overview import Place
from flamenco_mgr.store.sqlite import SQLiteStore

_PAGE: Final = 500


def all_tasks(store: SQLiteStore) -> list[Task]:
    """Return all tasks of a store."""
    found: list[Task] = []
    after: Place | None = None
    while True:
        page = result_of(store.overview.tasks(TasksAsked(), after, _PAGE))
        found += page.items
        after = page.next
        if after is None:
            return found


def result_of(awaitable: Any) -> Any:
    """Return what a read of an idle store gives: it is there at once."""
    results: list[Any] = []

    async def awaited() -> None:
        results.append(await awaitable)

    _ = Deferred.fromCoroutine(awaited())
    return results[0]
