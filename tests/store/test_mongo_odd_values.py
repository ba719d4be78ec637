"""What BSON cannot hold is kept in another way, or refused for the one task that has it."""

from typing import Any

from attrs import evolve
from bson import ObjectId

from flamenco_mgr.domain.tasks import Command
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import, SetAside, StoreUnavailable
from flamenco_mgr.store.mongo import MongoStore
from tests.builders import TASK, WORKER, a_task, an_update
from tests.store.contract.case import StoreCase, an_id
from tests.store.mongo_case import OnMongoDB

OTHER = an_id(2)

HUGE = (Command(name="echo", settings={"message": "x" * (17 << 20)}),)


def nested(levels: int) -> dict[str, Any]:
    """Return a setting of so many levels."""
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


class OddValueTests(OnMongoDB, StoreCase):
    store: MongoStore

    def test_settings(self) -> None:
        """Settings come back exactly: with odd names, numbers beyond 64 bits, NULs, halves of surrogate pairs."""
        odd: tuple[Any, ...] = (
            {"a.b": 1, ".": 2, "a..b": {}},
            {"$set": 1, "deep": [{"$x": {"y": 1}}]},
            {"nul\x00": 1},
            {"n": 1 << 63, "m": -(1 << 200)},
            {"text": "\ud800", "\udfff": 1},
            {"text": "\x00"},
            {"n": (1 << 63) - 1, "m": -(1 << 63), "x": 1.5, "none": None, "yes": True, "": ""},
            nested(80),
        )
        for number, settings in enumerate(odd):
            with self.subTest(settings=ascii(settings)[:60]):
                commands = (Command(name="echo", settings=settings), Command(name="log"))
                task = a_task(id=an_id(number))
                self.assertEqual(self.take_in(task, commands=commands), frozenset())
                self.assertEqual(self.result_of(self.store.tasks.commands(task.id)), commands)
                after = evolve(task, priority=7)
                merged = Import(before=task, after=after, commands=commands[::-1])
                self.assertEqual(self.result_of(self.store.tasks.take_in([merged])), frozenset())
                self.assertEqual(self.result_of(self.store.tasks.commands(task.id)), commands[::-1])

    def test_plain_again(self) -> None:
        """Of commands that were odd before, nothing is left when plain ones come."""
        task = a_task()
        self.take_in(task, commands=(Command(name="echo", settings={"$x": 1}),))
        plain = (Command(name="echo", settings={"x": 1}),)
        self.result_of(self.store.tasks.take_in([Import(before=task, after=evolve(task, priority=7), commands=plain)]))
        self.assertEqual(self.result_of(self.store.tasks.commands(TASK)), plain)

    def test_timing(self) -> None:
        """Names of what was measured may be no names of fields, of tasks and of updates."""
        timing = {"a.b": 1.5, "$x": 2.0, "nul\x00": 3.0}
        self.take_in(a_task(timing=timing))
        self.assertEqual(self.task(TASK).timing, timing)
        update = an_update(timing=timing)
        self.change(TASK, update, timing={"plain": 1.0})
        self.assertEqual((self.task(TASK).timing, self.queue()[0].update), ({"plain": 1.0}, update))

    def test_ids(self) -> None:
        """Ids that are no ObjectIds stay the texts that they are."""
        task = a_task(id="a task.1", job="a job", parents=("a.b", "$c", TASK.upper()), worker_id="w")
        self.add(task)
        self.assertEqual(self.task("a task.1"), task)
        self.assertEqual(self.candidate(), "a task.1")
        self.add(a_task(id="$c", priority=1), a_task(id=TASK.upper(), status="completed"))
        self.assertEqual(self.candidate(), "$c")
        self.change("$c", an_update(id="an update.1", task_id="$c", status="completed"), status="completed")
        self.assertEqual(self.candidate(), "a task.1")
        (queued,) = self.queue()
        self.result_of(self.store.updates.handled([queued]))
        standing = self.result_of(self.store.tasks.standing(["$c"]))["$c"]
        self.assertEqual((standing.waiting, standing.acked), (False, 1))

    def test_too_large(self) -> None:
        """A task that no document can hold is set aside, and those that came with it are not."""
        imports = [
            Import(before=None, after=a_task(), commands=HUGE),
            Import(before=None, after=a_task(id=OTHER, parents=(TASK,)), commands=()),
        ]
        self.assertEqual(self.result_of(self.store.tasks.take_in(imports)), frozenset())
        self.result_of(self.store.tasks.release(9))
        self.assertIsNone(self.result_of(self.store.tasks.get(TASK)))
        self.assertIsNone(self.candidate())
        (aside,) = self.result_of(self.store.tasks.aside())
        self.assertEqual((aside.task_id, aside.reason), (TASK, "It cannot be stored: it is 17.0 MiB, of at most 15"))
        self.add(a_task(status="completed"))
        self.assertEqual((self.candidate(), self.result_of(self.store.tasks.aside())), (OTHER, ()))

    def test_too_great_a_number(self) -> None:
        """A task with a number beyond 64 bits where MongoDB sorts by it is set aside as well."""
        self.assertEqual(self.take_in(a_task(priority=1 << 70), a_task(id=OTHER)), frozenset())
        (aside,) = self.result_of(self.store.tasks.aside())
        self.assertIn("MongoDB cannot hold it", aside.reason)
        self.assertIsNotNone(self.result_of(self.store.tasks.get(OTHER)))

    def test_not_taken_over(self) -> None:
        """A task that could not be taken over from the original is replaced by the Server's copy of it."""
        odd = {"_id": ObjectId(TASK), "status": 7}
        self.result_of(self.store.tasks.tasks.insert([odd]))
        self.assertIsNone(self.result_of(self.store.tasks.get(TASK)))
        self.add(a_task())
        self.assertEqual((self.task(TASK), self.candidate()), (a_task(), TASK))

    def test_too_large_an_update(self) -> None:
        """An update that no document can hold is not stored, and nor is the change that it tells of."""
        self.take_in(a_task())
        before = self.task(TASK)
        huge = an_update(activity="x" * (17 << 20))
        transition = Transition(before=before, after=evolve(before, activity="x"), update=huge)
        self.failure_of(self.store.tasks.apply(transition), StoreUnavailable)
        self.assertEqual(self.task(TASK), before)

    def test_too_large_later(self) -> None:
        """If a later copy of a task is too large, nobody gets the earlier one, until there is one that fits."""
        self.add(a_task(), a_task(id=OTHER, priority=1))
        before = self.task(TASK)
        huge = Import(before=before, after=evolve(before, name="huge"), commands=HUGE)
        self.assertEqual(self.result_of(self.store.tasks.take_in([huge])), frozenset())
        self.assertEqual((self.candidate(), self.result_of(self.store.repair())), (OTHER, 0))
        self.assertEqual([one.task_id for one in self.result_of(self.store.tasks.aside())], [TASK])
        self.change(TASK, status="active", worker_id=WORKER)
        self.change(TASK, status="queued")
        self.assertEqual(self.candidate(), OTHER)
        here = self.task(TASK)
        self.result_of(self.store.tasks.take_in([Import(before=here, after=here, commands=())]))
        self.assertEqual((self.candidate(), self.result_of(self.store.tasks.aside())), (TASK, ()))

    def test_too_large_late(self) -> None:
        """A copy that is too large, and was decided on a task that has changed, is left alone as any other."""
        self.add(a_task())
        stale = self.task(TASK)
        self.change(TASK, activity="here")
        late = Import(before=stale, after=evolve(stale, name="huge"), commands=HUGE)
        self.assertEqual(self.result_of(self.store.tasks.take_in([late])), {TASK})
        self.assertEqual((self.candidate(), self.result_of(self.store.tasks.aside())), (TASK, ()))

    def test_set_aside_again(self) -> None:
        """Since when a task is set aside stays, though it is set aside again with other words."""
        for since, reason in ((5.0, "first"), (6.0, "second")):
            one = SetAside(task_id=TASK, reason=reason, document="{}", since=since)
            self.result_of(self.store.tasks.set_aside([one]))
        (aside,) = self.result_of(self.store.tasks.aside())
        self.assertEqual((aside.reason, aside.since), ("second", 5.0))
