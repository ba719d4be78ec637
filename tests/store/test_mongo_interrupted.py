"""A process may be killed before or after any command that it sends, and nothing is lost, doubled or stuck."""

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve

from flamenco_mgr.domain.events import of_worker
from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.store.interfaces import Import, SetAside, WorkerBeat
from flamenco_mgr.store.mongo import MongoStore
from tests.builders import TASK, WORKER, a_task, a_worker, an_update
from tests.mongo.server import a_database
from tests.mongo.server import stand_in as the_stand_in
from tests.store.contract.case import an_id
from tests.store.interrupting import (
    OTHER,
    PARENT,
    InterruptedCase,
    become,
    complete,
    documents,
    download,
    push,
    say,
    state,
)
from tests.store.mongo_facts import wrong
from tests.store.mongo_links import CutLink

MANY = 10_000


class InterruptedTests(InterruptedCase):
    def test_connection_lost(self) -> None:
        """A connection that breaks, before a command is carried out or before its answer comes, changes nothing."""
        self.mongo = the_stand_in()
        expected = self.at_work(None)
        for fault in ("closeConnection", "closeAfter"):
            for skip in range(self.needed):
                with self.subTest(fault=fault, skip=skip):
                    self.assertEqual(self.at_work(partial(self.break_one, skip, fault)), expected)

    def break_one(self, skip: int, fault: str) -> None:
        """Let a connection break after so many commands."""
        the_stand_in().fail(skip=skip, database=self.database, **{fault: True})

    def at_work(self, trouble: Callable[[], None] | None) -> Any:
        """Return how all stands after a short life of the farm, in which there is some trouble."""
        self.database = a_database()
        store, link = self.a_store(CutLink)
        link.left = MANY
        try:
            if trouble is not None:
                trouble()
            for act in (download, complete, lambda store: say(store, 11, "a"), self.quiet, push):
                self.result_of(act(store))
            self.needed = MANY - link.left
            the_stand_in().work()
            found = self.result_of(state(store))
            self.assertEqual(wrong(self.result_of(documents(link))), [])
        finally:
            the_stand_in().work()
            self.close(store, link)
            self.mongo.drop(self.database)
        return found

    def test_download(self) -> None:
        """New tasks come in, each once, and wait for their parents."""
        self.interrupt(download)

    def test_complete(self) -> None:
        """A parent that is completed lets its children run, and the Server hears of it."""
        self.interrupt(complete, download)

    def test_again(self) -> None:
        """A parent that is requeued makes its children wait again."""
        self.interrupt(lambda store: become(store, PARENT, "queued", an_id(11)), download, complete)

    def test_claim_and_return(self) -> None:
        """A task that is claimed and comes back may be given out again."""

        async def claim(store: MongoStore) -> None:
            task = await store.tasks.get(PARENT)
            assert task is not None
            if task.activity != "back":
                await become(store, PARENT, "active", an_id(11), worker_id=WORKER)
                failed = (FailedBy(id=WORKER),)
                await become(store, PARENT, "soft-failed", an_id(12), failed_by=failed, activity="back")

        self.interrupt(claim, download)

    def test_merge(self) -> None:
        """A copy of the Server's with other parents is merged, held and released."""

        async def merge(store: MongoStore) -> None:
            task = await store.tasks.get(TASK)
            assert task is not None
            after = evolve(task, parents=(OTHER,), priority=7)
            if after != task:
                await store.tasks.take_in([Import(before=task, after=after, commands=(), held=True)])
            while await store.tasks.release(2):
                pass

        self.interrupt(merge, download)

    def test_set_aside(self) -> None:
        """Tasks that are not understood are waited for, whether they are here or not; then they are understood."""

        async def aside(store: MongoStore) -> None:
            named = (PARENT, an_id(3))
            await store.tasks.set_aside([SetAside(task_id=one, reason="no", document="", since=0.0) for one in named])

        async def understood(store: MongoStore) -> None:
            for copy in (a_task(id=PARENT, status="completed"), a_task(id=an_id(3), priority=1)):
                here = await store.tasks.get(copy.id)
                await store.tasks.take_in([Import(before=here, after=here or copy, commands=())])
            while await store.tasks.release(9):
                pass

        async def child(store: MongoStore) -> None:
            await store.tasks.take_in(
                [Import(before=None, after=a_task(id=an_id(4), parents=(an_id(3),), priority=90), commands=())]
            )
            await store.tasks.release(9)

        self.interrupt(aside, download, complete, child)
        self.interrupt(understood, download, complete, child, aside)

    def test_words(self) -> None:
        """Words are merged into those that wait, none is lost and none is told twice."""

        async def words(store: MongoStore) -> None:
            await say(store, 12, "a, b")
            await store.updates.oldest(0, 1 << 30)
            await say(store, 13, "a, b, c")
            await store.updates.oldest(0, 1 << 30)

        self.interrupt(words, download, lambda store: say(store, 11, "a"))

    def test_push(self) -> None:
        """What the Server has taken is forgotten, and its tasks know the number of the receipt."""

        async def both(store: MongoStore) -> None:
            await complete(store)
            await say(store, 11, "a")
            await store.updates.add(an_update(id=an_id(12), task_id=an_id(99), status="canceled"))

        self.interrupt(push, download, both)

    def test_park(self) -> None:
        """An update that the Server refuses is put out of the way, once."""

        async def park(store: MongoStore) -> None:
            for queued in await store.updates.oldest(1, 1):
                await store.updates.park(queued, "no", 5.0)

        self.interrupt(park, download, complete)

    def test_purge(self) -> None:
        """What is purged is gone, and tasks do not believe that it waits."""
        self.interrupt(lambda store: store.updates.purge(None), download, complete, lambda store: say(store, 11, "a"))

    def test_erase(self) -> None:
        """A clean slate has no tasks and no mark, and what waits for the Server waits still."""

        async def marked(store: MongoStore) -> None:
            await store.mark.set("a mark")

        self.interrupt(lambda store: store.tasks.erase(), download, complete, marked)

    def test_workers(self) -> None:
        """A worker registers once, changes, and is heard of."""

        async def register(store: MongoStore) -> None:
            await store.workers.add(a_worker())
            worker = await store.workers.get(WORKER)
            assert worker is not None
            if worker.status != "asleep":
                after = evolve(worker, status="asleep")
                assert await store.workers.change(worker, after, of_worker(worker, after, 3.0))
            beat = WorkerBeat(last_activity=5.0, address="10.0.0.9")
            await store.workers.beat({WORKER: beat}, {TASK: (WORKER, 5.0)})

        self.interrupt(register, download)
