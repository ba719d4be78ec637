"""Task logs are sent to the Server when it asks for them."""

import gzip
import io
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface import implementer

from flamenco_mgr.demo.standin.behaviour import LoseAnswer, Refuse, Rubbish, Silent
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.server.interfaces import ArchivedLog, ILogArchive, LogNotHere
from flamenco_mgr.server.log_upload import LOOK_EVERY, LogUploader
from tests.leases import ScriptedLease
from tests.server.linked import NOW, LinkedTestCase
from tests.threads import at_once


@implementer(ILogArchive)
@define(eq=False)
class Archive:
    """Has every log, but for those that are in trouble; ``files`` are all that were handed out."""

    content: bytes = gzip.compress(b"text\n")
    trouble: dict[LogRequest, Exception] = field(factory=dict)
    asked: list[LogRequest] = field(factory=list)
    files: list[io.BytesIO] = field(factory=list)
    packing: "Deferred[None] | None" = None

    async def archived(self, wanted: LogRequest, go_on: Callable[[], bool]) -> ArchivedLog | None:
        self.asked.append(wanted)
        if wanted in self.trouble:
            raise self.trouble[wanted]
        if self.packing is not None:
            await self.packing
            if not go_on():
                return None
        self.files.append(io.BytesIO(self.content))
        return ArchivedLog(file=self.files[-1], name=f"task-{wanted.task}.txt.gz", size=len(self.content))


class UploadTestCase(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.archive = Archive()
        self.lease = ScriptedLease(held=True)
        self.uploader = LogUploader(
            client=self.client, archive=self.archive, lease=self.lease, in_thread=at_once, clock=self.clock
        )
        self.uploader.startService()
        self.turns()
        self.addCleanup(self.check_end)

    def check_end(self) -> None:
        """Stop, and see that no file is left open and no timer set."""
        stopped = self.uploader.stopService()
        self.turns()
        self.successResultOf(stopped)
        self.assertEqual([file.closed for file in self.archive.files], [True] * len(self.archive.files))

    def tasks(self, count: int) -> list[StandInTask]:
        """Return tasks whose logs users have asked for."""
        tasks = self.add_job(count)
        for task in tasks:
            self.set_status(task, TaskStatus.COMPLETED)
            self.server.books.request_log(task.job, task.id)
        return tasks

    def want(self, *tasks: StandInTask) -> None:
        """List logs as the Server does in an answer to what it is asked now."""
        self.uploader.want([request(task) for task in tasks], self.clock.seconds())
        self.turns()

    def sent(self) -> list[str]:
        """Return the tasks whose logs the Server has got, in order."""
        return [log.task_id for log in self.server.record.logs]

    def tries(self) -> int:
        return self.server.record.requests[Endpoint.LOG]

    def tried_at(self, seconds: float) -> list[float]:
        """Return when uploads are tried in so many seconds from now, in seconds from the start."""
        instants, end = [], self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            before = len(self.archive.asked)
            self.pump(LOOK_EVERY, step=LOOK_EVERY)
            instants += [self.clock.seconds() - NOW] * (len(self.archive.asked) - before)
        return instants


class LogUploadTests(UploadTestCase):
    def test_sent(self) -> None:
        """A log that is wanted is sent, the bytes of its archive unchanged, with the task's file name."""
        (task,) = self.tasks(1)
        self.want(task)
        (log,) = self.server.record.logs
        self.assertEqual(
            (log.task_id, log.file_name, log.content), (task.id, f"task-{task.id}.txt.gz", self.archive.content)
        )
        self.assertEqual(self.server.books.wanted_logs, {})

    def test_many(self) -> None:
        """task-lifecycle.md 21.28: however many logs are wanted at once, each is sent, once and in order."""
        tasks = self.tasks(300)
        for _ in range(3):
            self.uploader.want([request(task) for task in tasks], self.clock.seconds())
        self.pump(LOOK_EVERY)
        self.assertEqual(self.sent(), [task.id for task in tasks])

    def test_one_at_a_time(self) -> None:
        """While a log is sent the others wait, and are not packed."""
        self.server.behave(Silent(), endpoint=Endpoint.LOG, times=1)
        tasks = self.tasks(2)
        self.want(*tasks)
        self.pump(60.0)
        self.assertEqual((self.tries(), self.archive.asked), (1, [request(tasks[0])]))

    def test_wanted_again(self) -> None:
        """A log that is wanted again after it was sent is sent again."""
        (task,) = self.tasks(1)
        self.want(task)
        self.pump(30.0)
        self.server.books.request_log(task.job, task.id)
        self.want(task)
        self.assertEqual(self.sent(), [task.id] * 2)

    def test_listed_before_it_was_sent(self) -> None:
        """An answer to a push that began before a log was sent does not make it be sent again."""
        (task,) = self.tasks(1)
        asked_at = self.clock.seconds()
        self.pump(1.0)
        self.want(task)
        self.uploader.want([request(task)], asked_at)
        self.pump(LOOK_EVERY)
        self.assertEqual(self.sent(), [task.id])

    def test_back_off(self) -> None:
        """server-api.md 17.13: a log that fails is tried again after 1, 2, 4 … 60 minutes, while others are sent."""
        bad, good = self.tasks(2)
        self.archive.trouble[request(bad)] = OSError(28, "No space left on device")
        self.want(bad, good)
        self.assertEqual(self.sent(), [good.id])
        minutes = [round(instant / 60) for instant in self.tried_at(5 * 3600)]
        self.assertEqual(minutes, [1, 3, 7, 15, 31, 63, 123, 183, 243])
        del self.archive.trouble[request(bad)]
        self.pump(3600.0, step=LOOK_EVERY)
        self.assertEqual(self.sent(), [good.id, bad.id])

    def test_told_once(self) -> None:
        """People are told of a log that cannot be sent the first time, with the reason, and not each time."""
        (bad,) = self.tasks(1)
        self.archive.trouble[request(bad)] = LogNotHere("task_logs_path may not be the farm's")
        with capturedLogs() as events:
            self.want(bad)
            self.tried_at(600.0)
        told = [formatEvent(event) for event in events if event["log_level"] >= LogLevel.info]
        self.assertEqual(len(told), 1)
        self.assertIn("task_logs_path may not be the farm's", told[0])

    def test_not_wanted_any_more(self) -> None:
        """One that failed and is not listed any more is forgotten; one that waits for its turn is not."""
        bad, other = self.tasks(2)
        self.archive.trouble[request(bad)] = OSError("no")
        self.want(bad)
        self.want(other)
        self.assertEqual(self.tried_at(600.0), [])
        self.assertEqual(self.sent(), [other.id])

    def test_unknown_task(self) -> None:
        """The Server has no such task: its log is not sent again, and the Server is not thought to refuse us."""
        (task,) = self.tasks(1)
        self.server.behave(Refuse(404), endpoint=Endpoint.LOG, times=1)
        self.want(task)
        self.assertEqual((self.tries(), self.tried_at(600.0)), (1, []))
        self.assertEqual(self.reachability.status.refusal, "")

    def test_refused(self) -> None:
        """Whatever else the Server says is a failure of that log, and the next is sent."""
        for status in (301, 400, 413, 500, 503):
            bad, good = self.tasks(2)
            self.server.behave(Refuse(status), endpoint=Endpoint.LOG, times=1)
            self.want(bad, good)
            self.assertEqual(self.sent()[-1], good.id, status)
            self.pump(70.0, step=LOOK_EVERY)
            self.assertEqual(self.sent()[-1], bad.id, status)

    def test_long_answer(self) -> None:
        """An answer that does not end is broken off, and is a failure."""
        (task,) = self.tasks(1)
        self.server.behave(Rubbish(1 << 20), endpoint=Endpoint.LOG, times=1)
        self.want(task)
        self.assertEqual((self.tries(), self.sent()), (1, []))
        self.pump(70.0, step=LOOK_EVERY)
        self.assertEqual(self.sent(), [task.id])

    def test_credentials_refused(self) -> None:
        """A Server that refuses our credentials is left alone for a minute, whatever is wanted; people are told."""
        tasks = self.tasks(3)
        self.server.behave(Refuse(403), endpoint=Endpoint.LOG, times=1)
        self.want(*tasks)
        self.assertEqual((self.tries(), "403" in self.reachability.status.refusal), (1, True))
        self.pump(59.0)
        self.assertEqual(self.tries(), 1)
        self.pump(11.0)
        self.assertEqual((sorted(self.sent()), self.reachability.status.refusal), (sorted(t.id for t in tasks), ""))

    def test_unreachable(self) -> None:
        """So is one that breaks the connection; then everything is sent."""
        tasks = self.tasks(3)
        self.server.behave(LoseAnswer(), endpoint=Endpoint.LOG, times=1)
        self.want(*tasks)
        self.assertEqual(self.tries(), 1)
        self.pump(130.0, step=LOOK_EVERY)
        self.assertEqual({log.task_id for log in self.server.record.logs}, {task.id for task in tasks})

    def test_silent(self) -> None:
        """A Server that never answers is given up after two minutes, and a second for each 64 KiB more."""
        self.archive.content = bytes(640 << 10)
        (task,) = self.tasks(1)
        self.server.behave(Silent(), endpoint=Endpoint.LOG, times=1)
        self.want(task)
        self.pump(130.0)
        self.assertTrue(self.reachability.status.reachable is not False)
        self.pump(1.0)
        self.assertIn("no answer within 130", self.reachability.status.reason)
        self.assertEqual(self.tries(), 1)

    def test_stop(self) -> None:
        """Stopping breaks off what is being sent, at once, and what was wanted is forgotten."""
        tasks = self.tasks(2)
        self.server.behave(Silent(), endpoint=Endpoint.LOG, times=1)
        self.want(*tasks)
        stopped = self.uploader.stopService()
        self.turns()
        self.successResultOf(stopped)
        self.want(*tasks)
        self.assertEqual((self.tries(), list(self.timers())), (1, []))
        self.uploader.startService()
        self.want(tasks[1])
        self.assertEqual(self.sent(), [tasks[1].id])

    def test_stop_while_packing(self) -> None:
        """Stopping waits for the piece that is being packed, and nothing is sent then."""
        self.archive.packing = Deferred()
        self.want(*self.tasks(1))
        stopped = self.uploader.stopService()
        self.assertNoResult(stopped)
        self.archive.packing.callback(None)
        self.turns()
        self.successResultOf(stopped)
        self.assertEqual(self.tries(), 0)

    def test_without_lease(self) -> None:
        """A Manager that finds out that it has lost the lease sends nothing."""
        (task,) = self.tasks(1)
        self.lease.asleep = True
        self.lease.held = False
        self.want(task)
        self.assertEqual((self.tries(), self.archive.asked), (0, []))

    def test_bug(self) -> None:
        """Whatever goes wrong with one log, the others are sent, and it does not go on at full speed."""
        bad, good = self.tasks(2)
        self.archive.trouble[request(bad)] = ZeroDivisionError()
        self.want(bad, good)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.sent(), [good.id])
        self.pump(50.0, step=LOOK_EVERY)
        self.assertEqual(self.archive.asked.count(request(bad)), 1)


def request(task: StandInTask) -> LogRequest:
    """Return what the Server lists."""
    return LogRequest(job=task.job, task=task.id)
