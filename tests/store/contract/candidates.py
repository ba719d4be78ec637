"""The contract of `ITaskStore.candidate`: who is given what."""

from attrs import evolve

from flamenco_mgr.domain.tasks import SCHEDULABLE, FailedBy, TaskStatus
from flamenco_mgr.store.interfaces import Import, SetAside
from tests.builders import TASK, WORKER, a_task
from tests.store.contract.case import StoreCase, an_id

OTHER = an_id(0xBEEF)


class CandidateContract(StoreCase):
    def test_order(self) -> None:
        """The order is job priority and priority, both descending, then id, across jobs and task types."""
        facts = [(50, 50, 4), (50, 50, 3), (50, 90, 5), (60, 10, 6), (60, 10, 7), (-1, 99, 1)]
        self.add(
            *(
                a_task(
                    id=an_id(number),
                    job=an_id(100 + number % 3),
                    task_type=("a", "b")[number % 2],
                    job_priority=job_priority,
                    priority=priority,
                )
                for job_priority, priority, number in facts
            )
        )
        given = []
        while (task_id := self.candidate(types=("a", "b"))) is not None:
            given.append(int(task_id, 16))
            self.change(task_id, status="completed")
        self.assertEqual(given, [6, 7, 5, 3, 4, 1])

    def test_types(self) -> None:
        """A worker gets tasks of its types only; one without types gets none."""
        self.add(a_task(task_type="a"))
        self.assertEqual([self.candidate(types=types) for types in ((), ("b",), ("b", "a"))], [None, None, TASK])

    def test_statuses(self) -> None:
        """A task may be started in the schedulable statuses and no others, known or unknown."""
        for number, status in enumerate((*(status.value for status in TaskStatus), "mystery")):
            with self.subTest(status=status):
                self.add(a_task(id=an_id(number), status=status))
                self.assertEqual(self.candidate() is not None, status in SCHEDULABLE)
                self.result_of(self.store.tasks.erase())

    def test_active_first(self) -> None:
        """A task that is active for the worker comes first: of any type, priority, and though it is skipped."""
        self.add(a_task(id=an_id(1), priority=99), a_task(task_type="other", priority=0))
        self.change(TASK, status="active", worker_id=WORKER)
        self.assertEqual(self.candidate(skip={TASK}), TASK)
        self.assertEqual(self.candidate(OTHER), an_id(1))
        self.change(TASK, status="cancel-requested")
        self.assertEqual(self.candidate(), an_id(1))

    def test_returned(self) -> None:
        """Which worker had a task before does not matter."""
        self.add(a_task(worker_id=OTHER))
        self.assertEqual(self.candidate(), TASK)

    def test_skip(self) -> None:
        """Tasks that others are just given are passed over; the next best is exact across jobs."""
        self.add(*(a_task(id=an_id(number), job=an_id(100 + number % 2)) for number in range(1, 8)))
        skipped: set[str] = set()
        given = []
        while (task_id := self.candidate(skip=skipped)) is not None:
            given.append(int(task_id, 16))
            skipped.add(task_id)
        self.assertEqual(given, [1, 2, 3, 4, 5, 6, 7])

    def test_failed_by(self) -> None:
        """A worker is not given a task that it failed at; others are."""
        failed = (FailedBy(id=WORKER), FailedBy(id=an_id(7)))
        self.add(a_task(failed_by=failed), a_task(id=an_id(0xFF), priority=1))
        self.assertEqual([self.candidate(worker) for worker in (WORKER, an_id(7), OTHER)], [an_id(0xFF)] * 2 + [TASK])
        self.change(TASK, failed_by=())
        self.assertEqual(self.candidate(), TASK)

    def test_parents(self) -> None:
        """A task waits for all of its parents to be completed; a failed or cancelled parent is not."""
        parents = (an_id(1), an_id(2))
        waiting = {"status": "active", "worker_id": OTHER}
        self.add(a_task(parents=(*parents, an_id(1))), *(a_task(id=parent, **waiting) for parent in parents))
        self.change(an_id(1), status="completed")
        self.assertIsNone(self.candidate())
        for status in ("failed", "canceled", "completed"):
            self.assertIsNone(self.candidate())
            self.change(an_id(2), status=status)
        self.assertEqual(self.candidate(), TASK)

    def test_parent_again(self) -> None:
        """A parent that is requeued makes its children wait again."""
        self.add(a_task(parents=(an_id(1),), priority=99), a_task(id=an_id(1), status="completed"))
        self.assertEqual(self.candidate(), TASK)
        self.change(an_id(1), status="queued")
        self.assertEqual(self.candidate(), an_id(1))

    def test_unknown_parent(self) -> None:
        """A parent that is not here counts as completed, until it comes."""
        self.add(a_task(parents=(an_id(1),), priority=99))
        self.assertEqual(self.candidate(), TASK)
        self.add(a_task(id=an_id(1)))
        self.assertEqual(self.candidate(), an_id(1))
        self.change(an_id(1), status="completed")
        self.assertEqual(self.candidate(), TASK)

    def test_parent_set_aside(self) -> None:
        """A parent that was not understood is waited for, even if it was completed here, until it is understood."""
        self.add(a_task(parents=(an_id(1),)), a_task(id=an_id(2), parents=(an_id(3),)))
        self.add(a_task(id=an_id(1), status="completed"))
        aside = [SetAside(task_id=an_id(number), reason="", document="", since=0.0) for number in (1, 3)]
        self.result_of(self.store.tasks.set_aside(aside))
        self.result_of(self.store.tasks.set_aside(aside))
        self.assertIsNone(self.candidate())
        known = self.task(an_id(1))
        imports = [
            Import(before=known, after=known, commands=()),
            Import(before=None, after=a_task(id=an_id(3), status="completed"), commands=()),
        ]
        self.result_of(self.store.tasks.take_in(imports))
        self.assertEqual(self.candidate(), an_id(2))
        self.assertEqual(self.candidate(skip={an_id(2)}), TASK)

    def test_parent_set_aside_goes_on(self) -> None:
        """A parent that is set aside is waited for once: what becomes of it here meanwhile does not matter."""
        self.add(a_task(parents=(an_id(1),)), a_task(id=an_id(1), status="active"))
        self.result_of(self.store.tasks.set_aside([SetAside(task_id=an_id(1), reason="", document="", since=0.0)]))
        for status in ("completed", "queued", "completed"):
            self.change(an_id(1), status=status)
        self.assertIsNone(self.candidate())
        known = self.task(an_id(1))
        self.result_of(self.store.tasks.take_in([Import(before=known, after=known, commands=())]))
        self.assertEqual((self.candidate(), self.result_of(self.store.repair())), (TASK, 0))

    def test_own_parent(self) -> None:
        """A task that is its own parent waits for itself, until the Server says that it is completed, or lets it go."""
        self.add(a_task(parents=(TASK,)))
        self.assertIsNone(self.candidate())
        self.change(TASK, status="completed")
        self.change(TASK, status="queued")
        self.assertIsNone(self.candidate())
        self.change(TASK, parents=())
        self.assertEqual(self.candidate(), TASK)

    def test_changed_parents(self) -> None:
        """When a task's list of parents changes, the new ones count and the old ones do not."""
        self.add(a_task(parents=(an_id(1),), priority=99), a_task(id=an_id(1)), a_task(id=an_id(2), priority=51))
        self.change(TASK, parents=(an_id(2), an_id(8)))
        self.change(an_id(2), status="completed")
        self.assertEqual(self.candidate(), TASK)
        self.change(TASK, parents=(an_id(1),), status="soft-failed")
        self.assertEqual(self.candidate(), an_id(1))

    def test_changed_priorities(self) -> None:
        """Changed priorities and types count at once."""
        self.add(a_task(), a_task(id=an_id(0xFF), priority=51))
        self.change(TASK, priority=52)
        self.assertEqual(self.candidate(), TASK)
        self.change(an_id(0xFF), job_priority=51)
        self.assertEqual(self.candidate(), an_id(0xFF))
        self.change(an_id(0xFF), task_type="other")
        self.assertEqual((self.candidate(), self.candidate(types=("other",))), (TASK, an_id(0xFF)))

    def test_held(self) -> None:
        """New tasks are given to nobody before they are released, so many at a time."""
        self.take_in(*(a_task(id=an_id(number)) for number in range(3)))
        self.assertIsNone(self.candidate())
        self.assertEqual([self.result_of(self.store.tasks.release(2)) for _ in range(3)], [2, 1, 0])
        self.assertEqual(self.candidate(), an_id(0))

    def test_new_and_not_held(self) -> None:
        """A new task that is not held is within reach at once, and those that are held stay held."""
        self.take_in(a_task(id=an_id(1)))
        new = a_task(id=an_id(2), status="queued", job_type="manager-local", worker_id=OTHER)
        self.assertEqual(
            self.result_of(self.store.tasks.take_in([Import(before=None, after=new, commands=(), held=False)])),
            frozenset(),
        )
        self.assertEqual((self.candidate(), self.candidate(skip=[an_id(2)])), (an_id(2), None))

    def test_held_changes(self) -> None:
        """A held task can change, and its parents can complete, and it is still held."""
        self.add(a_task(id=an_id(1), status="active", worker_id=OTHER))
        self.take_in(a_task(parents=(an_id(1),)))
        self.change(an_id(1), status="completed")
        self.change(TASK, priority=99)
        self.assertIsNone(self.candidate())
        self.result_of(self.store.tasks.release(9))
        self.assertEqual(self.candidate(), TASK)

    def test_merge_is_not_held(self) -> None:
        """A task that was here already stays within reach when the Server's copy is merged."""
        self.add(a_task())
        task = self.task(TASK)
        self.result_of(self.store.tasks.take_in([Import(before=task, after=evolve(task, priority=7), commands=())]))
        self.assertEqual((self.candidate(), self.task(TASK).priority), (TASK, 7))

    def test_merge_may_be_held(self) -> None:
        """A task that may be done again can be held as a new one is, whether it was finished or waited."""
        for status in ("completed", "claimed-by-manager"):
            self.add(a_task(id=an_id(1), status=status))
            before = self.task(an_id(1))
            after = evolve(before, status="claimed-by-manager", priority=7)
            self.result_of(self.store.tasks.take_in([Import(before=before, after=after, commands=(), held=True)]))
            self.assertIsNone(self.candidate())
            self.result_of(self.store.tasks.release(9))
            self.assertEqual(self.candidate(), an_id(1))
            self.result_of(self.store.tasks.erase())

    def test_repair_of_health(self) -> None:
        """Repairing a store in which nothing is wrong changes nothing."""
        self.add(a_task(parents=(an_id(1),)), a_task(id=an_id(1)), a_task(id=an_id(2), priority=1))
        self.assertEqual(self.result_of(self.store.repair()), 0)
        self.assertEqual(self.candidate(), an_id(1))
