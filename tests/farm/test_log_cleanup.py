"""Logs beyond the limits are removed, and nothing else."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from attrs import evolve

from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.farm.log_cleanup import LogCleaner
from tests.builders import JOB, TASK, a_task
from tests.harness import FarmTestCase
from tests.store.contract.case import an_id
from tests.upkeep import LeftAlone, Parts

DAY = 86400.0


class LogCleanupTests(LeftAlone):
    settings = evolve(FarmTestCase.settings, task_log_max_age=DAY, task_log_max_files=2)

    def file(self, task: str = TASK, ending: str = "", *, age: float = 2 * DAY, job: str = JOB) -> Path:
        """Make a file of a log, or of another name, that old."""
        path = self.logs / log_path(job, task)
        path = path.with_name(f"{path.name}{ending}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        self.date(path, age)
        return path

    def date(self, path: Path, age: float) -> None:
        """Let a file or directory be that old."""
        when = self.clock.seconds() - age
        os.utime(path, (when, when))

    def left(self, *paths: Path) -> list[bool]:
        """Return which of these are still there."""
        return [path.exists() for path in paths]

    def look(self) -> None:
        """Let the duty have a turn."""
        (duty,) = (
            one
            for duty in self.farm.duties
            for one in getattr(duty, "duties", ())
            if isinstance(getattr(getattr(one, "action", None), "__self__", None), LogCleaner)
        )
        self.result_of(duty.action())

    def test_age(self) -> None:
        """Old logs of tasks that are finished, or not here any more, go; those of others and newer ones stay."""
        self.add(a_task(status="completed"), a_task(id=an_id(1)), a_task(id=an_id(2), status="active"))
        gone = [
            self.file(),
            self.file(ending=".gz"),
            self.file(ending=".1"),
            self.file(an_id(9)),
            self.file(an_id(1), ".1"),
        ]
        stay = [self.file(an_id(1)), self.file(an_id(2)), self.file(an_id(2), ".1"), self.file(ending=".2", age=DAY)]
        self.look()
        self.assertEqual(self.left(*gone), [False] * len(gone))
        self.assertEqual(self.left(*stay), [True] * len(stay))

    def test_number(self) -> None:
        """Of rotated logs the latest two stay, but those of a running task all do."""
        self.add(a_task(), a_task(id=an_id(1), status="active"))
        mine = [self.file(ending=f".{number}", age=1) for number in (1, 3, 4, 10)]
        running = [self.file(an_id(1), f".{number}", age=1) for number in (1, 3, 4, 10)]
        self.look()
        self.assertEqual(self.left(*mine), [True, True, False, False])
        self.assertEqual(self.left(*running), [True] * 4)

    def test_odd_names(self) -> None:
        """What has no name of a log stays, in directories with whatever signs in their names."""
        self.logs = self.logs / "[a-z]*?"
        self.farm = self.wired()
        gone = self.file()
        odd = [
            self.file(ending=".abc"),
            self.file(ending="*"),
            self.logs / "job-5e6a" / "x.txt",
            self.logs / "notes.txt",
        ]
        for path in odd:
            path.write_text("x")
            self.date(path, 9 * DAY)
        self.look()
        self.assertEqual(self.left(gone, *odd), [False, True, True, True, True])

    def test_empty_directories(self) -> None:
        """Directories that have been empty for a while go; one that was just made, or emptied, goes later."""
        path = self.file()
        job, outer = path.parent, path.parent.parent
        self.look()
        self.assertEqual(self.left(path, job), [False, True])
        self.date(job, 601)
        self.look()
        self.assertEqual(self.left(job, outer), [False, True])
        self.date(outer, 601)
        self.look()
        self.assertEqual(self.left(outer, self.logs), [False, True])

    def test_just_written(self) -> None:
        """A log that is written after it was looked at stays."""
        self.add(a_task(status="completed"))
        path = self.file()
        standing = self.store.tasks.standing

        def written_meanwhile(task_ids: Collection[str]) -> Any:
            self.date(path, 0)
            return standing(task_ids)

        self.with_parts(tasks=Parts(self.store.tasks, standing=written_meanwhile))
        self.look()
        self.assertTrue(path.exists())

    def test_every_hour(self) -> None:
        """The first look comes ten minutes after the start."""
        path = self.file()
        self.start()
        self.leave_alone(599)
        self.assertTrue(path.exists())
        self.leave_alone(2)
        self.assertFalse(path.exists())

    def test_no_directory(self) -> None:
        """No log has been written yet: nothing happens."""
        self.look()
        self.assertFalse(self.logs.exists())

    def test_many(self) -> None:
        """Very many files of a job are looked at and removed in slices."""
        paths = [self.file(an_id(number)) for number in range(1, 1200)]
        self.look()
        self.assertEqual([path for path in paths if path.exists()], [])


class NoLimitsTests(LeftAlone):
    def test_off(self) -> None:
        """Without limits there is no such duty."""
        found = [
            one for duty in self.farm.duties for one in getattr(duty, "duties", ()) if "LogCleaner" in str(one.name)
        ]
        self.assertEqual(found, [])
