"""A collection of the database: every command of the store goes through here, and so through the link."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Several
from typing import Any, TypeVar

from attrs import evolve, frozen
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError, WriteConcernError, WriteError
from txmongo import filter as sorting

from flamenco_mgr.deadline import WORKERS_WAIT
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.connection import ACKNOWLEDGED
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.failures import DUPLICATE
from flamenco_mgr.store.mongo.link import MongoLink

T = TypeVar("T")

_FEW = 100

OF_ALL = 300.0
"""Seconds for what looks at every document of a collection, which no Worker waits for."""


@frozen(kw_only=True)
class Query:
    """Which documents, what of them, in which order (name and 1 or -1), and how many (0: all)."""

    filter: Mapping[str, Any]
    fields: Mapping[str, int] | None = None
    sort: Sequence[tuple[str, int]] = ()
    limit: int = 0


@frozen(eq=False)
class Collection:
    """One collection. Whatever is asked of it can be asked again if the answer was lost."""

    _link: MongoLink
    name: str

    async def find(self, query: Query) -> list[Document]:
        """Return what a query finds."""
        found: list[Document] = await self._call(
            lambda db, timeout: db[self.name].find(
                dict(query.filter), query.fields, limit=query.limit, sort=_sorted(query), timeout=timeout
            )
        )
        return found

    async def one(self, query: Query) -> Document | None:
        """Return the first that a query finds, or None."""
        found = await self.few(evolve(query, limit=1))
        return found[0] if found else None

    async def few(self, query: Query) -> list[Document]:
        """
        Return what a query finds, of which there are a hundred at most, and which are not large.

        That is one answer, and needs no cursor.
        """
        question: Document = {"find": self.name, "filter": dict(query.filter)}
        if query.sort:
            question["sort"] = dict(query.sort)
        if query.fields:
            question["projection"] = dict(query.fields)
        question |= {"limit": query.limit or _FEW, "singleBatch": True}
        answer: Document = await self._call(lambda _, timeout: self._link.send(question, timeout))
        found: list[Document] = answer["cursor"]["firstBatch"]
        return found

    async def distinct(self, name: str, query: Query) -> list[Any]:
        """Return the values of a field in what a query finds."""
        found: list[Any] = await self._call(
            lambda db, timeout: db[self.name].distinct(name, dict(query.filter), timeout=timeout)
        )
        return found

    async def count(self, query: Query) -> int:
        """Return how many documents a query finds."""
        found: Document = await self._call(
            lambda db, timeout: db.command({"count": self.name, "query": dict(query.filter)}, timeout=timeout)
        )
        return int(found["n"])

    async def aggregate(self, pipeline: Sequence[Document]) -> list[Document]:
        """Return what a pipeline gives that looks at every document."""
        found: list[Document] = await self._call(
            lambda db, timeout: db[self.name].aggregate(list(pipeline), timeout=timeout), OF_ALL
        )
        return found

    async def update(self, query: Mapping[str, Any], change: Document, *, upsert: bool = False) -> int:
        """Change one document, and return how many the query found; on a repetition that may be none any more."""
        command = {
            "update": self.name,
            "updates": [{"q": dict(query), "u": change, "upsert": upsert}],
            "writeConcern": ACKNOWLEDGED,
        }

        async def changed(_: Any, timeout: float) -> Document:
            answer = await self._link.send(command, timeout)
            for error in answer.get("writeErrors", ()):
                kind = DuplicateKeyError if error["code"] == DUPLICATE else WriteError
                raise kind(error["errmsg"], error["code"], error)
            if late := answer.get("writeConcernError"):
                raise WriteConcernError(late["errmsg"], late["code"], late)
            return answer

        answer = await self._change(changed)
        return 0 if "upserted" in answer else int(answer["n"])

    async def update_all(self, query: Mapping[str, Any], change: Document, seconds: float = WORKERS_WAIT) -> None:
        """Change every document that a query finds, in so many seconds."""
        await self._change(lambda db, timeout: db[self.name].update_many(dict(query), change, timeout=timeout), seconds)

    async def replace(self, query: Mapping[str, Any], document: Document, *, upsert: bool = False) -> None:
        """Put a document in the place of the one that a query finds."""
        await self._change(
            lambda db, timeout: db[self.name].replace_one(dict(query), document, upsert=upsert, timeout=timeout)
        )

    async def insert(self, documents: Sequence[Document]) -> frozenset[Any]:
        """Store new documents; return the ids of those that are there already, and were left alone."""
        if not documents:
            return frozenset()

        async def inserted(db: Any, timeout: float) -> frozenset[Any]:
            try:
                await db[self.name].insert_many(documents, ordered=False, timeout=timeout)
            except BulkWriteError as e:
                details = e.details or {}
                errors = details["writeErrors"]
                if details["writeConcernErrors"] or any(error["code"] != DUPLICATE for error in errors):
                    raise
                return frozenset(documents[error["index"]]["_id"] for error in errors)
            return frozenset()

        found: frozenset[Any] = await self._change(inserted)
        return found

    async def write(self, statements: Sequence[Any], *, ordered: bool = True) -> int:
        """Carry out statements of PyMongo's kinds, and return how many documents were found for updates."""
        if not statements:
            return 0
        result: Any = await self._change(
            lambda db, timeout: db[self.name].bulk_write(statements, ordered=ordered, timeout=timeout)
        )
        return int(result.matched_count)

    async def remove(self, query: Mapping[str, Any]) -> int:
        """Remove every document that a query finds, and return how many this was."""
        result: Any = await self._change(lambda db, timeout: db[self.name].delete_many(dict(query), timeout=timeout))
        return int(result.deleted_count)

    async def _change(self, operation: Callable[[Any, float], Awaitable[T]], seconds: float = WORKERS_WAIT) -> T:
        """Do what is durable when it is acknowledged, and note how long that took."""
        with self._link.committing():
            return await self._call(operation, seconds)

    async def _call(self, operation: Callable[[Any, float], Awaitable[T]], seconds: float = WORKERS_WAIT) -> T:
        try:
            return await self._link.call(operation, seconds=seconds)
        except DocumentTooLarge as e:
            # What waits in a task's document leaves it within a second, and there is room again.
            raise StoreUnavailable(f"a document of {self.name} has become too large") from e
        except (DuplicateKeyError, BulkWriteError) as e:
            # Somebody has made the same document meanwhile, or an index is unique that is not ours.
            raise StoreUnavailable(f"a document is in {self.name} already that was to be made") from e


def among(values: Several[Any]) -> Document:
    """Return the condition that a field has one of these values."""
    return {"$in": list(values)}


def _sorted(query: Query) -> Any:
    return sorting.sort(list(query.sort)) if query.sort else None
