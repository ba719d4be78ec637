"""The contract of `IOverview`."""

from typing import Any

from attrs import evolve

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.interfaces import Import, JobCounts, Page, Place, TasksAsked
from tests.builders import JOB, TASK, WORKER, a_task
from tests.store.contract.case import StoreCase, an_id

OTHER_JOB, OTHER_WORKER = an_id(0xB1), an_id(0xA1)
NAMES = ("Frame-1", "frame-2", "FRAME-10", "Video", "video-Übergang", "f.ame", "frame")


def some_tasks() -> list[Task]:
    """Return tasks of two jobs, of several statuses, workers and names."""
    statuses = ("queued", "active", "failed", "completed", "paused")
    return [
        a_task(
            id=an_id(number),
            job=(JOB, OTHER_JOB)[number % 2],
            status=statuses[number % 5],
            worker_id=(None, WORKER, OTHER_WORKER)[number % 3],
            name=NAMES[number % 7],
            task_type=("sleep", "blender-render")[number % 4 == 0],
        )
        for number in range(1, 60)
    ]


class OverviewCase(StoreCase):
    def counted(self) -> None:
        """Let what is counted now and then be counted."""
        self.result_of(self.store.overview.recount())

    def by_status(self) -> dict[str, int]:
        self.counted()
        return dict(self.result_of(self.store.overview.counts()).by_status)

    def job(self, job: str) -> JobCounts | None:
        self.counted()
        found = self.result_of(self.store.overview.job(job))
        return None if found is None else evolve(found, age=0.0)

    def jobs(self, limit: int = 100) -> list[JobCounts]:
        """Return all jobs, a page at a time."""
        self.counted()
        found: list[JobCounts] = []
        after: Place | None = None
        while True:
            page: Page[JobCounts] = self.result_of(self.store.overview.jobs(after, limit))
            self.assertLessEqual(len(page.items), limit)
            found += [evolve(one, age=0.0) for one in page.items]
            if page.next is None:
                return found
            after = page.next

    def listed(self, limit: int = 7, **asked: Any) -> list[str]:
        """Return the ids of all tasks that are asked for, a page at a time."""
        found: list[str] = []
        after: Place | None = None
        while True:
            page: Page[Task] = self.result_of(self.store.overview.tasks(TasksAsked(**asked), after, limit))
            self.assertLessEqual(len(page.items), limit)
            found += [task.id for task in page.items]
            if page.next is None:
                return found
            after = page.next


class CountsContract(OverviewCase):
    def test_nothing(self) -> None:
        """Of an empty store all is empty."""
        self.assertEqual((self.by_status(), self.jobs(), self.job(JOB)), ({}, [], None))

    def test_follow(self) -> None:
        """The numbers follow tasks that come, that change, and that all go."""
        self.take_in(a_task(), a_task(id=an_id(1), task_type="sleep"), a_task(id=an_id(2), job=OTHER_JOB))
        self.assertEqual(self.by_status(), {"claimed-by-manager": 3})
        self.change(TASK, status="active")
        self.assertEqual(self.by_status(), {"claimed-by-manager": 2, "active": 1})
        task = self.task(TASK)
        requeued = Import(before=task, after=evolve(task, status="queued", job=OTHER_JOB), commands=())
        self.result_of(self.store.tasks.take_in([requeued, evolve(requeued, before=None)]))
        self.assertEqual(self.by_status(), {"claimed-by-manager": 2, "queued": 1})
        found = self.job(OTHER_JOB)
        self.assertEqual(found and found.by_status, {"claimed-by-manager": 1, "queued": 1})
        self.result_of(self.store.tasks.erase())
        self.assertEqual((self.by_status(), self.jobs(), self.job(OTHER_JOB)), ({}, [], None))

    def test_not_stored(self) -> None:
        """What was not changed is not counted: a decision that came too late, a task that is here already."""
        self.take_in(a_task())
        stale = evolve(self.task(TASK), revision=7)
        late = Import(before=stale, after=evolve(stale, status="queued"), commands=())
        self.result_of(self.store.tasks.take_in([late, Import(before=None, after=stale, commands=())]))
        self.assertEqual(self.by_status(), {"claimed-by-manager": 1})

    def test_a_job(self) -> None:
        """A job has the numbers of its tasks, and the type and priority of one of them."""
        self.take_in(a_task(job_type="sleep-job", job_priority=7), a_task(id=an_id(1), job=OTHER_JOB))
        wanted = JobCounts(job=JOB, by_status={"claimed-by-manager": 1}, job_type="sleep-job", job_priority=7)
        self.assertEqual(self.job(JOB), wanted)
        self.assertIsNone(self.job(an_id(77)))

    def test_jobs(self) -> None:
        """All jobs come once each, the newest first, however large the pages are."""
        self.take_in(*(a_task(id=an_id(number), job=an_id(0xB00 + number // 3)) for number in range(30)))
        wanted = [an_id(0xB00 + number) for number in range(9, -1, -1)]
        for limit in (1, 3, 10, 100):
            self.assertEqual([one.job for one in self.jobs(limit)], wanted, limit)
        self.assertEqual({one.by_status["claimed-by-manager"] for one in self.jobs()}, {3})

    def test_age(self) -> None:
        """Numbers say how old they are; those that were just counted are not."""
        self.take_in(a_task())
        self.counted()
        self.assertEqual(self.result_of(self.store.overview.counts()).age, 0.0)
        job = self.result_of(self.store.overview.job(JOB))
        self.assertEqual(job and job.age, 0.0)

    def test_place_of_elsewhere(self) -> None:
        """A place that is none of the list of jobs is refused."""
        self.take_in(a_task(), a_task(id=an_id(1), job=OTHER_JOB))
        self.counted()
        place = self.result_of(self.store.overview.jobs(None, 1)).next
        assert place is not None
        elsewhere: tuple[Place, ...] = ((), ("",), ("jobs",), place[:1], (*place, "x"), ("x" * 12, *place[1:]))
        for wrong in elsewhere:
            self.failure_of(self.store.overview.jobs(wrong, 1), ValueError)
            self.failure_of(self.store.overview.tasks(TasksAsked(), wrong, 1), ValueError)


class TaskPagesContract(OverviewCase):
    def setUp(self) -> None:
        super().setUp()
        self.tasks = some_tasks()
        self.take_in(*self.tasks)

    def wanted(self, **asked: Any) -> list[str]:
        """Return the ids of the tasks that are asked for, found by looking at all of them."""
        begins = asked.pop("begins", "").lower()
        return sorted(
            task.id
            for task in self.tasks
            if all(getattr(task, name) == value for name, value in asked.items())
            and (task.id.startswith(begins) or task.name.lower().startswith(begins))
        )

    def assert_listed(self, **asked: Any) -> None:
        for limit in (1, 7, 1000):
            found = self.listed(limit, **asked)
            self.assertEqual(sorted(found), self.wanted(**asked), (limit, asked))

    def test_all(self) -> None:
        """All tasks come once each, the newest first."""
        self.assertEqual(self.listed(), self.wanted()[::-1])

    def test_by_job(self) -> None:
        """The tasks of a job come in the order of their ids."""
        self.assertEqual(self.listed(job=JOB), self.wanted(job=JOB))
        self.assertEqual(self.listed(job=an_id(77)), [])

    def test_by_worker(self) -> None:
        """A worker's tasks are those that it has, and those that it had last; the newest come first."""
        self.assertEqual(self.listed(worker_id=WORKER), self.wanted(worker_id=WORKER)[::-1])

    def test_by_status(self) -> None:
        """The tasks of a status come once each, those of the newest job first."""
        found = self.listed(status="failed")
        self.assertEqual(sorted(found), self.wanted(status="failed"))
        jobs = [self.task(task_id).job for task_id in found]
        self.assertEqual(jobs, sorted(jobs, reverse=True))
        self.assertEqual(self.listed(status="no such"), [])

    def test_by_name(self) -> None:
        """The beginning of a name finds it, in small letters or capitals."""
        for begins in ("frame", "FRAME-1", "Video", "vIDEO-", "f.", "%", "_", "nothing", "frame-10"):
            self.assert_listed(begins=begins)

    def test_long_names(self) -> None:
        """Names of any length are turned page by page, and no place is longer than what goes through a URL."""
        long = [a_task(id=an_id(100 + number), name="L" * 10_000 + f"{7 - number}" * 9) for number in range(5)]
        long += [a_task(id=an_id(200 + number), name="l" * 200 + "é" * number) for number in range(3)]
        self.take_in(*long)
        self.tasks += long
        self.assert_listed(begins="L" * 200)
        self.assert_listed(begins="l", job=JOB)
        place: Place | None = None
        for _ in long[1:]:
            place = self.result_of(self.store.overview.tasks(TasksAsked(begins="l"), place, 1)).next
            assert place is not None
            self.assertLess(sum(map(len, place)), 300)

    def test_long_name_gone(self) -> None:
        """A task that is removed between two pages leaves out none of those that are alike for a long way."""
        long = [a_task(id=an_id(100 + number), status="failed", name="L" * 1000 + str(number)) for number in range(3)]
        self.take_in(*long)
        asked = TasksAsked(begins="L")
        first = self.result_of(self.store.overview.tasks(asked, None, 1))
        self.result_of(self.store.tasks.remove([self.task(long[0].id)]))
        rest = self.result_of(self.store.overview.tasks(asked, first.next, 5))
        self.assertEqual([task.id for task in rest.items], [task.id for task in long[1:]])

    def test_by_id(self) -> None:
        """The beginning of an id finds it, and so does all of it; what has the name as well comes once."""
        named_so = a_task(id=TASK, name=TASK[:6].upper())
        self.take_in(named_so)
        self.tasks.append(named_so)
        for begins in (an_id(7), an_id(7)[:23], an_id(7).upper(), "0", TASK, TASK[:6], f"{TASK}0"):
            self.assert_listed(begins=begins)

    def test_together(self) -> None:
        """Conditions that are given together hold together."""
        self.assert_listed(job=JOB, status="failed")
        self.assert_listed(job=JOB, worker_id=WORKER)
        self.assert_listed(status="failed", worker_id=OTHER_WORKER)
        self.assert_listed(job=JOB, status="paused", worker_id=WORKER)
        self.assert_listed(job=OTHER_JOB, begins="frame")
        self.assert_listed(job=OTHER_JOB, status="queued", worker_id=WORKER, begins="V")
        self.assert_listed(status="queued", begins="0000")

    def test_whole(self) -> None:
        """A task in a list is what it is when it is asked for alone."""
        for asked in (TasksAsked(), TasksAsked(job=JOB), TasksAsked(begins="frame")):
            page = self.result_of(self.store.overview.tasks(asked, None, 5))
            self.assertEqual([self.task(task.id) for task in page.items], list(page.items))

    def test_changes_between_pages(self) -> None:
        """A task of a job that gets another status while the pages are turned is neither left out nor shown twice."""
        asked = TasksAsked(job=JOB)
        first = self.result_of(self.store.overview.tasks(asked, None, 5))
        others = self.wanted(job=JOB)[5:]
        self.change(others[0], status="active")
        self.change(first.items[0].id, status="under-construction")
        second = self.result_of(self.store.overview.tasks(asked, first.next, 1000))
        self.assertEqual([task.id for task in second.items], others)

    def test_places_of_elsewhere(self) -> None:
        """A place of another list is refused, and so is one that was made up."""
        lists = [
            TasksAsked(),
            TasksAsked(job=JOB),
            TasksAsked(job=OTHER_JOB),
            TasksAsked(status="queued"),
            TasksAsked(worker_id=WORKER),
            TasksAsked(begins="frame"),
        ]
        places = [self.result_of(self.store.overview.tasks(asked, None, 1)).next for asked in lists]
        for asked in lists:
            for other, place in zip(lists, places, strict=True):
                assert place is not None
                if other != asked:
                    self.failure_of(self.store.overview.tasks(asked, place, 1), ValueError)
            self.failure_of(self.store.overview.tasks(asked, ("x", "y"), 1), ValueError)
