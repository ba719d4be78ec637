"""
Whether the books of a tortured farm agree: ``python -m tests.torture.checking <directory>`` prints what does not.

The last line is the figures of what was compared, as JSON.
"""

import gzip
import json
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import react

from flamenco_mgr.demo.agreement import disagreements
from flamenco_mgr.demo.database import EmbeddedDatabase, MongoDatabase
from flamenco_mgr.demo.farm_books import FarmBooks, Night
from flamenco_mgr.demo.gathering import HasStore, gathered
from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.demo.worker.journal import Journal
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.farm.log_archive import NO_LOG
from flamenco_mgr.settings import load
from flamenco_mgr.storekeeping import embedded_checks
from flamenco_mgr.storekeeping.findings import Weight
from flamenco_mgr.storekeeping.stores import Embedded
from tests.torture.crew_books import CrewBooks
from tests.torture.server_process import ServerDisk

_SLOW = "no answer within"
"""What a Worker notes while a Manager is paused, or the machine is: here that is no offence."""


_ELSEWHERE = {"the Server has each log that it asked for, byte for byte"}
"""What is checked otherwise, as here tasks are done again whose logs the Server has."""

_LINES = "every log has its Worker's lines"

_LINES_MAY_LACK = ("Task logs cannot be written", "Task logs wait for the disk")
"""What a Manager says when log text, which is for people, waits in its memory: that goes when it is killed then."""


@frozen(eq=False, kw_only=True)
class ToldFarm:
    """What a farm has left behind: see `HasBooks`."""

    server: StandInServer
    database: HasStore
    crew: CrewBooks
    task_logs: Path
    nights: Sequence[Night] = field(default=())


def told(directory: Path, reactor: Any) -> ToldFarm:
    """Return what is in a farm's directory."""
    server = ServerDisk(path=directory / "server.pickle").found(IReactorTime(reactor))
    assert server is not None, "there was no Server"
    settings = load(directory / "manager-1" / "manager.yaml", directory / "manager-1").settings
    database: HasStore
    if settings.database_url:
        database = MongoDatabase.at(settings.database_url, reactor)
    else:
        database = EmbeddedDatabase(directory=settings.database_path, reactor=reactor)
    crews = [pickle.loads(path.read_bytes()) for path in sorted(directory.glob("crew-*.pickle"))]  # noqa: S301 our own
    return ToldFarm(server=server, database=database, crew=_together(crews), task_logs=settings.task_logs_path)


def _together(crews: Sequence[CrewBooks]) -> CrewBooks:
    journals: dict[str, Journal] = {}
    names: dict[str, str] = {}
    unsent: dict[str, int] = {}
    for number, crew in enumerate(crews, 1):
        journals.update((f"{number}/{name}", journal) for name, journal in crew.journals.items())
        names.update((worker, f"{number}/{name}") for worker, name in crew.names.items())
        unsent.update((f"{number}/{name}", count) for name, count in crew.unsent.items())
    for journal in journals.values():
        journal.offences[:] = [offence for offence in journal.offences if not offence.what.startswith(_SLOW)]
    return CrewBooks(journals=journals, names=names, unsent=unsent)


def violations(books: FarmBooks, *, lines: bool = True) -> Iterator[str]:
    """Yield what does not agree, each with what it disproves; without ``lines`` logs may be without some."""
    for proof, found in disagreements(books).items():
        if proof not in _ELSEWHERE and (lines or proof != _LINES):
            yield from (f"{proof}: {what}" for what in found)


def wrong_logs(farm: ToldFarm, books: FarmBooks) -> Iterator[str]:
    """
    Yield the logs that the Server got and no Manager ever had.

    It may have got one of a task that went on, or was done again, later: so it has the beginning of one of its logs. Of
    a task that had not begun it got what is sent instead.
    """
    for log in farm.server.record.logs:
        path = farm.task_logs / log_path(farm.server.books.task(log.task_id).job, log.task_id)
        kept = [_content(file) for file in sorted(path.parent.glob(f"{path.name}*"))]
        got = gzip.decompress(log.content)
        if got == NO_LOG and not _begun(books, log.task_id, log.at / 1000):
            continue
        if not any(one.startswith(got) for one in kept):
            yield f"the log of task {log.task_id} at the Server, {len(got)} bytes, is the beginning of none of {path}*"


def _begun(books: FarmBooks, task_id: str, before: float) -> bool:
    """Whether a Worker had said something of a task, which was not to be done again after that."""
    told = (one.at for journal in books.journals.values() for one in journal.acknowledged if one.task_id == task_id)
    return any(at < before and not books.requeued(task_id, after=at, until=before) for at in told)


def _content(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if ".gz" in file.suffixes else file.read_bytes()


def figures(books: FarmBooks) -> Mapping[str, int]:
    """Return how much was compared."""
    journals = books.journals.values()
    return {
        "tasks": len(books.server),
        "runs": sum(len(journal.runs) for journal in journals),
        "acknowledged": sum(len(journal.acknowledged) for journal in journals),
        "received": sum(len(received) for received in books.record.received.values()),
        "repeated": len(books.record.duplicates),
        "logs": len(books.sent_logs),
    }


def damages(directory: Path) -> Iterator[str]:
    """Yield what an embedded store derives wrongly, in use or not."""
    if (directory / "flamenco.sqlite3").exists():
        for finding in embedded_checks.examine(Embedded(directory=directory)):
            if finding.weight is Weight.DAMAGE:
                yield f"the store: {finding.text}"


async def _main(reactor: Any, directory: Path) -> None:
    farm = told(directory, reactor)
    books = await gathered(farm)
    said = "".join(path.read_text(errors="replace") for path in directory.glob("manager-*/manager.log"))
    lines = not any(words in said for words in _LINES_MAY_LACK)
    store = yaml.safe_load((directory / "manager-1" / "manager.yaml").read_text()).get("database_path")
    for line in (
        *violations(books, lines=lines),
        *wrong_logs(farm, books),
        *([] if store is None else damages(Path(store))),
    ):
        print(line)  # noqa: T201 it is a program
    print(json.dumps(figures(books)))  # noqa: T201


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, Path(sys.argv[1]))))
