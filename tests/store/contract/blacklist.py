"""The contract of `IBlacklist`, of bans in `ITaskStore.candidate`, and of what the store knows of failures."""

from typing import Any

from zope.interface.verify import verifyObject

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.store.interfaces import EventsAsked, FailedBefore, IBlacklist, Import
from tests.builders import JOB, TASK, WORKER, a_task
from tests.store.contract.case import StoreCase, an_id

OTHER = an_id(0xBEEF)
OTHER_JOB = an_id(0xB002)
TYPE = "blender-render"


def a_line(**changes: Any) -> BlacklistLine:
    """Return a line for the tasks of `a_task`."""
    values: dict[str, Any] = {"worker_id": WORKER, "job": JOB, "task_type": TYPE, "created": 1000.0}
    return BlacklistLine(**(values | changes))


class BlacklistContract(StoreCase):
    def ban(self, **changes: Any) -> bool:
        """Add a line."""
        return self.result_of(self.store.blacklist.add(a_line(**changes)))

    def lines(self, since: float = 0.0) -> tuple[BlacklistLine, ...]:
        """Return the lines from an instant on."""
        return self.result_of(self.store.blacklist.lines(since))

    def test_interface(self) -> None:
        """The blacklist provides its interface, method by method."""
        verifyObject(IBlacklist, self.store.blacklist)

    def test_lines(self) -> None:
        """Lines come back as they went in, the oldest first, from an instant on."""
        lines = [a_line(created=1003.0), a_line(worker_id=OTHER), a_line(job="a job", task_type="é 1", created=1002.0)]
        for one in lines:
            self.assertTrue(self.result_of(self.store.blacklist.add(one)))
        self.assertEqual(self.lines(), (lines[1], lines[2], lines[0]))
        self.assertEqual(self.lines(1002.0), (lines[2], lines[0]))

    def test_pages(self) -> None:
        """Pages have every line from an instant on, once and in order, whatever is said of the same at one instant."""
        lines = [a_line(worker_id=OTHER), *(a_line(created=1001.0, job=an_id(number)) for number in range(4))]
        types = ("a", "é" * 5000, "é" * 5001)
        lines += [a_line(created=1001.0, job=an_id(2), task_type=task_type) for task_type in types]
        for one in [*lines, a_line(created=999.0)]:
            self.assertTrue(self.result_of(self.store.blacklist.add(one)))
        for limit in range(1, 9):
            found: list[BlacklistLine] = []
            pages, place = 0, None
            while pages == 0 or place is not None:
                page = self.result_of(self.store.blacklist.page(1000.0, place, limit))
                self.assertLess(len("".join(page.next or ())), 200)
                found += page.items
                pages, place = pages + 1, page.next
            self.assertEqual((tuple(found), pages), (self.lines(1000.0), -(-len(lines) // limit)))

    def test_changing_pages(self) -> None:
        """A page goes on where it was, though the line before it is gone, or has expired."""
        for number in range(5):
            self.ban(created=1000.0 + number, job=an_id(number))
        place = self.result_of(self.store.blacklist.page(0.0, None, 2)).next
        self.result_of(self.store.blacklist.remove(WORKER, an_id(1), TYPE))
        for since, left in ((0.0, (2, 3, 4)), (1003.0, (3, 4))):
            page = self.result_of(self.store.blacklist.page(since, place, 5))
            self.assertEqual(([line.job for line in page.items], page.next), ([an_id(number) for number in left], None))

    def test_foreign_place(self) -> None:
        """A place of another list is refused."""
        self.ban()
        self.ban(job=OTHER_JOB)
        place = self.result_of(self.store.blacklist.page(0.0, None, 1)).next
        assert place is not None
        wrong = [(place[0], text, *place[2:]) for text in ("nan", "inf", "x")]
        for foreign in (place[:-1], ("jobs", *place[1:]), *wrong):
            self.failure_of(self.store.blacklist.page(0.0, foreign, 1), ValueError)

    def test_of_workers(self) -> None:
        """Lines of some workers come alone, the oldest first, from an instant on."""
        third = an_id(0xDEAD)
        for number, worker in enumerate((WORKER, OTHER, third, WORKER, OTHER)):
            self.ban(worker_id=worker, created=1000.0 - number, job=an_id(number))
        both = (WORKER, OTHER)
        cases: tuple[tuple[tuple[str, ...], float, tuple[int, ...]], ...] = (
            ((), 0.0, ()),
            ((third,), 0.0, (2,)),
            (both, 0.0, (4, 3, 1, 0)),
            ((*both, an_id(1)), 999.0, (1, 0)),
        )
        for workers, since, numbers in cases:
            lines = self.result_of(self.store.blacklist.of_workers(workers, since))
            self.assertEqual([line.job for line in lines], [an_id(number) for number in numbers])

    def test_one_of_a_kind(self) -> None:
        """A line that is there stays as it is; one that has expired gives way."""
        self.assertTrue(self.ban())
        self.assertFalse(self.ban(created=1000.0 + EXPIRES_AFTER))
        self.assertEqual(self.lines(), (a_line(),))
        again = 1001.0 + EXPIRES_AFTER
        self.assertTrue(self.ban(created=again))
        self.assertEqual(self.lines(), (a_line(created=again),))

    def test_remove(self) -> None:
        """A line is removed once; others stay."""
        self.ban()
        self.ban(task_type="other")
        removed = [self.result_of(self.store.blacklist.remove(WORKER, JOB, TYPE)) for _ in range(2)]
        self.assertEqual((removed, self.lines()), ([True, False], (a_line(task_type="other"),)))
        self.assertTrue(self.ban())

    def test_expire(self) -> None:
        """Lines that are older than an instant are forgotten."""
        for number in range(3):
            self.ban(created=1000.0 + number, job=an_id(number))
        self.assertEqual(self.result_of(self.store.blacklist.expire(1002.0)), 2)
        self.assertEqual(self.lines(), (a_line(created=1002.0, job=an_id(2)),))
        self.assertEqual(self.result_of(self.store.blacklist.expire(1002.0)), 0)

    def test_recorded(self) -> None:
        """What was done is in the history; what was not is not."""
        for text in ("first", "again"):
            event = Event(at=1.0, kind=EventKind.WORKER.value, worker=WORKER, job=JOB, text=text)
            self.result_of(self.store.blacklist.add(a_line(), event))
        for text in ("removed", "no more"):
            event = Event(at=2.0, kind=EventKind.OPERATOR.value, worker=WORKER, job=JOB, text=text)
            self.result_of(self.store.blacklist.remove(WORKER, JOB, TYPE, event))
        page = self.result_of(self.store.history.events(EventsAsked(worker=WORKER), None, 10, newest_first=False))
        self.assertEqual([one.event.text for one in page.items], ["first", "removed"])

    def test_banned(self) -> None:
        """A worker gets no task of a job and type that it is banned from, and any other one."""
        self.add(a_task(), a_task(id=an_id(1), job=OTHER_JOB), a_task(id=an_id(2), task_type="other", priority=1))
        self.ban()
        types = (TYPE, "other")
        self.assertEqual((self.candidate(types=types), self.candidate(OTHER)), (an_id(1), an_id(1)))
        self.ban(job=OTHER_JOB)
        self.assertEqual((self.candidate(types=types), self.candidate()), (an_id(2), None))
        self.ban(worker_id=OTHER, job=OTHER_JOB)
        self.assertEqual(self.candidate(OTHER), TASK)
        self.result_of(self.store.blacklist.remove(WORKER, JOB, TYPE))
        self.assertEqual(self.candidate(), TASK)

    def test_banned_since(self) -> None:
        """Only lines from an instant on count."""
        self.add(a_task())
        self.ban()
        self.assertEqual([self.candidate(banned_since=since) for since in (1000.0, 1000.5)], [None, TASK])

    def test_banned_and_failed(self) -> None:
        """Of what it is not banned from, a worker gets the best that it has not failed at; the order stays exact."""
        failed = (FailedBy(id=WORKER),)
        self.add(
            a_task(id=an_id(1), priority=90),
            a_task(id=an_id(2), priority=80, job=OTHER_JOB, failed_by=failed),
            a_task(id=an_id(3), priority=70, job=OTHER_JOB, failed_by=(FailedBy(id=OTHER),)),
            a_task(id=an_id(4), priority=70, job=an_id(0xB003)),
            a_task(id=an_id(5), priority=60, task_type="other"),
        )
        self.ban()
        found: list[str] = []
        while (task_id := self.candidate(types=(TYPE, "other"), skip=found)) is not None:
            found.append(task_id)
        self.assertEqual(found, [an_id(3), an_id(4), an_id(5)])

    def test_active_though_banned(self) -> None:
        """What a worker is on it gets again, banned or not (task-lifecycle.md 4)."""
        self.add(a_task(status="active", worker_id=WORKER))
        self.ban()
        self.assertEqual(self.candidate(), TASK)


class FailuresContract(StoreCase):
    def failures(self, worker: str = WORKER, job: str = JOB, task_type: str = TYPE) -> int:
        """Return at how many tasks of a kind a worker failed."""
        return self.result_of(self.store.tasks.failures(worker, job, task_type))

    def failed_before(self) -> set[FailedBefore]:
        """Return which schedulable tasks were failed at."""
        return set(self.result_of(self.store.tasks.failed_before()))

    def test_failures(self) -> None:
        """Failures are counted per worker, job and type, whoever has the task now, and whatever became of it."""
        self.add(*(a_task(id=an_id(number)) for number in range(3)))
        self.change(an_id(0), failed_by=(FailedBy(id=WORKER),), status="soft-failed")
        self.change(an_id(1), failed_by=(FailedBy(id=OTHER), FailedBy(id=WORKER)), worker_id=OTHER)
        self.change(an_id(0), status="completed", worker_id=OTHER)
        self.assertEqual([self.failures(), self.failures(OTHER)], [2, 1])
        self.assertEqual([self.failures(job=OTHER_JOB), self.failures(task_type="other")], [0, 0])

    def test_failures_follow(self) -> None:
        """What the Server says anew of a task, its job and type included, is what counts."""
        failed = (FailedBy(id=WORKER), FailedBy(id=WORKER))
        self.add(a_task(failed_by=failed))
        self.assertEqual(self.failures(), 1)
        task = self.task(TASK)
        moved = a_task(failed_by=failed, job=OTHER_JOB, task_type="other")
        self.assertEqual(
            self.result_of(self.store.tasks.take_in([Import(before=task, after=moved, commands=())])), frozenset()
        )
        self.assertEqual([self.failures(), self.failures(job=OTHER_JOB, task_type="other")], [0, 1])
        self.change(TASK, failed_by=())
        self.assertEqual(self.failures(job=OTHER_JOB, task_type="other"), 0)

    def test_failures_forgotten(self) -> None:
        """Tasks that are gone do not count."""
        self.add(a_task(failed_by=(FailedBy(id=WORKER),), status="failed"), a_task(id=an_id(1)))
        self.change(an_id(1), failed_by=(FailedBy(id=WORKER),))
        self.assertEqual(self.result_of(self.store.tasks.remove([self.task(TASK)])), {TASK})
        self.assertEqual(self.failures(), 1)
        self.result_of(self.store.tasks.erase())
        self.assertEqual((self.failures(), self.failed_before()), (0, set()))

    def test_failed_before(self) -> None:
        """Which schedulable tasks were failed at is known by job, type and workers, blocked and held ones, too."""
        one, both = (FailedBy(id=WORKER),), (FailedBy(id=OTHER, identifier="x"), FailedBy(id=WORKER))
        self.add(
            a_task(id=an_id(1), status="soft-failed", failed_by=one),
            a_task(id=an_id(2), status="soft-failed", failed_by=one, parents=(an_id(6),)),
            a_task(id=an_id(3), status="queued", failed_by=both, task_type="other"),
            a_task(id=an_id(4), status="failed", failed_by=both),
            a_task(id=an_id(5), status="active", failed_by=both),
            a_task(id=an_id(6)),
        )
        self.take_in(a_task(id=an_id(7), job=OTHER_JOB, status="soft-failed", failed_by=one))
        alone, all_of_them = frozenset({WORKER}), frozenset({WORKER, OTHER})
        self.assertEqual(
            self.failed_before(),
            {
                FailedBefore(job=JOB, task_type=TYPE, failed_by=alone),
                FailedBefore(job=JOB, task_type="other", failed_by=all_of_them),
                FailedBefore(job=OTHER_JOB, task_type=TYPE, failed_by=alone),
            },
        )

    def test_waiting(self) -> None:
        """Schedulable tasks of a kind come in pages by their ids, blocked and held ones, too."""
        statuses = ("queued", "active", "soft-failed", "failed", "claimed-by-manager", "paused")
        self.add(*(a_task(id=an_id(number), status=status) for number, status in enumerate(statuses)))
        self.add(a_task(id=an_id(7), parents=(an_id(0),)), a_task(id=an_id(8), task_type="other"))
        self.add(a_task(id=an_id(9), job=OTHER_JOB))
        self.take_in(a_task(id=an_id(10)))
        found, last = [], ""
        while page := self.result_of(self.store.tasks.waiting(JOB, TYPE, last, 2)):
            self.assertLessEqual(len(page), 2)
            found += [task.id for task in page]
            last = page[-1].id
        self.assertEqual(found, [an_id(number) for number in (0, 2, 4, 7, 10)])
        self.assertEqual(self.result_of(self.store.tasks.waiting(JOB, TYPE, an_id(7), 5)), (self.task(an_id(10)),))
