"""The contract of what `ITaskStore` says of tasks that run, and of those that are over and are forgotten."""

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from flamenco_mgr.domain.tasks import Command, FailedBy, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import SetAside
from tests.builders import JOB, TASK, WORKER, a_task, an_update
from tests.store.contract.case import StoreCase, an_id

OLD = 1000.0


def an_old_task(number: int, **changes: Any) -> Task:
    """Return a task that completed long ago."""
    return a_task(**({"id": an_id(number), "status": "completed", "last_updated": OLD} | changes))


class EndsCase(StoreCase):
    def over(self, before: float = OLD, limit: int = 100) -> list[str]:
        """Return the ids of all finished tasks that are old, page by page."""
        return [task.id for page in self.pages(before, limit) for task in page]

    def pages(self, before: float, limit: int) -> Iterator[tuple[Task, ...]]:
        """Yield the pages of tasks that are over, of so many at most."""
        place = None
        while True:
            page = self.result_of(self.store.tasks.over(before, place, limit))
            self.assertLessEqual(len(page.items), limit)
            yield page.items
            place = page.next
            if place is None:
                return

    def remove(self, *task_ids: str) -> set[str]:
        """Try to remove tasks as they are now; return the ids of those that are gone."""
        gone = self.result_of(self.store.tasks.remove([self.task(task_id) for task_id in task_ids]))
        for task_id in task_ids:
            self.assertEqual(self.result_of(self.store.tasks.get(task_id)) is None, task_id in gone)
        return set(gone)


class ActiveContract(EndsCase):
    def test_active(self) -> None:
        """Active tasks, with a worker or without, come in the order of their ids, so many at a time."""
        self.add(
            *(a_task(id=an_id(number), status="active", worker_id=WORKER) for number in (5, 3, 8)),
            a_task(id=an_id(4), status="active"),
            a_task(id=an_id(6), status="cancel-requested", worker_id=WORKER),
            a_task(id=an_id(7)),
        )
        first = self.result_of(self.store.tasks.active("", 2))
        self.assertEqual([task.id for task in first], [an_id(3), an_id(4)])
        self.assertEqual(first[0], self.task(an_id(3)))
        others = self.result_of(self.store.tasks.active(an_id(4), 10))
        self.assertEqual([task.id for task in others], [an_id(5), an_id(8)])

    def test_active_follows(self) -> None:
        """A task is among them from when it becomes active until it ends."""
        self.add(a_task())
        self.assertEqual(self.result_of(self.store.tasks.active("", 10)), ())
        self.change(TASK, status="active", worker_id=WORKER)
        self.assertEqual([task.id for task in self.result_of(self.store.tasks.active("", 10))], [TASK])
        self.change(TASK, status="completed")
        self.assertEqual(self.result_of(self.store.tasks.active("", 10)), ())

    def test_unless_pinged(self) -> None:
        """What is decided unless the task is pinged does nothing if it was, though that moves no revision."""
        self.add(a_task(status="active", worker_id=WORKER, last_worker_ping=5.0))
        before = self.task(TASK)
        decided = Transition(before=before, after=evolve(before, status="claimed-by-manager"), unless_pinged=True)
        self.result_of(self.store.workers.beat({}, {TASK: (WORKER, 6.0)}))
        self.assertFalse(self.result_of(self.store.tasks.apply(decided)))
        self.assertEqual((self.task(TASK).status, self.task(TASK).last_worker_ping), ("active", 6.0))
        before = self.task(TASK)
        decided = Transition(before=before, after=evolve(before, status="claimed-by-manager"), unless_pinged=True)
        self.assertTrue(self.result_of(self.store.tasks.apply(decided)))
        self.assertEqual(self.task(TASK).status, "claimed-by-manager")

    def test_first_ping(self) -> None:
        """The first ping of a task counts as well."""
        self.add(a_task(status="active", worker_id=WORKER))
        before = self.task(TASK)
        decided = Transition(before=before, after=evolve(before, status="claimed-by-manager"), unless_pinged=True)
        self.result_of(self.store.workers.beat({}, {TASK: (WORKER, 6.0)}))
        self.assertFalse(self.result_of(self.store.tasks.apply(decided)))


class OverContract(EndsCase):
    def test_over(self) -> None:
        """Finished tasks that are old are listed, longest ago first, those of which nobody knows when before all."""
        self.add(
            an_old_task(1, last_updated=7.0),
            an_old_task(2, last_updated=5.0, status="failed"),
            an_old_task(3, last_updated=None, status="canceled"),
            an_old_task(4, last_updated=OLD),
            an_old_task(5, last_updated=OLD + 1),
            an_old_task(6, last_updated=6.0, status="active"),
            an_old_task(7, last_updated=6.0, status="claimed-by-manager"),
            an_old_task(8, last_updated=6.0, status="some-other"),
        )
        self.assertEqual(self.over(), [an_id(number) for number in (3, 2, 1, 4)])
        (first, *_), *_ = self.pages(OLD, 1)
        self.assertEqual(first, self.task(an_id(3)))

    def test_pages(self) -> None:
        """Page by page each comes once, in the same order, also if many have the same time or none."""
        numbers = range(1, 12)
        self.add(
            *(an_old_task(number, last_updated=None if number % 3 == 0 else float(number % 3)) for number in numbers)
        )
        whole = self.over()
        self.assertEqual(sorted(whole), [an_id(number) for number in numbers])
        for limit in (1, 2, 3, 4, 11):
            self.assertEqual(self.over(limit=limit), whole)


class RemoveContract(EndsCase):
    def test_removed(self) -> None:
        """What is removed is gone with its commands, and can come again as new."""
        task = an_old_task(1, failed_by=(FailedBy(id=WORKER),))
        for _ in range(2):
            self.assertEqual(self.take_in(task, commands=(Command(name="echo"),)), frozenset())
            self.result_of(self.store.tasks.release(10))
            self.assertEqual(self.remove(task.id), {task.id})
            self.assertEqual(self.result_of(self.store.tasks.commands(task.id)), ())
            self.assertEqual(self.result_of(self.store.tasks.counts()), {})
            self.result_of(self.store.tasks.remove([task]))
        self.assertEqual(self.result_of(self.store.repair()), 0)

    def test_changed(self) -> None:
        """A task that has changed, or was pinged, since it was read stays."""
        self.add(an_old_task(1, worker_id=WORKER), an_old_task(2, worker_id=WORKER), an_old_task(3))
        read = [self.task(an_id(number)) for number in (1, 2, 3)]
        self.change(an_id(1), activity="x")
        self.result_of(self.store.workers.beat({}, {an_id(2): (WORKER, 6.0)}))
        self.assertEqual(self.result_of(self.store.tasks.remove(read)), {an_id(3)})
        self.assertEqual(self.over(), [an_id(1), an_id(2)])

    def test_not_finished(self) -> None:
        """A task that is not finished stays, whatever its age (task-lifecycle.md 21.31)."""
        statuses = ("queued", "claimed-by-manager", "soft-failed", "active", "cancel-requested", "paused", "odd")
        self.add(*(an_old_task(number, status=status) for number, status in enumerate(statuses)))
        self.assertEqual(self.remove(*(an_id(number) for number in range(len(statuses)))), set())

    def test_held_and_set_aside(self) -> None:
        """A task that is held, or of which a later copy could not be understood, stays."""
        self.add(an_old_task(1))
        self.take_in(an_old_task(2))
        aside = SetAside(task_id=an_id(1), reason="", document="", since=0.0)
        self.result_of(self.store.tasks.set_aside([aside]))
        self.assertEqual(self.remove(an_id(1), an_id(2)), set())

    def test_waits_for_the_server(self) -> None:
        """A task whose updates wait for the Server stays until it has them."""
        self.add(an_old_task(1), an_old_task(2))
        self.change(an_id(1), an_update(task_id=an_id(1), status="completed"), activity="x")
        self.assertEqual(self.remove(an_id(1), an_id(2)), {an_id(2)})
        self.queue()
        self.assertEqual(self.remove(an_id(1)), set())
        self.result_of(self.store.updates.handled(self.queue()))
        self.assertEqual(self.remove(an_id(1)), {an_id(1)})

    def test_parents_of_waiting(self) -> None:
        """A parent stays as long as a task that names it is not finished; then it goes."""
        parent, child = an_id(1), an_id(2)
        self.add(an_old_task(1), an_old_task(2, status="claimed-by-manager", parents=(parent,)), an_old_task(3))
        self.assertEqual(self.remove(parent, an_id(3)), {an_id(3)})
        self.assertEqual(self.candidate(), child)
        self.change(child, status="completed")
        self.assertEqual(self.remove(parent), {parent})
        self.change(child, status="claimed-by-manager")
        self.assertEqual(self.candidate(), child)
        self.assertEqual(self.result_of(self.store.repair()), 0)

    def test_failed_parents(self) -> None:
        """A parent that did not complete stays as long as any task names it, which must not run without it."""
        for status in ("failed", "canceled"):
            self.add(an_old_task(1, status=status), an_old_task(2, status="canceled", parents=(an_id(1),)))
            self.assertEqual(self.remove(an_id(1)), set())
            self.change(an_id(2), status="claimed-by-manager")
            self.assertIsNone(self.candidate())
            self.change(an_id(2), status="canceled")
            self.assertEqual(self.remove(an_id(2)), {an_id(2)})
            self.assertEqual(self.remove(an_id(1)), {an_id(1)})
        self.assertEqual(self.result_of(self.store.repair()), 0)

    def test_comes_again(self) -> None:
        """A parent that was removed, and comes again unfinished, is waited for."""
        self.add(an_old_task(1), an_old_task(2, parents=(an_id(1),)))
        self.assertEqual(self.remove(an_id(1)), {an_id(1)})
        self.add(a_task(id=an_id(1)))
        self.change(an_id(2), status="claimed-by-manager", priority=99)
        self.assertEqual(self.candidate(), an_id(1))
        self.change(an_id(1), status="completed")
        self.assertEqual(self.candidate(), an_id(2))

    def test_many(self) -> None:
        """Several are removed together, each on its own conditions."""
        self.add(*(an_old_task(number, job=JOB if number % 2 else an_id(0xB0)) for number in range(60)))
        self.add(an_old_task(99, status="claimed-by-manager", parents=(an_id(7), an_id(8))))
        gone = self.remove(*(an_id(number) for number in range(60)))
        self.assertEqual(gone, {an_id(number) for number in range(60)} - {an_id(7), an_id(8)})
        self.assertEqual(self.result_of(self.store.tasks.counts()), {"completed": 2, "claimed-by-manager": 1})
