"""Every query that a request runs finds its rows through an index, however many there are."""

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FailedBy, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import EventsAsked, Import, IStore, SetAside, TasksAsked, WorkerBeat
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import JOB, TASK, WORKER, a_task, a_worker, an_update
from tests.store.contract.case import StoreCase, an_id

WALKED = ("tasks_to_cancel", "tasks_held", "set_aside_since")
"""Indexes that are walked, as far as a limit or since they hold few rows."""


class QueryPlanTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        store = SQLiteStore.in_memory(clock)
        self.connection = store._database.open()
        return store

    def explain(self, statement: str) -> list[str]:
        return [step for *_, step in self.connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

    def everything(self) -> None:
        """Do what requests, the download and the push do."""
        tasks, workers, updates = self.store.tasks, self.store.workers, self.store.updates
        self.add(a_task(), a_task(id=an_id(1), parents=(TASK,)), a_task(id=an_id(2), failed_by=(FailedBy(id=WORKER),)))
        self.candidate()
        self.candidate(skip={TASK})
        self.change(TASK, an_update(status="active"), status="active", worker_id=WORKER)
        self.candidate()
        self.change(TASK, an_update(id=an_id(3), activity="x"), activity="x")
        self.change(TASK, an_update(id=an_id(4), activity="y"), activity="y")
        self.change(TASK, an_update(id=an_id(5), status="completed"), status="completed")
        self.change(an_id(1), parents=(an_id(2),), priority=3)
        task = self.task(TASK)
        merged = Import(before=task, after=evolve(task, status="queued"), commands=())
        self.result_of(tasks.take_in([merged, evolve(merged, after=task)]))
        self.result_of(tasks.apply(_again(self.task(TASK))))
        self.result_of(tasks.set_aside([SetAside(task_id=an_id(6), reason="", document="", since=0.0)]))
        for question in (tasks.commands(TASK), tasks.held_by(WORKER), tasks.standing([TASK]), tasks.aside()):
            self.result_of(question)
        self.result_of(tasks.missing([TASK]))
        self.result_of(tasks.stopping(10))
        self.failing()
        self.result_of(tasks.active(an_id(1), 10))
        for place in (None, ("5.0", an_id(1))):
            self.result_of(tasks.over(9.0, place, 10))
        self.result_of(tasks.apply(evolve(_again(self.task(TASK)), unless_pinged=True)))
        self.add(a_task(id=an_id(20), status="canceled", failed_by=(FailedBy(id=WORKER),)))
        self.assertEqual(self.result_of(tasks.remove([self.task(an_id(20))])), {an_id(20)})
        self.result_of(workers.add(a_worker()))
        self.result_of(workers.get(WORKER))
        for after in (a_worker(), a_worker(status="asleep")):
            self.result_of(workers.change(a_worker(), after))
        self.result_of(workers.beat({WORKER: WorkerBeat(last_activity=5.0)}, {TASK: (WORKER, 5.0)}))
        there = self.result_of(workers.get(WORKER))
        assert there is not None
        self.assertFalse(self.result_of(workers.change(evolve(there, last_activity=1.0), there, unheard=True)))
        self.assertTrue(self.result_of(workers.remove(there, unheard=True)))
        self.watching()
        self.result_of(updates.waiting())
        first, *others = self.queue()
        self.result_of(updates.unhandled([first]))
        self.result_of(updates.park(first, "no", 5.0))
        for task_id in (None, TASK):
            self.result_of(updates.waiting_page(task_id, None, 1))
        self.result_of(updates.parked_page(None, 1))
        self.result_of(updates.parked_one(first.update.id))
        self.result_of(updates.drop_parked(first.update.id))
        self.result_of(updates.handled(others))
        self.result_of(updates.receipts())
        self.result_of(self.store.mark.set("mark"))
        self.result_of(self.store.mark.get())
        self.result_of(self.store.repair())

    def failing(self) -> None:
        """Do what follows from failures."""
        tasks, blacklist = self.store.tasks, self.store.blacklist
        line = BlacklistLine(worker_id=WORKER, job=JOB, task_type="blender-render", created=5.0)
        self.result_of(blacklist.add(line))
        self.candidate(skip={TASK})
        self.result_of(blacklist.lines(0.0))
        self.result_of(blacklist.add(evolve(line, worker_id=an_id(1))))
        first = self.result_of(blacklist.page(0.0, None, 1))
        self.result_of(blacklist.page(0.0, first.next, 1))
        self.result_of(blacklist.of_workers([WORKER], 0.0))
        self.result_of(blacklist.remove(WORKER, JOB, "blender-render"))
        self.result_of(blacklist.expire(1.0))
        self.add(a_task(id=an_id(7), failed_by=(FailedBy(id=WORKER),)))
        self.change(an_id(7), failed_by=(FailedBy(id=an_id(8)),))
        self.result_of(tasks.failures(WORKER, JOB, "blender-render"))
        self.result_of(tasks.failed_before())
        self.result_of(tasks.waiting(JOB, "blender-render", TASK, 10))

    def watching(self) -> None:
        """Do what people and scripts ask."""
        history, overview = self.store.history, self.store.overview
        self.result_of(history.note(Event(at=1.0, kind="operator", task=TASK, job=JOB, worker=WORKER)))
        lists = [{"task": TASK}, {"job": JOB}, {"worker": WORKER}, {"kind": "operator"}, {"kind": "task"}]
        for asked in [EventsAsked(), *(EventsAsked(**one) for one in lists)]:
            for newest_first in (False, True):
                question = history.events(asked, None, 1, newest_first=newest_first)
                self.result_of(question)
        self.result_of(history.forget(5.0, 100))
        self.result_of(overview.counts())
        self.result_of(overview.jobs(None, 10))
        self.result_of(overview.job(JOB))
        conditions: tuple[dict[str, str], ...] = (
            {},
            {"job": JOB},
            {"job": JOB, "status": "claimed-by-manager"},
            {"status": "claimed-by-manager"},
            {"worker_id": WORKER},
            {"begins": "blender"},
            {"begins": TASK[:5]},
        )
        for one in conditions:
            page = self.result_of(overview.tasks(TasksAsked(**one), None, 1))
            if page.next is not None:
                self.result_of(overview.tasks(TasksAsked(**one), page.next, 1))

    def test_no_scan(self) -> None:
        """No statement looks at every row of a table, or sorts what it found."""
        statements: set[str] = set()
        self.connection.set_trace_callback(statements.add)
        self.everything()
        self.connection.set_trace_callback(None)
        queries = [one for one in statements if one.split()[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}]
        self.assertGreater(len(queries), 60)
        slow = [(step, query) for query in queries for step in self.explain(query) if looks_at_all(step)]
        self.assertEqual(slow, [])


def looks_at_all(step: str) -> bool:
    """Whether a step of a plan costs more the more rows there are."""
    if step.startswith(("SCAN CONSTANT ROW", "SCAN json_each", "SCAN totals")):
        return False
    return (step.startswith("SCAN") and not step.endswith(WALKED)) or "TEMP B-TREE" in step or "AUTOMATIC" in step


def _again(task: Task) -> Transition:
    return Transition(before=task, after=task, update=an_update(id=an_id(9), status="queued"))
