"""Collects the books of all three sides when the farm has stopped."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from flamenco_mgr.demo.farm_books import FarmBooks, Night, SentLog
from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.demo.worker.journal import Journal
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.store.interfaces import IStore


class HasStore(Protocol):
    """Where the Managers' store is."""

    def open_store(self) -> IStore:
        """Open it as a Manager would."""


class HasJournals(Protocol):
    """What the Workers have on record; see `FarmBooks`."""

    @property
    def journals(self) -> Mapping[str, Journal]:
        """What each did, by its name."""

    @property
    def names(self) -> Mapping[str, str]:
        """Their names, by the ids that they were given."""

    @property
    def unsent(self) -> Mapping[str, int]:
        """How many updates are on each one's disk."""


class HasBooks(Protocol):
    """A farm that has been run."""

    @property
    def server(self) -> StandInServer:
        """Its Server, of which only the books and the record are looked at."""

    @property
    def database(self) -> HasStore:
        """The Managers' store."""

    @property
    def crew(self) -> HasJournals:
        """The Workers."""

    @property
    def task_logs(self) -> Path:
        """Where the Managers have written the tasks' logs."""

    @property
    def nights(self) -> Sequence[Night]:
        """When Workers were to sleep."""


async def gathered(farm: HasBooks) -> FarmBooks:
    """
    Return what everybody has on record; the Managers must have ended.

    Raises `StoreRefused` or `StoreUnavailable` if what they have stored cannot be read.
    """
    tasks = farm.server.books.tasks()
    store = farm.database.open_store()
    try:
        held = {task.id: await store.tasks.get(task.id) for task in tasks}
        parked = [
            f"an update of task {parked.update.task_id} was parked: {parked.reason}"
            for parked in await store.updates.parked()
        ]
        aside = [f"task {task.task_id} was set aside: {task.reason}" for task in await store.tasks.aside()]
        counts = await store.tasks.counts()
        waiting = await store.updates.waiting()
        lines = await store.blacklist.lines(0.0)
    finally:
        await store.close()
    names = farm.crew.names
    return FarmBooks(
        names={task.id: task.name for task in tasks},
        server={task.id: task.status for task in tasks},
        record=farm.server.record,
        manager={task_id: task.status for task_id, task in held.items() if task is not None},
        strangers=sum(counts.values()) - sum(task is not None for task in held.values()),
        kinds={task.id: (task.job, str(task.document["task_type"])) for task in tasks},
        failed_by={
            task.id: tuple(names.get(failed["id"], failed["id"]) for failed in task.document["failed_by_workers"])
            for task in tasks
            if "failed_by_workers" in task.document
        },
        banned={(names.get(line.worker_id, line.worker_id), (line.job, line.task_type)) for line in lines},
        nights=farm.nights,
        sent_logs=[
            SentLog(
                task_id=log.task_id,
                got=gzip.decompress(log.content),
                kept=_log_file(farm, log.task_id).read_bytes(),
            )
            for log in farm.server.record.logs
        ],
        owed_logs=[task_id for _, task_id in farm.server.books.wanted_logs],
        waiting=waiting,
        set_aside=(*parked, *aside),
        journals=farm.crew.journals,
        unsent=farm.crew.unsent,
        logs={task.id: _logged(_log_file(farm, task.id)) for task in tasks},
    )


def _log_file(farm: HasBooks, task_id: str) -> Path:
    return farm.task_logs / log_path(farm.server.books.task(task_id).job, task_id)


def _logged(path: Path) -> str:
    """Return what is in a task's log and in all those that were rotated away."""
    files = [file for file in path.parent.glob(f"{path.name}*") if ".gz" not in file.suffixes]
    return "".join(file.read_text(encoding="utf-8") for file in sorted(files))
