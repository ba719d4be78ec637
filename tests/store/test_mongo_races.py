"""Two Managers work on one database, one command of either at a time in any order, and nothing goes wrong."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from attrs import evolve
from bson import ObjectId
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.updates import QueuedUpdate, Transition
from flamenco_mgr.store.interfaces import Import, SetAside
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.queries import EVERYTHING, by_id
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.builders import a_task, an_update
from tests.mongo.pump import pump, turn
from tests.mongo.server import a_database, server
from tests.store.contract.case import an_id
from tests.store.mongo_facts import wrong
from tests.store.mongo_links import HeldLink

CHILD, FATHER, MOTHER = an_id(1), an_id(2), an_id(3)
TASKS = (CHILD, FATHER, MOTHER)

Act = Callable[[MongoStore], Awaitable[None]]

PROFILE = examples(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def become(task_id: str, status: str, **changes: Any) -> Act:
    """Return what gives a task a status, unless it changed while that was decided."""

    async def act(store: MongoStore) -> None:
        task = await store.tasks.get(task_id)
        assert task is not None
        await store.tasks.apply(Transition(before=task, after=evolve(task, status=status, **changes)))

    return act


def set_aside(task_id: str) -> Act:
    """Return what sets a task aside."""
    return lambda store: store.tasks.set_aside([SetAside(task_id=task_id, reason="", document="", since=0.0)])


def understand(task_id: str, **changes: Any) -> Act:
    """Return what takes a copy of a task in, held."""

    async def act(store: MongoStore) -> None:
        task = await store.tasks.get(task_id)
        assert task is not None
        await store.tasks.take_in([Import(before=task, after=evolve(task, **changes), commands=(), held=True)])

    return act


async def release(store: MongoStore) -> None:
    """Let what is held go."""
    await store.tasks.release(2)


async def settle(store: MongoStore) -> None:
    """Do what others have left half done."""
    await store.tasks.settling.settle_left()


acts = st.one_of(
    st.builds(become, st.just(FATHER), st.sampled_from(["completed", "queued"])),
    st.builds(become, st.just(FATHER), st.sampled_from(["completed", "queued"])),
    st.builds(become, st.just(MOTHER), st.just("completed")),
    st.builds(become, st.just(CHILD), st.sampled_from(["active", "queued", "completed"])),
    st.builds(set_aside, st.sampled_from([FATHER, MOTHER])),
    st.builds(understand, st.sampled_from([FATHER, MOTHER])),
    st.sampled_from([(), (FATHER,), (FATHER, MOTHER)]).map(lambda parents: understand(CHILD, parents=parents)),
    st.sampled_from([release, settle]),
)
scripts = st.lists(acts, min_size=1, max_size=4)
runs = st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=2, max_size=16)
orders = runs.map(lambda some: [second for second, length in some for _ in range(length)])


def forget(task_id: str) -> Act:
    """Return what removes a task, if nothing needs it."""

    async def act(store: MongoStore) -> None:
        task = await store.tasks.get(task_id)
        await store.tasks.remove([] if task is None else [task])

    return act


def go_on(task_id: str, status: str) -> Act:
    """Return what gives a task a status, if it is here."""

    async def act(store: MongoStore) -> None:
        if await store.tasks.get(task_id) is not None:
            await become(task_id, status)(store)

    return act


async def be_born(store: MongoStore) -> None:
    """Take in one more child of both."""
    child = a_task(id=an_id(4), parents=(FATHER, MOTHER))
    await store.tasks.take_in([Import(before=None, after=child, commands=())])
    await store.tasks.release(2)


lives = st.lists(
    st.one_of(
        st.builds(forget, st.sampled_from([FATHER, MOTHER])),
        st.builds(go_on, st.sampled_from([FATHER, CHILD]), st.sampled_from(["completed", "queued", "canceled"])),
        st.sampled_from([be_born, settle]),
    ),
    min_size=1,
    max_size=3,
)


class RaceCase(SynchronousTestCase):
    """A database with a child and its parents, and two stores on it."""

    def setUp(self) -> None:
        self.mongo = server()

    def result_of(self, awaitable: Awaitable[Any]) -> Any:
        return self.successResultOf(pump(awaitable))

    def begin(self) -> None:
        """Begin anew with two stores."""
        self.database = a_database()
        pairs = [self.a_store(ahead) for ahead in (0.0, 3600.0)]
        self.stores = [store for store, _ in pairs]
        self.links = [link for _, link in pairs]
        family = [a_task(id=CHILD, parents=(FATHER, MOTHER)), a_task(id=FATHER), a_task(id=MOTHER)]
        imports = [Import(before=None, after=task, commands=()) for task in family]
        self.result_of(self.stores[0].tasks.take_in(imports))
        self.result_of(self.stores[0].tasks.release(9))
        self.result_of(self.stores[0].tasks.settling.settled())

    def end(self) -> None:
        """Let go of both stores and the database."""
        for store in self.stores:
            self.result_of(store.close())
        self.mongo.drop(self.database)

    def a_store(self, ahead: float) -> tuple[MongoStore, HeldLink]:
        """Return a store whose clock is so much ahead, and its link."""
        clock = Clock()
        clock.advance(1000.0 + ahead)
        link = HeldLink.connect(MongoAddress.from_text(self.mongo.url(self.database)), clock, reactor)
        assert isinstance(link, HeldLink)
        store = MongoStore.over(link, clock, "a test", clock.seconds)
        self.result_of(store.repair())
        return store, link

    def race(self, scripts: Sequence[Sequence[Act]], order: Sequence[bool]) -> None:
        """Let both stores do what their scripts say, one command of either at a time in this order."""
        for link in self.links:
            link.holding = True
        playing = [
            Deferred.fromCoroutine(_play(store, script)) for store, script in zip(self.stores, scripts, strict=True)
        ]
        for link in self.turns(order):
            self.let_go(link, 1)
        for link in self.links:
            link.holding = False
        for played in playing:
            self.result_of(played)
        for store in self.stores:
            self.result_of(store.tasks.settling.settled())

    def let_go(self, link: HeldLink, commands: int) -> None:
        """Let so many commands be carried out, one after the other."""
        for _ in range(commands):
            link.let_go()
            turn(lambda: not link.in_flight)

    def turns(self, order: Sequence[bool]) -> Iterator[HeldLink]:
        """Yield the link whose turn it is, as long as anybody has something to do; by turns after the order's end."""
        step = 0
        while any(link.waiting for link in self.links):
            second = order[step] if step < len(order) else bool(step % 2)
            first = self.links[second]
            yield first if first.waiting else self.links[not second]
            step += 1

    def assert_right(self) -> None:
        """Nothing is wrong with the documents, and the two stores agree."""
        link = self.links[0]
        found = {
            name: self.result_of(Collection(link, name).find(EVERYTHING))
            for name in ("flamenco_tasks", "flamenco_set_aside", "task_update_queue")
        }
        self.assertEqual(wrong(found), [])


class SettlingRaceTests(RaceCase):
    @PROFILE
    @given(first=scripts, second=scripts, order=orders)
    def test_settling(self, first: list[Act], second: list[Act], order: list[bool]) -> None:
        """Whatever two Managers do to a family at once, in the end the child waits exactly for whom it must."""
        self.begin()
        try:
            self.race([first, second], order)
            self.assert_right()
        finally:
            self.end()

    def test_late_news(self) -> None:
        """What is said of a parent too late, since the process was stopped meanwhile, is not believed."""
        for late, since, waits in (("completed", "queued", True), ("queued", "completed", False)):
            with self.subTest(late=late):
                self.begin()
                if late == "queued":
                    self.result_of(become(FATHER, "completed")(self.stores[0]))
                first, second = self.links
                first.holding = True
                changing = Deferred.fromCoroutine(_play(self.stores[0], [become(FATHER, late)]))
                self.let_go(first, 3)  # the task is read, changed, and read again to be settled
                self.result_of(changing)
                self.assertEqual(len(first.waiting), 1)
                self.result_of(become(FATHER, since)(self.stores[1]))
                self.result_of(self.stores[1].tasks.settling.settled())
                first.holding = False
                self.let_go(first, 1)
                self.result_of(self.stores[0].tasks.settling.settled())
                (child,) = self.result_of(Collection(second, "flamenco_tasks").find(by_id(CHILD)))
                self.assertEqual(ObjectId(FATHER) in child["mgr"]["open"], waits)
                self.assert_right()
                self.end()

    def test_due_again(self) -> None:
        """A task that has become due once more while it was being settled stays due, and is settled once more."""
        self.begin()
        first, second = self.links
        first.holding = second.holding = True
        changing = Deferred.fromCoroutine(_play(self.stores[0], [become(FATHER, "completed")]))
        self.let_go(first, 3)  # the task is read, changed, and read again to be settled
        self.result_of(changing)
        # Another process changes it, and does not get to settle it.
        changing = Deferred.fromCoroutine(_play(self.stores[1], [become(FATHER, "queued")]))
        self.let_go(second, 2)
        self.result_of(changing)
        first.holding = False
        self.let_go(first, 1)
        self.assertEqual(self.result_of(self.stores[0].tasks.settling.settle_left()), 1)
        self.assert_right()
        second.holding = False
        self.let_go(second, 1)
        self.end()


class RemovalRaceTests(RaceCase):
    @PROFILE
    @given(first=lives, second=lives, order=orders)
    def test_removal(self, first: list[Act], second: list[Act], order: list[bool]) -> None:
        """Whatever happens to a family while parents are removed, nobody waits for one that is gone in the end."""
        self.begin()
        try:
            for parent in (FATHER, MOTHER):
                self.result_of(become(parent, "canceled")(self.stores[0]))
            self.result_of(become(CHILD, "canceled", parents=())(self.stores[0]))
            self.race([first, second], order)
            self.assert_right()
        finally:
            self.end()

    def test_late_child(self) -> None:
        """A child that comes between any two steps of its parent's removal does not wait for it for ever."""
        over = False
        for steps in range(100):
            self.begin()
            self.result_of(become(CHILD, "canceled", parents=())(self.stores[0]))
            self.result_of(become(FATHER, "canceled")(self.stores[0]))
            self.result_of(self.stores[0].tasks.settling.settled())
            first, _ = self.links
            first.holding = True
            removing = Deferred.fromCoroutine(_play(self.stores[0], [forget(FATHER)]))
            for _ in range(steps):
                if first.waiting:
                    self.let_go(first, 1)
            over = removing.called
            self.result_of(be_born(self.stores[1]))
            self.result_of(self.stores[1].tasks.settling.settled())
            first.holding = False
            if first.waiting:
                self.let_go(first, 1)
            self.result_of(removing)
            self.assert_right()
            self.end()
            if over:
                break
        self.assertTrue(over)


class QueueRaceTests(RaceCase):
    @PROFILE
    @given(
        first=st.lists(st.integers(0, 4), min_size=1, max_size=5),
        second=st.lists(st.integers(0, 4), min_size=1, max_size=5),
        order=orders,
    )
    def test_queue(self, first: list[int], second: list[int], order: list[bool]) -> None:
        """Two Managers that both push, one of them late, lose nothing, and send nothing that was handled before."""
        self.begin()
        try:
            server_side = Pushing()
            acts = [server_side.act(0), server_side.act(1), server_side.collect, server_side.push, server_side.push]
            self.race([[acts[number] for number in first], [acts[number] for number in second]], order)
            for store in self.stores:
                self.result_of(server_side.push(store))
                self.result_of(server_side.push(store))
            self.assertEqual([self.result_of(store.updates.waiting()) for store in self.stores], [0, 0])
            self.assertEqual(server_side.late, [])
            self.assertEqual(server_side.order_of(FATHER), server_side.said)
            self.assertEqual(server_side.words, server_side.last_words)
            self.assert_right()
        finally:
            self.end()


class Pushing:
    """What is said of a task, and what a Server hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.words = ""
        self.heard: list[QueuedUpdate] = []
        self.handled: Counter[tuple[str, int]] = Counter()
        self.late: list[str] = []
        self._number = 100

    def act(self, kind: int) -> Act:
        """Return what changes the task's status (0), or only says something (1)."""

        async def say(store: MongoStore) -> None:
            self._number += 1
            update_id = an_id(self._number)
            task = await store.tasks.get(FATHER)
            assert task is not None
            status = f"status {update_id}" if kind == 0 else task.status
            activity = task.activity if kind == 0 else update_id
            update = an_update(
                id=update_id,
                task_id=FATHER,
                status=status if kind == 0 else None,
                activity="" if kind == 0 else activity,
            )
            after = evolve(task, status=status, activity=activity)
            if await store.tasks.apply(Transition(before=task, after=after, update=update)):
                if kind == 0:
                    self.said.append(status)
                else:
                    self.words = activity

        return say

    async def collect(self, store: MongoStore) -> None:
        """Move what is on its way."""
        await store.tasks.outboxes.collect()

    async def push(self, store: MongoStore) -> None:
        """Tell the Server, which takes everything."""
        before = set(self.handled)
        batch = await store.updates.oldest(2, 1 << 30)
        self.late += [one.update.id for one in batch if (one.update.id, one.version) in before]
        self.heard += batch
        await store.updates.handled(batch)
        self.handled.update((one.update.id, one.version) for one in batch)

    @property
    def last_words(self) -> str:
        """What the Server has heard the task say last."""
        said = [(one.sequence, one.version, one.update.activity) for one in self.heard if one.update.activity]
        return max(said)[2] if said else ""

    def order_of(self, task_id: str) -> list[str]:
        """Return the statuses of a task in the order in which the Server heard of each first."""
        statuses = [one.update.status for one in self.heard if one.update.task_id == task_id]
        return list(dict.fromkeys(status for status in statuses if status is not None))


async def _play(store: MongoStore, script: Sequence[Act]) -> None:
    for act in script:
        await act(store)
