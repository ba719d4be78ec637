"""
Stores with tasks and Workers in them, filled through the store's own interface.

``python -m bench.filling PLACE CONTENTS`` makes the embedded store in a directory, or fills the database of a URL;
CONTENTS is JSON: the ``stocks``, and how many ``workers``.
"""

import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import bcrypt
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from bench.farm import TASK_TYPE, Stock
from bench.mix import a_worker
from flamenco_mgr.domain.merging import taken_in
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.credentials import COST
from flamenco_mgr.store.interfaces import Import, IStore, StoreUnavailable
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.lease import since_boot
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.wire.server_task import described

T = TypeVar("T")

_SLICE = 200
_TEND_EVERY = 50
_TRIES = 20
_FILLED_AT = 1573567032.0


async def fill(store: IStore, stocks: Sequence[Stock], workers: int) -> None:
    """Put tasks and Workers into a store."""
    imports = itertools.chain.from_iterable(map(_imports, stocks))
    slices = itertools.count(1)
    while part := list(itertools.islice(imports, _SLICE)):
        await _insist(lambda part=part: store.tasks.take_in(part))  # type: ignore[misc]
        await _tend(store, next(slices))
    while await _insist(lambda: store.tasks.release(_SLICE)):
        await _tend(store, next(slices))
    hashed = bcrypt.hashpw(a_worker(0).secret.encode(), bcrypt.gensalt(COST))
    for number in range(workers):
        await store.workers.add(_registered(number, hashed))


async def _tend(store: IStore, slices: int) -> None:
    """Do now and then what a Manager does every second: without it the log of the embedded store only grows."""
    if slices % _TEND_EVERY == 0:
        await store.checkpoint()


async def _insist(step: Callable[[], Awaitable[T]]) -> T:
    """Do what may be done again until it is done: a database may be busy with many tasks at once."""
    for _ in range(_TRIES):
        with suppress(StoreUnavailable):
            return await step()
    return await step()


def _imports(stock: Stock) -> Iterator[Import]:
    for number, document in enumerate(stock.documents()):
        found = described(document)
        task, holder = taken_in(found.task, now=_FILLED_AT), stock.holder(number)
        if holder is not None:
            task = evolve(task, worker_id=holder.id, last_worker_ping=_FILLED_AT)
        yield Import(before=None, after=task, commands=found.commands)


def _registered(number: int, hashed: bytes) -> Worker:
    return Worker(
        id=a_worker(number).id,
        hashed_secret=hashed,
        nickname=f"render{number:04}",
        address="127.0.0.1",
        platform="linux",
        software="Flamenco-Worker/2.5",
        supported_task_types=(TASK_TYPE,),
        status="awake",
        last_activity=_FILLED_AT,
    )


def _opened(place: str, running: Any) -> IStore:
    if place.startswith("mongodb:"):
        return MongoStore.connect(MongoAddress.from_text(place), running, running, "a benchmark", since_boot)
    return SQLiteStore.open(Path(place), running, deferToThread)


async def _main(running: Any) -> None:
    contents = json.loads(sys.argv[2])
    store = _opened(sys.argv[1], running)
    await store.repair()
    await fill(store, [Stock(**stock) for stock in contents["stocks"]], contents["workers"])
    await store.close()
    print(json.dumps(True))


if __name__ == "__main__":
    react(lambda running: Deferred.fromCoroutine(_main(running)))
