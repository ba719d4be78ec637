"""
What one worker's question for a task asks of a database, and what comes back.

``python -m bench.claiming URL WORKER [--by-shape]`` chooses a task for a worker without giving it, and writes a `Claim`
as JSON. Where the server explains its plans, the keys and documents that it looked at are in it; with ``--by-shape``
the keys that follow from the indexes, for a database of a size that can be read whole.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import Factory, define, evolve, frozen
from pymongo.errors import OperationFailure
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from bench.farm import TASK_TYPE
from bench.index_walks import keys_walked, leaps
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.claims import Claims
from flamenco_mgr.store.mongo.collection import Collection, Query
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.lease import since_boot
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.queries import EVERYTHING
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.store.mongo_shapes import Shape

_NO_SUCH_COMMAND = 59


@define(kw_only=True)
class Claim:
    """
    The commands of a question for a task, up to the choice.

    ``documents`` and ``values`` (of a field) came back. ``examined``: keys and documents, as the server says; None if
    it says nothing. ``walked``: keys by the queries' shapes; None if that was not asked.
    """

    task: str = ""
    commands: list[str] = Factory(list)
    documents: int = 0
    values: int = 0
    examined: tuple[int, int] | None = None
    walked: int | None = None


@frozen(eq=False)
class Watched(Collection):
    """A collection that counts what comes of its queries."""

    claim: Claim
    everything: Sequence[Document] | None

    async def find(self, query: Query) -> list[Document]:
        """See `Collection.find`."""
        found = await Collection.find(self, query)
        await self._asked(query, len(found))
        return found

    async def few(self, query: Query) -> list[Document]:
        """See `Collection.few`; `Collection.one` asks by it as well."""
        found = await Collection.few(self, query)
        await self._asked(query, len(found))
        return found

    async def distinct(self, name: str, query: Query) -> list[Any]:
        """See `Collection.distinct`."""
        found = await Collection.distinct(self, name, query)
        self.claim.values += len(found)
        await self._explained({"distinct": self.name, "key": name, "query": dict(query.filter)})
        if self.everything is not None:
            shape = Shape(collection=self.name, filter=query.filter, sort={name: 1})
            assert shape.index is not None, shape  # noqa: S101 a query without an index has no cost worth telling
            self.claim.walked = (self.claim.walked or 0) + leaps(name, query, shape.index, self.everything)
        return found

    async def _asked(self, query: Query, documents: int) -> None:
        self.claim.documents += documents
        find = {"find": self.name, "filter": dict(query.filter), "sort": dict(query.sort), "limit": query.limit}
        await self._explained(find)
        if self.everything is not None:
            shape = Shape(collection=self.name, filter=query.filter, sort=dict(query.sort))
            assert shape.index is not None, shape  # noqa: S101 as above
            self.claim.walked = (self.claim.walked or 0) + keys_walked(query, shape.index, self.everything)

    async def _explained(self, command: Mapping[str, Any]) -> None:
        self.claim.commands.append(next(iter(command)))
        explain = {"explain": dict(command), "verbosity": "executionStats"}
        try:
            answer: Any = await self._link.call(
                lambda db, timeout: db.command(dict(explain), timeout=timeout), theirs={_NO_SUCH_COMMAND}
            )
        except OperationFailure:
            return
        stats = answer["executionStats"]
        keys, documents = self.claim.examined or (0, 0)
        self.claim.examined = keys + stats["totalKeysExamined"], documents + stats["totalDocsExamined"]


async def claimed(link: MongoLink, running: Any, worker: str, *, by_shape: bool) -> Claim:
    """Choose a task for a worker, and read its commands; return what that took."""
    store = MongoStore.over(link, running, "a benchmark", since_boot)
    plain = store.tasks.tasks
    everything = await plain.find(EVERYTHING) if by_shape else None
    claim = Claim()
    watched = Watched(link, plain.name, claim, everything)
    tasks = evolve(store.tasks, tasks=watched, claims=Claims(watched, store.blacklist.bans))
    task = await tasks.candidate(worker, [TASK_TYPE], (), 0.0)
    if task is not None:
        claim.task = task.id
        await tasks.commands(task.id)
    return claim


async def _main(running: Any) -> None:
    url, worker, *how = sys.argv[1:]
    link = MongoLink.connect(MongoAddress.from_text(url), running, running)
    try:
        claim = await claimed(link, running, worker, by_shape=bool(how))
    finally:
        await link.close()
    json.dump(attrs.asdict(claim), sys.stdout)


if __name__ == "__main__":
    react(lambda running: Deferred.fromCoroutine(_main(running)))
