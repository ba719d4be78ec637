"""A process may be killed before or after any command that it sends, and nothing is lost, doubled or stuck."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import, SetAside, StoreUnavailable, WorkerBeat
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.queries import EVERYTHING
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.builders import TASK, WORKER, a_task, a_worker, an_update
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server
from tests.mongo.server import stand_in as the_stand_in
from tests.store.contract.case import an_id
from tests.store.mongo_facts import wrong
from tests.store.mongo_links import CutLink, RepeatingLink

L = TypeVar("L", bound=MongoLink)

PARENT = an_id(1)
OTHER = an_id(2)
TYPES = ("blender-render",)
MOST_COMMANDS = 60
MANY = 10_000

Act = Callable[[MongoStore], Awaitable[Any]]


async def download(store: MongoStore) -> None:
    """Take in a task, its parent, and another one, as a download does."""
    wanted = [a_task(parents=(PARENT,)), a_task(id=PARENT, priority=40), a_task(id=OTHER, priority=30)]
    for task in wanted:
        standing = (await store.tasks.standing([task.id]))[task.id]
        if standing.task is None:
            await store.tasks.take_in([Import(before=None, after=task, commands=())])
    while await store.tasks.release(2):
        pass


async def complete(store: MongoStore) -> None:
    """Let the parent be completed."""
    await _become(store, PARENT, "completed", an_id(10))


async def _become(store: MongoStore, task_id: str, status: str, update_id: str, **changes: Any) -> None:
    """Do as a worker's request that is repeated does: decide anew on the newest task."""
    task = await store.tasks.get(task_id)
    assert task is not None
    if task.status != status:
        update = an_update(id=update_id, task_id=task_id, status=status)
        after = evolve(task, status=status, **changes)
        assert await store.tasks.apply(Transition(before=task, after=after, update=update))


async def push(store: MongoStore) -> None:
    """Let the Server have all that waits."""
    await store.updates.handled(await store.updates.oldest(0, 1 << 30))


async def say(store: MongoStore, number: int, activity: str) -> None:
    """Let a task say something, if it has not said so and maybe more."""
    task = await store.tasks.get(OTHER)
    assert task is not None
    if not task.activity.startswith(activity):
        update = an_update(id=an_id(number), task_id=OTHER, activity=activity)
        assert await store.tasks.apply(Transition(before=task, after=evolve(task, activity=activity), update=update))


class InterruptedTests(SynchronousTestCase):
    """Each test does something once undisturbed, and then again and again, cut off one command later each time."""

    def setUp(self) -> None:
        self.mongo = server()
        self.database = ""

    def result_of(self, awaitable: Awaitable[Any]) -> Any:
        return self.successResultOf(pump(awaitable))

    def a_store(self, kind: type[L]) -> tuple[MongoStore, L]:
        """Return a store on the test's database, and its link."""
        clock = Clock()
        link = kind.connect(MongoAddress.from_text(self.mongo.url(self.database)), clock, reactor)
        assert isinstance(link, kind)
        store = MongoStore.over(link, clock, "a test", clock.seconds)
        self.result_of(store.repair())
        return store, link

    def close(self, store: MongoStore, link: CutLink) -> None:
        """Let go of a store, dead or not."""
        link.left = None
        self.result_of(store.close())

    def interrupt(self, act: Act, *before: Act) -> None:
        """Whatever `act` is interrupted in, doing it again after a start leads where it leads undisturbed."""
        expected = self.after(act, before, None, unheard=False)
        for unheard in (False, True):
            for commands in range(MOST_COMMANDS):
                with self.subTest(commands=commands, unheard=unheard):
                    found = self.after(act, before, commands, unheard=unheard)
                    if found is None:
                        break
                    self.assertEqual(found, expected)
            else:
                self.fail("there is no end to it")
        for commands in range(MOST_COMMANDS):
            with self.subTest(repeated=commands):
                found = self.repeated(act, before, commands)
                if found is None:
                    break
                self.assertEqual(found, expected)

    def after(self, act: Act, before: tuple[Act, ...], commands: int | None, *, unheard: bool) -> Any:
        """Return how all stands after `act`; None if it needs no more commands than it may send."""
        self.database = a_database()
        try:
            store, link = self.a_store(CutLink)
            for step in (*before, self.quiet):
                self.result_of(step(store))
            link.left, link.unheard = commands, unheard
            doing = pump(act(store))
            self.result_of(store.tasks.settling.settled())
            unused = link.left
            done = not doing.addErrback(lambda failure: failure.trap(StoreUnavailable)).result
            self.close(store, link)
            if commands is not None and unused:
                return None
            store, link = self.a_store(CutLink)
            if not done:
                self.result_of(act(store))
            self.result_of(self.quiet(store))
            found = self.result_of(state(store))
            self.assertEqual(wrong(self.result_of(documents(link))), [])
            self.assertEqual(self.result_of(store.repair()), 0)
            self.close(store, link)
        finally:
            self.mongo.drop(self.database)
        return found

    def repeated(self, act: Act, before: tuple[Act, ...], commands: int) -> Any:
        """Return how all stands after `act`, one command of which was sent twice; None if there are no more."""
        self.database = a_database()
        try:
            store, link = self.a_store(RepeatingLink)
            for step in (*before, self.quiet):
                self.result_of(step(store))
            link.left = commands
            self.result_of(act(store))
            self.result_of(self.quiet(store))
            if link.left >= 0:
                return None
            found = self.result_of(state(store))
            self.assertEqual(wrong(self.result_of(documents(link))), [])
        finally:
            self.result_of(store.close())
            self.mongo.drop(self.database)
        return found

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

    async def quiet(self, store: MongoStore) -> None:
        """Let everything come to rest."""
        await store.tasks.settling.settled()
        await store.tasks.outboxes.collect()

    def test_download(self) -> None:
        """New tasks come in, each once, and wait for their parents."""
        self.interrupt(download)

    def test_complete(self) -> None:
        """A parent that is completed lets its children run, and the Server hears of it."""
        self.interrupt(complete, download)

    def test_again(self) -> None:
        """A parent that is requeued makes its children wait again."""
        self.interrupt(lambda store: _become(store, PARENT, "queued", an_id(11)), download, complete)

    def test_claim_and_return(self) -> None:
        """A task that is claimed and comes back may be given out again."""

        async def claim(store: MongoStore) -> None:
            task = await store.tasks.get(PARENT)
            assert task is not None
            if task.activity != "back":
                await _become(store, PARENT, "active", an_id(11), worker_id=WORKER)
                failed = (FailedBy(id=WORKER),)
                await _become(store, PARENT, "soft-failed", an_id(12), failed_by=failed, activity="back")

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
                assert await store.workers.change(worker, evolve(worker, status="asleep"))
            beat = WorkerBeat(last_activity=5.0, address="10.0.0.9")
            await store.workers.beat({WORKER: beat}, {TASK: (WORKER, 5.0)})

        self.interrupt(register, download)


async def state(store: MongoStore) -> Any:
    """Return what can be seen of a store, but for numbers that grow with each try."""
    ids = [TASK, *map(an_id, range(1, 5))]
    standing = await store.tasks.standing(ids)
    workers = await store.workers.all()
    return {
        "tasks": [task and evolve(task, revision=0) for task in [one.task for one in standing.values()]],
        "standing": [(one.waiting, one.final_waits, one.acked > 0) for one in standing.values()],
        "candidates": [
            task and task.id
            for task in [
                await store.tasks.candidate(worker, TYPES, skip)
                for worker in (WORKER, OTHER)
                for skip in ((), (PARENT,), (PARENT, OTHER))
            ]
        ],
        "queue": [(one.update, one.version) for one in await store.updates.oldest(0, 1 << 30)],
        "waiting": await store.updates.waiting(),
        "parked": await store.updates.parked(),
        "aside": await store.tasks.aside(),
        "mark": await store.mark.get(),
        "workers": [evolve(worker, revision=0) for worker in workers],
    }


async def documents(link: MongoLink) -> dict[str, list[dict[str, Any]]]:
    """Return all documents of the collections that depend on each other."""
    return {
        name: await Collection(link, name).find(EVERYTHING)
        for name in ("flamenco_tasks", "flamenco_set_aside", "task_update_queue")
    }
