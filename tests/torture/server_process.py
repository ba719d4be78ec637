"""
The stand-in Server as a process that may be killed: what it has answered it knows after its next start.

One that is not to be killed does not save (``saves`` is 0), and forgets what is over.

``python -m tests.torture.server_process <its starter's pid> <directory> <port> <seed> <saves> <starts>``
"""

import io
import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Site

from flamenco_mgr.demo.bound_twistd import bind
from flamenco_mgr.demo.plan import MANAGER_ID, MANAGER_SECRET
from flamenco_mgr.demo.standin.behaviour import Behaviour, LoseAnswer, Proceed, Refuse, Slow
from flamenco_mgr.demo.standin.conduct import Conduct
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.jobs import render_job, video_chunks_job
from flamenco_mgr.demo.standin.replies import Reply
from flamenco_mgr.demo.standin.statuses import FINAL, LOG_CAN_BE_ASKED_FOR, JobStatus, TaskStatus
from flamenco_mgr.demo.standin_server import StandInServer
from tests.torture.talk import Desk

HERE = "127.0.0.1"

_CHANGING = (
    Endpoint.DEPSGRAPH,
    Endpoint.CHUNK,
    Endpoint.PUSH,
    Endpoint.LOG,
    Endpoint.STARTUP,
    Endpoint.UPDATE,
)


@define(eq=False, kw_only=True)
class ServerDisk:
    """The file that outlives the process; its clock and its conduct are each process's own."""

    path: Path

    def save(self, server: StandInServer) -> None:
        """Write everything down, as a whole or not at all."""
        draft = self.path.with_suffix(".new")
        with draft.open("wb") as file:
            _Pickler(server, file).dump(server)
        draft.replace(self.path)

    def found(self, clock: IReactorTime) -> StandInServer | None:
        """Return the Server as it was saved last, or None if it never was."""
        if not self.path.exists():
            return None
        found = _Unpickler(clock, io.BytesIO(self.path.read_bytes())).load()
        assert isinstance(found, StandInServer)
        return found


class _Pickler(pickle.Pickler):
    def __init__(self, server: StandInServer, file: Any) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._clock = server.clock

    def persistent_id(self, obj: object) -> str | None:
        if obj is self._clock:
            return "clock"
        return "conduct" if isinstance(obj, Conduct) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, clock: IReactorTime, file: Any) -> None:
        super().__init__(file)
        self._own: dict[str, object] = {"clock": clock, "conduct": Conduct()}

    def persistent_load(self, pid: str) -> object:
        return self._own[pid]


@define(eq=False)
class Saved:
    """Does what was asked, and answers when it is on the disk."""

    _server: StandInServer
    _disk: ServerDisk

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it needs no time
        """Save before the answer is sent."""
        reply = await proceed()
        self._disk.save(self._server)
        return reply


@define(eq=False, kw_only=True)
class Users:
    """What people do at the Server, when the torturer says so; nobody else's chance has a part in it."""

    server: StandInServer
    disk: ServerDisk
    chance: Random
    saves: bool
    saved: Behaviour = field()

    @saved.default
    def _saving(self) -> Behaviour:
        return Saved(self.server, self.disk)

    def begin(self) -> None:
        """See that whatever changes something is saved before it is answered."""
        for endpoint in _CHANGING if self.saves else ():
            self.server.behave(self.saved, endpoint=endpoint)

    def add_jobs(self, least: int) -> int:
        """Add jobs until so many tasks are not over, and return how many that are."""
        if not self.saves:
            self._forget()
        while self.unfinished() < least:
            if self.chance.random() < 0.5:
                draft = render_job(10 * self.chance.randrange(5, 30), chunk_size=10, priority=self._priority())
            else:
                draft = video_chunks_job(60 * self.chance.randrange(3, 15), chunk_size=60, priority=self._priority())
            self.server.books.add_job(draft)
        self._save()
        return self.unfinished()

    def act(self, what: str) -> str:
        """Do something that users do, to a task by chance; return what it was done to."""
        books = self.server.books
        running = [task for task in books.tasks() if task.status in {TaskStatus.ACTIVE, TaskStatus.CLAIMED}]
        over = [task for task in books.tasks() if task.status in LOG_CAN_BE_ASKED_FOR]
        done = [task for task in over if task.status == TaskStatus.COMPLETED]
        about = ""
        if what == "cancel" and running:
            about = self._one(running).id
            books.cancel_task(about)
        elif what == "requeue" and done:
            about = self._one(done).id
            books.requeue_task(about)
        elif what == "log" and over:
            task = self._one(over)
            about = task.id
            books.request_log(task.job, task.id)
        elif what == "priority" and running:
            about = self._one(running).job
            books.set_job_priority(about, self._priority())
        self._save()
        return about

    def misbehave(self, how: str) -> str:
        """Behave badly to the next few requests."""
        bad: dict[str, tuple[Behaviour, ...]] = {
            "lose": (LoseAnswer(), self.saved),
            "refuse": (Refuse(),),
            "slow": (Slow(0.5), self.saved),
        }
        endpoint = self.chance.choice(_CHANGING)
        self.server.behave(*bad[how], endpoint=endpoint, times=self.chance.randrange(1, 4))
        return str(endpoint)

    def calm(self) -> int:
        """Behave well from now on, and have done again what was canceled; return how many jobs that concerns."""
        self.server.behave_well()
        self.begin()
        books, again = self.server.books, 0
        for job in books.jobs():
            if job.counts[TaskStatus.CANCELED] and not job.counts[TaskStatus.CANCEL_REQUESTED]:
                books.requeue_job(job.id)
                again += 1
        self._save()
        return again

    def sight(self) -> dict[str, int]:
        """Tell how much is left to do."""
        books = self.server.books
        return {
            "tasks": len(books.tasks()),
            "unfinished": self.unfinished(),
            "uncompleted": sum(job.status != JobStatus.COMPLETED for job in books.jobs()),
            "logs": len(books.wanted_logs),
            "sent_logs": len(self.server.record.logs),
        }

    def unfinished(self) -> int:
        """Return how many tasks are not over."""
        return sum(task.status not in FINAL for task in self.server.books.tasks())

    def _save(self) -> None:
        if self.saves:
            self.disk.save(self.server)

    def _forget(self) -> None:
        books, record = self.server.books, self.server.record
        for job in list(books.jobs()):
            if job.status == JobStatus.COMPLETED:
                books.archive_job(job.id)
                books.delete_job(job.id)
        for kept in (record.received, record.changes, record.times_received, record.pushes, record.downloads):
            kept.clear()

    def _one(self, tasks: list[StandInTask]) -> StandInTask:
        return self.chance.choice(tasks)

    def _priority(self) -> int:
        return self.chance.randrange(1, 100)


def main(directory: Path, port: int, seed: str, saves: str, life: int) -> None:
    """Serve until standard input closes, or somebody kills this."""
    from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor

    clock = IReactorTime(reactor)
    disk = ServerDisk(path=directory / "server.pickle")
    server = disk.found(clock) or StandInServer(clock, Random(seed), MANAGER_ID, MANAGER_SECRET)
    users = Users(server=server, disk=disk, chance=Random(f"{seed}/{life}"), saves=saves != "0")
    users.begin()
    listening: Any = reactor
    listening.listenTCP(port, Site(server.resource(), parsePOSTFormSubmission=False), interface=HERE)
    verbs: Mapping[str, Callable[..., object]] = {
        "jobs": users.add_jobs,
        "act": users.act,
        "misbehave": users.misbehave,
        "calm": users.calm,
        "sight": users.sight,
    }
    Desk.open(verbs, reactor)
    listening.run()


if __name__ == "__main__":
    bind(int(sys.argv[1]))
    main(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], int(sys.argv[6]))
