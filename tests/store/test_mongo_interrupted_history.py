"""What happened, and what is counted, is right whatever a process is interrupted in."""

from attrs import evolve

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event, of_worker
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.mongo import MongoStore
from tests.builders import JOB, WORKER, a_worker, an_update
from tests.store.contract.case import an_id
from tests.store.interrupting import OTHER, TYPES, InterruptedCase, become, complete, download


async def ban(store: MongoStore, now: float = 5.0) -> None:
    """Ban a worker, with what is said of it, if it is not banned."""
    line = BlacklistLine(worker_id=WORKER, job=JOB, task_type=TYPES[0], created=now)
    await store.blacklist.add(line, Event(at=now, kind="worker", worker=WORKER, after=f"banned at {now}"))


async def collect(store: MongoStore) -> None:
    """Let what happened get into the event log."""
    await store.history.recording.collect()


class InterruptedHistoryTests(InterruptedCase):
    def test_events(self) -> None:
        """What happens gets into the event log once, in the order of each task, and gets a place."""

        async def claim(store: MongoStore) -> None:
            task = await store.tasks.get(OTHER)
            assert task is not None
            if task.status != "completed":
                await become(store, OTHER, "active", an_id(11), worker_id=WORKER)
                await become(store, OTHER, "completed", an_id(12))

        self.interrupt(collect, download, complete, claim)
        self.interrupt(claim, download, collect)

    def test_forget(self) -> None:
        """Old events are forgotten, and the others stay."""

        async def forget(store: MongoStore) -> None:
            await store.history.forget(2.0, 10)

        async def happen(store: MongoStore) -> None:
            for at in (1.0, 2.0, 3.0):
                await store.history.note(Event(at=at, kind="operator", after=str(at)))

        self.interrupt(forget, happen)

    def test_ban(self) -> None:
        """What is said of a new line of the blacklist is there as soon as the line is, once."""
        self.interrupt(ban, download)
        self.interrupt(collect, ban)

    def test_lifted_ban(self) -> None:
        """What is said of a line, and of its removal, outlives the line."""

        async def lift(store: MongoStore) -> None:
            event = Event(at=6.0, kind="operator", worker=WORKER, after="lifted")
            await store.blacklist.remove(WORKER, JOB, TYPES[0], event)

        self.interrupt(lift, ban)

    def test_ban_anew(self) -> None:
        """A ban that has expired and is made again does not lose what was said of it the first time."""

        async def ban_anew(store: MongoStore) -> None:
            await ban(store, 30 * 86_400.0)

        self.interrupt(ban_anew, ban)

    def test_requeued(self) -> None:
        """What an operator has to do with a change of a task is in the log as soon as the change is made, once."""

        async def requeue(store: MongoStore) -> None:
            task = await store.tasks.get(OTHER)
            assert task is not None
            if task.status != "queued":
                after = evolve(task, status="queued")
                said = Event(at=5.0, kind="operator", task=OTHER, after="requeued")
                assert await store.tasks.apply(Transition(before=task, after=after, said=said))

        self.interrupt(requeue, download)
        self.interrupt(collect, download, requeue)

    def test_parked_updates(self) -> None:
        """What is said of updates that are queued again, or dropped, is there as soon as that is done, once."""

        async def park(store: MongoStore) -> None:
            await store.updates.add(an_update(id=an_id(20), task_id=an_id(30)))
            (queued,) = await store.updates.oldest(0, 1 << 30)
            await store.updates.park(queued, "no", 5.0)

        async def drop(store: MongoStore) -> None:
            await store.updates.drop_parked(an_id(20), Event(at=5.0, kind="operator", after="dropped"))

        async def add(store: MongoStore) -> None:
            update = an_update(id=an_id(21), task_id=an_id(30))
            await store.updates.add(update, Event(at=5.0, kind="operator", after="told again"))

        self.interrupt(drop, park)
        self.interrupt(add, park)

    def test_removed_worker(self) -> None:
        """A worker that is removed leaves behind what happened to it."""

        async def enlist(store: MongoStore) -> None:
            await store.workers.add(a_worker())
            worker = await store.workers.get(WORKER)
            assert worker is not None
            after = evolve(worker, status="offline")
            await store.workers.change(worker, after, of_worker(worker, after, 3.0))

        async def remove(store: MongoStore) -> None:
            worker = await store.workers.get(WORKER)
            if worker is not None:
                await store.workers.remove(worker)

        self.interrupt(remove, enlist)

    def test_recount(self) -> None:
        """A count that is interrupted is done again, and is right."""

        async def recount(store: MongoStore) -> None:
            await store.overview.recount()

        self.interrupt(recount, download, recount, complete)
