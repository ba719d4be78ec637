"""What is sent to MongoDB for workers that are banned from tasks, and for tasks that fail."""

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.tasks import FailedBy
from tests.builders import JOB, TASK, WORKER, a_task
from tests.store.contract.case import an_id
from tests.store.test_mongo_commands import OTHER, TYPES, WireCase


class BanCommandTests(WireCase):
    def test_banned(self) -> None:
        """A worker that is banned from many better jobs finds a task with two distinct scans, and one question more."""
        jobs = [an_id(0xB000 + number) for number in range(40)]
        self.add(*(a_task(id=an_id(number), job=job, priority=60) for number, job in enumerate(jobs)))
        self.begin()
        for job in jobs:
            line = BlacklistLine(worker_id=WORKER, job=job, task_type=TYPES[0], created=5.0)
            self.result_of(self.store.blacklist.add(line))
        self.sent()
        self.assertEqual(self.candidate(types=TYPES), TASK)
        self.assertEqual([next(iter(one)) for one in self.sent()], ["find", "find", "distinct", "distinct", "find"])
        self.assertEqual(self.names(self.ask(OTHER)), ["find", "find", "find", "find", "update"])

    def test_jobs_and_lanes(self) -> None:
        """A question names at most a hundred pairs of a job and a lane."""
        jobs = [an_id(0xB000 + number) for number in range(80)]
        failed = (FailedBy(id=OTHER),)
        for start in range(0, 80, 20):
            some = list(enumerate(jobs))[start : start + 20]
            self.add(*(a_task(id=an_id(number), job=job, priority=number) for number, job in some))
            self.add(*(a_task(id=an_id(100 + number), job=job, failed_by=failed) for number, job in some))
        line = BlacklistLine(worker_id=WORKER, job=jobs[79], task_type=TYPES[0], created=5.0)
        self.result_of(self.store.blacklist.add(line))
        self.sent()
        self.assertEqual(self.candidate(), an_id(78))
        pairs = [
            len(one["filter"]["job"]["$in"]) * len(one["filter"]["mgr.lane"]["$in"])
            for one in self.sent()
            if next(iter(one)) == "find" and "job" in one["filter"]
        ]
        self.assertEqual(pairs, [100, 58])

    def test_failure(self) -> None:
        """What is asked for when a task fails takes a count; the blacklist is known."""
        self.begin()
        self.assertEqual(self.names(self.store.tasks.failures(WORKER, JOB, TYPES[0])), ["count"])
        blacklist = self.store.blacklist
        for asked in (blacklist.lines(0.0), blacklist.page(0.0, None, 1), blacklist.of_workers([WORKER], 0.0)):
            self.assertEqual(self.names(asked), [])
