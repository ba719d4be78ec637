"""The contract of `ITaskStore`, but for who is given what."""

from typing import Any

from attrs import evolve

from flamenco_mgr.domain.tasks import Command, FailedBy, Progress, TaskStatus
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import, SetAside, Standing
from tests.builders import JOB, TASK, WORKER, a_task, an_update
from tests.store.contract.case import StoreCase, an_id

EVERY_FIELD = {
    "id": TASK,
    "job": an_id(1),
    "status": "soft-failed",
    "name": "näme\nwith \U0001f422",
    "priority": -3,
    "job_priority": 1 << 40,
    "job_type": "blender-render",
    "task_type": "file-management",
    "parents": (an_id(9), an_id(8)),
    "etag": "etag",
    "manager": an_id(2),
    "project": an_id(3),
    "user": an_id(4),
    "log": "line\n",
    "activity": "Fra:1",
    "worker": "render07",
    "worker_id": WORKER,
    "failed_by": (FailedBy(id=an_id(6), identifier="10.0.0.6 (r6)"), FailedBy(id=an_id(5))),
    "timing": {"render": 1.5, "save": 2.0},
    "progress": Progress(task_percentage=7, command_index=1, command_percentage=70),
    "last_worker_ping": 1573567032.25,
    "last_updated": 2.0,
    "cancel_requested_at": 3.0,
}


class TaskContract(StoreCase):
    def test_unknown(self) -> None:
        """A task that is not here is None, and has no commands."""
        self.assertIsNone(self.result_of(self.store.tasks.get(TASK)))
        self.assertEqual(self.result_of(self.store.tasks.commands(TASK)), ())

    def test_every_field(self) -> None:
        """A task comes back as it went in, field by field."""
        task = a_task(**EVERY_FIELD)
        self.take_in(task)
        self.assertEqual(self.task(TASK), task)

    def test_every_field_changes(self) -> None:
        """Every field can be changed, also to its default, and nothing but the revision changes beside it."""
        self.take_in(a_task(priority=0, job_priority=0, etag="", name="", job_type="", task_type="unknown"))
        default = self.task(TASK)
        other = a_task(**EVERY_FIELD)
        for name in EVERY_FIELD.keys() - {"id"}:
            for value in (getattr(other, name), getattr(default, name)):
                before = self.task(TASK)
                self.change(TASK, **{name: value})
                self.assertEqual(self.task(TASK), evolve(before, **{name: value}, revision=before.revision + 1))

    def test_commands(self) -> None:
        """Commands come back in order, with settings of all kinds of JSON."""
        settings: dict[str, Any] = {"path": "{render}/ä", "n": 1.5, "list": [1, None, True], "map": {"k": ""}}
        commands = (Command(name="echo", settings=settings), Command(name="log"))
        self.take_in(a_task(), commands=commands)
        self.assertEqual(self.result_of(self.store.tasks.commands(TASK)), commands)

    def test_apply_moves_revision(self) -> None:
        """A change moves the revision by one, and one that was decided on an earlier revision does nothing."""
        self.take_in(a_task())
        stale = self.task(TASK)
        self.change(TASK, activity="first")
        self.assertEqual(self.task(TASK).revision, stale.revision + 1)
        late = Transition(before=stale, after=evolve(stale, activity="late"), update=an_update())
        self.assertFalse(self.result_of(self.store.tasks.apply(late)))
        self.assertEqual((self.task(TASK).activity, self.queue()), ("first", ()))

    def test_apply_without_task(self) -> None:
        """A change of a task that is not here is refused, and its update is not queued."""
        task = a_task()
        for after in (task, evolve(task, activity="x")):
            transition = Transition(before=task, after=after, update=an_update())
            self.assertFalse(self.result_of(self.store.tasks.apply(transition)))
        self.assertEqual(self.queue(), ())

    def test_apply_only_an_update(self) -> None:
        """A change that changes nothing queues its update and moves the revision, if that is the one expected."""
        self.take_in(a_task())
        task = self.task(TASK)
        again = Transition(before=task, after=task, update=an_update(status="canceled"))
        self.assertTrue(self.result_of(self.store.tasks.apply(again)))
        self.assertEqual(self.task(TASK).revision, task.revision + 1)
        self.assertFalse(self.result_of(self.store.tasks.apply(again)))
        self.assertEqual([queued.update.status for queued in self.queue()], ["canceled"])

    def test_held_by(self) -> None:
        """A worker is on the tasks that are active for it, or wait for it to stop; not on those it had."""
        on_it = ("active", "cancel-requested")
        statuses = (*on_it, *(status.value for status in TaskStatus if status not in on_it))
        self.add(*(a_task(id=an_id(n), status=status, worker_id=WORKER) for n, status in enumerate(statuses)))
        self.add(a_task(id=an_id(90), status="active", worker_id=an_id(7)))
        self.assertEqual([task.id for task in self.result_of(self.store.tasks.held_by(WORKER))], [an_id(0), an_id(1)])

    def test_standing(self) -> None:
        """A standing tells of updates that wait, of final ones among them, and of tasks that are not here."""
        self.take_in(a_task(), a_task(id=an_id(1)))
        self.change(TASK, an_update(status="active"), status="active")
        running = self.task(TASK)
        ids = (TASK, an_id(1), an_id(2))
        expected = {
            TASK: Standing(task=running, waiting=True),
            an_id(1): Standing(task=a_task(id=an_id(1))),
            an_id(2): Standing(task=None),
        }
        self.assertEqual(self.result_of(self.store.tasks.standing(ids)), expected)
        self.change(TASK, an_update(id=an_id(3), status="failed"), status="failed")
        self.result_of(self.store.updates.add(an_update(id=an_id(4), task_id=an_id(2), status="canceled")))
        standing = self.result_of(self.store.tasks.standing(ids))
        self.assertEqual(standing[TASK], Standing(task=self.task(TASK), waiting=True, final_waits=True))
        self.assertEqual(standing[an_id(2)], Standing(task=None, waiting=True, final_waits=True))

    def test_jobs_of(self) -> None:
        """The jobs of many tasks come at once; those that are not here have none."""
        self.take_in(a_task(), a_task(id=an_id(1), job=an_id(2)))
        jobs = self.result_of(self.store.tasks.jobs_of([TASK, an_id(1), an_id(3), "no id"]))
        self.assertEqual(jobs, {TASK: JOB, an_id(1): an_id(2)})
        self.assertEqual(self.result_of(self.store.tasks.jobs_of([])), {})

    def test_take_in_late(self) -> None:
        """What was decided on an earlier revision, or on a task's absence, is left alone and named; others go in."""
        self.take_in(a_task(), a_task(id=an_id(1)))
        stale, other = self.task(TASK), self.task(an_id(1))
        self.change(TASK, activity="here")
        imports = [
            Import(before=stale, after=evolve(stale, name="late"), commands=(Command(name="late"),)),
            Import(before=other, after=evolve(other, name="new"), commands=(Command(name="new"),)),
            Import(before=None, after=a_task(id=an_id(1), name="again"), commands=()),
            Import(before=a_task(id=an_id(2)), after=a_task(id=an_id(2), name="gone"), commands=()),
        ]
        left = self.result_of(self.store.tasks.take_in(imports))
        self.assertEqual(left, frozenset({TASK, an_id(1), an_id(2)}))
        self.assertEqual((self.task(TASK).name, self.task(an_id(1)).name), (stale.name, "new"))
        commands = [self.result_of(self.store.tasks.commands(task_id)) for task_id in (TASK, an_id(1))]
        self.assertEqual(commands, [(), (Command(name="new"),)])

    def test_stopping(self) -> None:
        """All tasks that are to be cancelled are found, with or without a worker, and no others; at most ``limit``."""
        stopping = {"status": "cancel-requested", "worker_id": WORKER}
        self.take_in(
            a_task(id=an_id(1), **stopping, cancel_requested_at=10.0),
            a_task(id=an_id(2), **stopping, cancel_requested_at=10.5),
            a_task(id=an_id(3), status="cancel-requested", cancel_requested_at=99.0),
            a_task(id=an_id(4), **stopping),
            a_task(id=an_id(5), status="active", worker_id=WORKER, cancel_requested_at=1.0),
        )
        stopping_now = self.result_of(self.store.tasks.stopping(100))
        self.assertEqual({task.id for task in stopping_now}, {an_id(number) for number in (1, 2, 3, 4)})
        self.assertEqual(len(self.result_of(self.store.tasks.stopping(2))), 2)

    def test_set_aside(self) -> None:
        """Tasks that were not understood are shown, at most a hundred, and no longer when they come in."""
        aside = SetAside(task_id=TASK, reason="priority is no number", document='{"priority": "x"}', since=5.0)
        self.result_of(self.store.tasks.set_aside([aside, aside]))
        self.assertEqual(self.result_of(self.store.tasks.aside()), (aside,))
        self.take_in(a_task())
        self.assertEqual(self.result_of(self.store.tasks.aside()), ())
        self.result_of(self.store.tasks.set_aside([evolve(aside, task_id=an_id(n)) for n in range(101)]))
        self.assertEqual(len(self.result_of(self.store.tasks.aside())), 100)

    def test_missing(self) -> None:
        """An id is missing if it is of no task here, nor of one that is set aside."""
        self.take_in(a_task())
        aside = SetAside(task_id=an_id(1), reason="", document="", since=0.0)
        self.result_of(self.store.tasks.set_aside([aside]))
        missing = self.result_of(self.store.tasks.missing([TASK, an_id(1), an_id(2)]))
        self.assertEqual(missing, frozenset({an_id(2)}))

    def test_counts(self) -> None:
        """Tasks are counted by status, whatever the status is."""
        statuses = ("queued", "active", "active", "a status of the Server's")
        self.take_in(*(a_task(id=an_id(n), status=status) for n, status in enumerate(statuses)))
        expected = {"queued": 1, "active": 2, "a status of the Server's": 1}
        self.assertEqual(dict(self.result_of(self.store.tasks.counts())), expected)

    def test_erase(self) -> None:
        """Erasing removes tasks, those set aside and the mark; updates still wait for the Server."""
        self.add(a_task(), a_task(id=an_id(1), parents=(TASK,)))
        self.change(TASK, an_update(status="active"), status="active")
        self.result_of(self.store.tasks.set_aside([SetAside(task_id=an_id(2), reason="", document="", since=0.0)]))
        self.result_of(self.store.mark.set("mark"))
        self.assertEqual(self.result_of(self.store.tasks.erase()), 2)
        self.assertEqual(
            self.result_of(self.store.tasks.missing([TASK, an_id(1), an_id(2)])), {TASK, an_id(1), an_id(2)}
        )
        self.assertIsNone(self.result_of(self.store.mark.get()))
        self.assertEqual((self.candidate(), self.result_of(self.store.tasks.erase()), len(self.queue())), (None, 0, 1))
