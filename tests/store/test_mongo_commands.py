"""What is sent to MongoDB: few commands for each request, and each finds what it needs through an index."""

from collections.abc import Awaitable, Sequence
from datetime import datetime, timezone
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import Command as TaskCommand
from flamenco_mgr.domain.tasks import FailedBy, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import EventsAsked, Import, Page, SetAside, TasksAsked, WorkerBeat
from flamenco_mgr.store.mongo import MongoStore, queries
from flamenco_mgr.store.mongo.bans import BLACKLIST
from flamenco_mgr.store.mongo.collection import Query
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.indexes import INDEXES
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.update_documents import PARKED, QUEUE
from tests.builders import JOB, TASK, WORKER, a_task, a_worker, an_update
from tests.mongo.server import NAMED, StandIn, stand_in
from tests.store.contract.case import StoreCase, an_id
from tests.store.mongo_case import OnMongoDB
from tests.store.mongo_shapes import Command, mistakes, shapes

TYPES = ("blender-render", "file-management", "video-encoding")
OTHER = an_id(0xBEEF)

SMALL = {"settings", "flamenco_workers"}
"""Collections with a few documents, or one for each worker, that a request never walks."""

WALKED = {(SET_ASIDE, "find"), (PARKED, "find"), (BLACKLIST, "find")}
"""Whole collections that people look at, in the order of an index, or that are kept in memory."""


class WireCase(OnMongoDB, StoreCase):
    """A store whose commands are seen as they come to the server."""

    mongo: StandIn
    store: MongoStore

    def setUp(self) -> None:
        stand_in()
        super().setUp()
        self.database = self.store._link.address.database
        self.sent()

    def sent(self) -> list[Command]:
        """Return the commands that came since the last time, but for those of the driver itself."""
        return [
            one for one in stand_in().log(self.database) if next(iter(one)) not in {"hello", "isMaster", "ismaster"}
        ]

    def names(self, awaitable: Awaitable[Any]) -> list[str]:
        """Return the names of the commands that something takes."""
        self.result_of(self.store.tasks.settling.settled())
        self.sent()
        self.result_of(awaitable)
        return [next(iter(one)) for one in self.sent()]

    async def ask(self, worker: str = WORKER) -> Task | None:
        """Do what a request for a task does."""
        await self.store.workers.get(worker)
        task = await self.store.tasks.candidate(worker, TYPES, (), 0.0)
        if task is None:
            return None
        await self.store.tasks.commands(task.id)
        after = evolve(task, status="active", worker_id=worker)
        update = an_update(id=an_id(0xA1), status="active", task_id=task.id)
        assert await self.store.tasks.apply(Transition(before=task, after=after, update=update))
        return after

    async def tell(self, status: str | None = None) -> None:
        """Do what a worker's update does."""
        await self.store.workers.get(WORKER)
        task = await self.store.tasks.get(TASK)
        assert task is not None
        update = an_update(id=an_id(0xA2), status=status, activity="x")
        after = evolve(task, activity=f"{task.activity}.", status=status or task.status)
        assert await self.store.tasks.apply(Transition(before=task, after=after, update=update))

    async def may_i_run(self) -> None:
        """Do what a worker's question does."""
        await self.store.workers.get(WORKER)
        await self.store.tasks.get(TASK)

    def begin(self) -> None:
        """Have a worker that is known, and a task."""
        self.result_of(self.store.workers.add(a_worker()))
        self.result_of(self.store.workers.get(WORKER))
        self.add(a_task())
        self.result_of(self.store.tasks.settling.settled())


class RequestTests(WireCase):
    def test_task(self) -> None:
        """A request for a task takes four commands: is there an active one, the best, its commands, the claim."""
        self.begin()
        self.assertEqual(self.names(self.ask()), ["find", "find", "find", "update"])

    def test_task_again(self) -> None:
        """A worker that has a task gets it again with one command less."""
        self.begin()
        self.result_of(self.ask())
        self.assertEqual(self.names(self.ask()), ["find", "find", "update"])

    def test_idle(self) -> None:
        """A request that finds nothing takes two."""
        self.assertEqual(self.names(self.store.tasks.candidate(WORKER, TYPES, (), 0.0)), ["find", "find"])

    def test_update(self) -> None:
        """A worker's update takes two, also one that says that the task is done."""
        self.begin()
        self.result_of(self.ask())
        self.assertEqual(self.names(self.tell()), ["find", "update"])
        self.assertEqual(self.names(self.tell("completed"))[:2], ["find", "update"])

    def test_may_i_run(self) -> None:
        """Whether a task may go on takes one."""
        self.begin()
        self.assertEqual(self.names(self.may_i_run()), ["find"])

    def test_failed_before(self) -> None:
        """A worker that failed at a thousand better tasks finds the next one with two commands more."""
        failed = [
            a_task(
                id=an_id(number),
                priority=60 + number % 7,
                failed_by=tuple(FailedBy(id=one) for one in (WORKER, *([OTHER] if number % 3 else []))),
            )
            for number in range(500)
        ]
        blocked = [a_task(id=an_id(1000 + number), priority=99, parents=(an_id(1),)) for number in range(500)]
        for start in range(0, 500, 100):
            self.add(*failed[start : start + 100], *blocked[start : start + 100])
        self.begin()
        self.sent()
        self.assertEqual(self.candidate(types=TYPES), TASK)
        commands = self.sent()
        self.assertEqual([next(iter(one)) for one in commands], ["find", "find", "distinct", "find"])
        self.assertEqual([one.get("limit") for one in commands[1:]], [1, None, 1])
        lanes = self.result_of(self.store.tasks.tasks.distinct(commands[2]["key"], queries.LANES))
        self.assertEqual(len(lanes), 3)

    def test_many_at_once(self) -> None:
        """Workers that ask at once are shown a task each, with no command more than if they asked one by one."""
        self.add(*(a_task(id=an_id(number), priority=number) for number in range(1, 9)))
        in_hand: set[str] = set()

        async def choose(number: int) -> str | None:
            task = await self.store.tasks.candidate(an_id(0xB00 + number), TYPES, in_hand, 0.0)
            in_hand.update([task.id] if task else ())
            return task.id if task else None

        self.result_of(self.store.tasks.settling.settled())
        self.sent()
        asking = gatherResults([Deferred.fromCoroutine(choose(number)) for number in range(10)])
        shown = [one for one in self.result_of(asking) if one]  # whose turn it is first is up to the connections
        self.assertEqual(sorted(shown), [an_id(number) for number in range(1, 9)])
        self.assertEqual([next(iter(one)) for one in self.sent()], ["find"] * 20)

    def test_many_types_and_lanes(self) -> None:
        """A question names at most a hundred types or lanes; the best of several questions is the best of all."""
        types = tuple(f"type-{number:03}" for number in range(150))
        failed = (FailedBy(id=WORKER),)
        self.add(*(a_task(id=an_id(n), task_type=name, priority=n) for n, name in enumerate(types)))
        self.add(a_task(id=an_id(999), task_type=types[0], priority=500, failed_by=failed))
        self.sent()
        self.assertEqual(self.candidate(types=types), an_id(149))
        named = [
            len(one["filter"].get("task_type", one["filter"].get("mgr.lane", {})).get("$in", ()))
            for one in _finds(self.sent())[1:]
        ]
        self.assertEqual(named, [100, 50, 100, 50])


class ShapeTests(WireCase):
    def everything(self) -> None:
        """Do what requests, the download and the push do."""
        tasks, workers, updates = self.store.tasks, self.store.workers, self.store.updates
        self.begin()
        self.add(
            a_task(id=an_id(1), parents=(TASK,)), a_task(id=an_id(2), priority=99, failed_by=(FailedBy(id=WORKER),))
        )
        self.candidate(skip={TASK})
        self.result_of(self.ask())
        self.result_of(self.tell())
        self.result_of(self.tell("completed"))
        self.change(an_id(1), parents=(an_id(2),), priority=3)
        self.change(an_id(1), status="cancel-requested")
        task = self.task(TASK)
        settings: dict[str, Any] = {"a.b": 1, "$c": {"d\x00": 2}}
        merged = Import(
            before=task, after=evolve(task, status="queued"), commands=(TaskCommand(name="x", settings=settings),)
        )
        self.result_of(tasks.take_in([merged, evolve(merged, after=task)]))
        self.result_of(
            tasks.set_aside([SetAside(task_id=one, reason="", document="", since=0.0) for one in (TASK, an_id(6))])
        )
        self.take_in(a_task(id=an_id(6), timing={"a.b": 1.0}))
        for question in (tasks.held_by(WORKER), tasks.standing([TASK]), tasks.aside(), tasks.missing([TASK])):
            self.result_of(question)
        self.result_of(tasks.stopping(10))
        self.failing()
        self.ends()
        self.watching()
        self.assertTrue(self.result_of(workers.change(a_worker(), a_worker(status="asleep"))))
        self.assertFalse(self.result_of(workers.change(a_worker(), a_worker(status="awake"))))
        self.result_of(workers.beat({WORKER: WorkerBeat(last_activity=5.0)}, {TASK: (WORKER, 5.0)}))
        self.result_of(workers.copies.compare())
        there = self.result_of(workers.get(WORKER))
        assert there is not None
        self.assertFalse(self.result_of(workers.change(evolve(there, last_activity=1.0), there, unheard=True)))
        self.assertTrue(self.result_of(workers.remove(there)))
        self.result_of(updates.add(an_update(id=an_id(7), task_id=an_id(8), timing={"a.b": 1.0})))
        self.result_of(updates.waiting())
        first, *others = self.queue()
        self.result_of(updates.unhandled([first]))
        self.result_of(updates.park(first, "no", 5.0))
        self.result_of(updates.parked())
        for task_id in (None, TASK):
            self.result_of(updates.waiting_page(task_id, None, 1))
        self.result_of(updates.parked_page(None, 1))
        self.result_of(updates.parked_one(first.update.id))
        self.result_of(updates.backlog())
        self.result_of(updates.drop_parked(first.update.id))
        self.result_of(updates.handled(others))
        self.result_of(updates.receipts())
        self.result_of(updates.purge(None))
        self.result_of(self.store.mark.set("mark"))
        self.result_of(self.store.mark.get())
        self.result_of(self.store.repair())
        self.result_of(self.store.checkpoint())

    def failing(self) -> None:
        """Do what follows from failures."""
        tasks, blacklist = self.store.tasks, self.store.blacklist
        self.add(a_task(id=an_id(9), priority=99), a_task(id=an_id(10), priority=98, failed_by=(FailedBy(id=WORKER),)))
        line = BlacklistLine(worker_id=WORKER, job=JOB, task_type=TYPES[0], created=5.0)
        for _ in range(2):
            self.result_of(blacklist.add(line))
        self.candidate(types=TYPES, skip={TASK})
        self.result_of(blacklist.bans.compare())
        self.result_of(blacklist.remove(WORKER, JOB, TYPES[0]))
        self.result_of(blacklist.expire(1.0))
        self.result_of(tasks.failures(WORKER, JOB, TYPES[0]))
        self.result_of(tasks.failed_before())
        self.result_of(tasks.waiting(JOB, TYPES[0], TASK, 10))

    def ends(self) -> None:
        """Do what the checks for time-outs and the clean-up do."""
        tasks = self.store.tasks
        self.result_of(tasks.active(an_id(1), 10))
        for place in (None, ("5.0", an_id(1))):
            self.result_of(tasks.over(9.0, place, 10))
        self.add(a_task(id=an_id(20), status="canceled"), a_task(id=an_id(21), status="completed"))
        old = [self.task(an_id(20)), self.task(an_id(21))]
        self.assertEqual(self.result_of(tasks.remove(old)), {an_id(20), an_id(21)})
        again = Transition(before=self.task(an_id(2)), after=self.task(an_id(2)), unless_pinged=True)
        self.result_of(tasks.apply(again))

    def watching(self) -> None:
        """Do what people and scripts ask, and what is counted and recorded for them."""
        history, overview = self.store.history, self.store.overview
        self.result_of(self.store.lease.look())
        self.change(an_id(1), status="queued")
        self.result_of(history.note(Event(at=1.0, kind="operator", task=TASK, job=JOB, worker=WORKER)))
        for asked in ({}, {"task": TASK}, {"job": JOB}, {"worker": WORKER}, {"kind": "operator"}):
            self.result_of(history.events(EventsAsked(**asked), None, 1, newest_first=False))
            self.result_of(history.events(EventsAsked(**asked), None, 1, newest_first=True))
        self.result_of(history.forget(5.0, 100))
        self.result_of(overview.recount())
        self.result_of(overview.counts())
        page: Page[Any] = self.result_of(overview.jobs(None, 1))
        self.result_of(overview.job(page.items[0].job))
        for conditions in (
            {},
            {"job": JOB},
            {"job": JOB, "status": "queued"},
            {"status": "claimed-by-manager"},
            {"worker_id": WORKER, "status": "queued"},
            {"begins": "blender"},
            {"begins": "00"},
        ):
            page = self.result_of(overview.tasks(TasksAsked(**conditions), None, 1))
            if page.next is not None:
                self.result_of(overview.tasks(TasksAsked(**conditions), page.next, 1))

    def test_indexes(self) -> None:
        """Every query finds its documents through an index, in the order in which it wants them."""
        self.everything()
        commands = self.sent()
        self.assertGreater(len(commands), 60)
        used = {(shape.collection, shape.index.name) for one in commands for shape in shapes(one) if shape.index}
        without = [
            shape
            for one in commands
            for shape in shapes(one)
            if shape.index is None
            and shape.collection not in SMALL
            and (shape.collection, next(iter(one))) not in WALKED
        ]
        self.assertEqual(without, [])
        unused = [
            (collection, index.name)
            for collection, indexes in INDEXES.items()
            for index in indexes
            if (collection, index.name) not in used
        ]
        self.assertEqual(unused, [])

    def test_rules(self) -> None:
        """Nothing is sent that MongoDB would refuse, and every write is safe before it is acknowledged."""
        self.everything()
        self.result_of(self.store.tasks.erase())
        self.assertEqual([(mistake, one) for one in self.sent() for mistake in mistakes(one)], [])

    def test_no_unique_index(self) -> None:
        """No index makes anything unique; a partial one is not taken for unique over everything then."""
        self.assertEqual([one for some in INDEXES.values() for one in some if "unique" in one.specification], [])


if NAMED:  # the stand-in explains nothing

    class ExplainTests(OnMongoDB, StoreCase):
        store: MongoStore

        def test_explained(self) -> None:
            """MongoDB itself says that no query of a request looks at every document, or sorts what it found."""
            ids = ["x"]
            asked = [
                (TASKS, queries.on_it(WORKER)),
                (TASKS, queries.best("task_type", TYPES, ())),
                (TASKS, queries.best("task_type", TYPES, (TASK,))),
                (TASKS, queries.best("mgr.lane", ["\na", "\nb"], (TASK,))),
                (TASKS, queries.best_of_jobs(["x"], ["\na"], (TASK,))),
                (TASKS, queries.failures(WORKER, JOB, "a")),
                (TASKS, queries.waiting(JOB, "a", TASK, 10)),
                (TASKS, queries.stopping(10)),
                (TASKS, queries.held(10)),
                (TASKS, queries.active(an_id(1), 10)),
                (TASKS, queries.over_at(None, an_id(1), 10)),
                (TASKS, queries.over_at(datetime(2020, 1, 1, tzinfo=timezone.utc), an_id(1), 10)),
                (TASKS, queries.over_after(None, datetime(2020, 1, 1, tzinfo=timezone.utc), 10)),
                (TASKS, queries.children([an_id(1)])),
                (TASKS, queries.left_due(10)),
                (TASKS, queries.outboxes(10)),
                (TASKS, Query(filter=queries.child_before(an_id(1), 5))),
                (TASKS, Query(filter=queries.may_run({"parents": an_id(1)}))),
                (QUEUE, queries.oldest(5, ids, 10)),
                (QUEUE, queries.final_in_queue(ids)),
                (QUEUE, queries.loose_of(ids)),
            ]
            for collection, query in asked:
                with self.subTest(filter=query.filter):
                    find = {"find": collection, "filter": dict(query.filter), "sort": dict(query.sort)}
                    plan = self.explained({**find, "limit": query.limit})
                    self.assertNotIn("COLLSCAN", plan)
                    self.assertNotIn("'SORT'", plan)
            lanes = {"distinct": TASKS, "key": "mgr.lane", "query": dict(queries.LANES.filter)}
            self.assertIn("DISTINCT_SCAN", self.explained(lanes))

        def explained(self, command: Command) -> str:
            """Return the plan that MongoDB makes for a command."""
            explain = {"explain": dict(command), "verbosity": "queryPlanner"}
            link = self.store._link
            answer = self.result_of(link.call(lambda db, timeout: db.command(dict(explain), timeout=timeout)))
            return str(answer["queryPlanner"]["winningPlan"])


def _finds(commands: Sequence[Command]) -> list[Command]:
    return [one for one in commands if next(iter(one)) == "find"]
