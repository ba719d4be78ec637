"""A process is killed before or after any command that it sends, in a test."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import EventsAsked, Import, StoreUnavailable
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.queries import EVERYTHING
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.builders import TASK, WORKER, a_task, an_update
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server
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
    await become(store, PARENT, "completed", an_id(10))


async def become(store: MongoStore, task_id: str, status: str, update_id: str, **changes: Any) -> None:
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


class InterruptedCase(SynchronousTestCase):
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

    async def quiet(self, store: MongoStore) -> None:
        """Let everything come to rest."""
        await store.tasks.settling.settled()
        await store.tasks.outboxes.collect()
        await store.history.recording.collect()


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
                await store.tasks.candidate(worker, TYPES, skip, 0.0)
                for worker in (WORKER, OTHER)
                for skip in ((), (PARENT,), (PARENT, OTHER))
            ]
        ],
        "queue": [(one.update, one.version) for one in await store.updates.oldest(0, 1 << 30)],
        "waiting": await store.updates.waiting(),
        "counts": (await store.overview.counts()).by_status,
        "jobs": [(one.job, one.by_status) for one in (await store.overview.jobs(None, 100)).items],
        "parked": await store.updates.parked(),
        "aside": await store.tasks.aside(),
        "mark": await store.mark.get(),
        "blacklist": await store.blacklist.lines(0.0),
        "workers": [evolve(worker, revision=0) for worker in workers],
        "events": await _happened(store),
    }


async def _happened(store: MongoStore) -> Mapping[str, Sequence[str]]:
    """Return what the event log has of each task and worker, in its order."""
    happened: dict[str, list[str]] = defaultdict(list)
    page = await store.history.events(EventsAsked(), None, 1000, newest_first=False)
    places = [one.place for one in page.items]
    assert sorted(set(places)) == places
    for one in page.items:
        happened[one.event.task or one.event.worker or ""].append(f"{one.event.before} -> {one.event.after}")
    return happened


async def documents(link: MongoLink) -> dict[str, list[dict[str, Any]]]:
    """Return all documents of the collections that depend on each other."""
    return {
        name: await Collection(link, name).find(EVERYTHING)
        for name in ("flamenco_tasks", "flamenco_set_aside", "task_update_queue")
    }
