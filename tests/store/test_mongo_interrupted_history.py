"""What happened, and what is counted, is right whatever a process is interrupted in."""

from attrs import evolve

from flamenco_mgr.domain.events import Event, of_worker
from flamenco_mgr.store.mongo import MongoStore
from tests.builders import WORKER, a_worker
from tests.store.contract.case import an_id
from tests.store.interrupting import OTHER, InterruptedCase, become, complete, download


class InterruptedHistoryTests(InterruptedCase):
    def test_events(self) -> None:
        """What happens gets into the event log once, in the order of each task, and gets a place."""

        async def collect(store: MongoStore) -> None:
            await store.history.recording.collect()

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
