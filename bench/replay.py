"""
The commands that a Manager has sent, sent again by the driver alone.

``python -m bench.replay URL FILE STREAMS`` reads commands from a file of BSON documents, sends them to the database of
a URL, in their order, as many at a time as there are streams, and writes the seconds, of time and of the processor, as
JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react
from txmongo.connection import ConnectionPool

from flamenco_mgr.store.mongo.connection import ACKNOWLEDGED, POOL_SIZE
from flamenco_mgr.store.mongo.uri import MongoAddress

_DRIVERS = ("$db", "lsid")
"""What the driver adds."""

_PATIENCE = 30


async def _stream(database: Any, commands: Iterator[dict[str, Any]]) -> None:
    for command in commands:
        await database.command(command, timeout=_PATIENCE)


def _read(path: Path) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = bson.decode_all(path.read_bytes())
    return [{name: value for name, value in one.items() if name not in _DRIVERS} for one in commands]


async def _main(_running: object) -> None:
    url, path, streams = sys.argv[1:]
    address = MongoAddress.from_text(url)
    pool = ConnectionPool(address.driver_uri, pool_size=POOL_SIZE, **ACKNOWLEDGED)
    database = pool[address.database]
    commands = _read(Path(path))
    # All connections are made before the clock starts.
    await gatherResults([Deferred.fromCoroutine(_stream(database, iter([{"ping": 1}]))) for _ in range(POOL_SIZE)])
    began, cpu = time.perf_counter(), time.process_time()
    waiting = iter(commands)
    await gatherResults([Deferred.fromCoroutine(_stream(database, waiting)) for _ in range(int(streams))])
    json.dump({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}, sys.stdout)
    await pool.disconnect()


if __name__ == "__main__":
    react(lambda running: Deferred.fromCoroutine(_main(running)))
