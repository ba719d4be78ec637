"""How updates are brought to the Server: in order, in batches that it takes, around those that it refuses."""

from collections.abc import Collection

from attrs import define, evolve, field
from twisted.logger import LogLevel, capturedLogs
from zope.interface import implementer

from flamenco_mgr.demo.standin.behaviour import Altered, Behaviour, LoseAnswer, Redirect, Refuse, Slow
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.server.interfaces import ICancels
from flamenco_mgr.store.interfaces import IUpdateQueue, StoreUnavailable
from tests.builders import a_task
from tests.server.pushing import PushTestCase

OTHER_MANAGER = "5d7b9f3ae4b0c83a1f2d6eff"


@implementer(ICancels)
@define(eq=False)
class LookingCancels:
    """Looks how many updates wait when it is called."""

    updates: IUpdateQueue
    waiting: list[int] = field(factory=list)

    async def cancel(self, task_ids: Collection[str]) -> None:  # noqa: ARG002 it only looks
        self.waiting.append(await self.updates.waiting())


@implementer(ICancels)
class FailingCancels:
    """Cannot store anything."""

    async def cancel(self, task_ids: Collection[str]) -> None:  # noqa: ARG002 it fails whatever they are
        raise StoreUnavailable("disk full")


class HandledTests(PushTestCase):
    def test_order(self) -> None:
        """server-api.md 17.7: updates arrive in the order in which they happened."""
        task = self.add_job()[0]
        for status in ("active", "soft-failed", "active", "completed"):
            self.enqueue(self.an_update(task.id, status=status))
        self.start()
        received = self.server.record.received[task.id]
        self.assertEqual([update.status for update in received], ["active", "soft-failed", "active", "completed"])
        self.assertEqual(self.statuses(task), ["completed"])

    def test_partly(self) -> None:
        """server-api.md 12.1 and 14.7: the update that the answer does not name stays, and is sent again later."""
        mine = self.add_job()[0]
        foreign = self.add_job(manager=OTHER_MANAGER)[0]
        self.start()
        for task in (mine, foreign, mine):
            self.enqueue(self.an_update(task.id, status="active"))
        self.until(5.0)
        self.assertEqual(self.waiting(), 1)
        self.until(10.0)
        self.assertEqual(self.pushes()[1:], [(5.0, 3), (10.0, 1)])

    def test_never_handled(self) -> None:
        """server-api.md 17.9: after ten good answers that do not name it an update is parked."""
        foreign = self.add_job(manager=OTHER_MANAGER)[0]
        self.enqueue_some(1, foreign)
        self.start()
        self.until(40.0)
        self.assertEqual(self.waiting(), 1)
        self.until(45.0)
        self.assertEqual(self.waiting(), 0)
        parked = self.result_of(self.store.updates.parked())
        self.assertEqual([each.update.task_id for each in parked], [foreign.id])
        self.assertIn("10 good answers", parked[0].reason)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 10)

    def test_strangers(self) -> None:
        """Ids that were never sent are ignored."""
        self.enqueue_some(2)
        self.server.behave(
            Altered(lambda answer: answer | {"handled_update_ids": ["f" * 24, "x", 5]}), endpoint=Endpoint.PUSH, times=1
        )
        self.start()
        self.assertEqual(self.waiting(), 2)

    def test_logs_wanted(self) -> None:
        """server-api.md 5.4: that the Server would like to have logs disturbs nothing."""
        task = self.add_job()[0]
        self.set_status(task, "completed")
        self.server.books.request_log(task.job, task.id)
        self.enqueue_some(1)
        self.start()
        self.assertEqual((self.waiting(), len(self.server.books.wanted_logs)), (0, 1))

    def test_answer_lost(self) -> None:
        """server-api.md 17.8: what was applied, but not confirmed, is sent again in the same order."""
        task = self.add_job()[0]
        for status in ("active", "completed"):
            self.enqueue(self.an_update(task.id, status=status))
        self.server.behave(LoseAnswer(), endpoint=Endpoint.PUSH, times=1)
        self.start()
        self.assertEqual(self.waiting(), 2)
        self.until(1.0)
        self.assertEqual(
            [(update.status, update.again) for update in self.server.record.received[task.id]],
            [("active", False), ("completed", False), ("active", True), ("completed", True)],
        )
        self.assertEqual((self.statuses(task), self.waiting()), (["completed"], 0))

    def test_words_grow_meanwhile(self) -> None:
        """Words that were merged into an update while it was on its way are told afterwards."""
        task = self.add_job()[0]
        self.server.behave(Slow(2.0), endpoint=Endpoint.PUSH, times=1)
        self.enqueue_some(1, task, status=None, activity="frame 1")
        self.start()
        self.enqueue_some(1, task, status=None, activity="frame 2")
        self.until(2.0)
        self.assertEqual([queued.update.activity for queued in self.queue()][-1:], ["frame 2"])
        self.until(7.0)
        self.assertEqual((self.waiting(), self.server.books.task(task.id).document["activity"]), (0, "frame 2"))

    def test_resurrection(self) -> None:
        """server-api.md 17.18: a late status of a task that the Server has cancelled is not told."""
        task = self.add_job()[0]
        self.enqueue_some(1, task)
        self.add(a_task(id=task.id, status="canceled"))
        self.set_status(task, "canceled")
        self.start()
        self.assertEqual((self.statuses(task), self.waiting()), (["canceled"], 0))

    def test_handled_before_cancels(self) -> None:
        """server-api.md 17.8: what is handled is forgotten before anything else is done with the answer."""
        task, other = self.add_job(2)
        self.set_status(other, "cancel-requested")
        self.enqueue_some(1, task)
        looking = LookingCancels(self.store.updates)
        self.sender.cancels = looking
        self.start()
        self.assertEqual(looking.waiting, [0])

    def test_cancels_fail(self) -> None:
        """When cancelling fails because the store is full, the push has gone well; the Server says it again."""
        task, other = self.add_job(2)
        self.set_status(other, "cancel-requested")
        self.enqueue_some(1, task)
        self.sender.cancels = FailingCancels()
        self.start()
        self.sender.cancels = self.cancels
        self.until(10.0)
        self.assertEqual((self.pushes(), self.cancels.asked), ([(0.0, 1), (10.0, 0)], [(other.id,)]))


class RefusedTests(PushTestCase):
    """server-api.md 17.5: one poisonous update does not stop the others."""

    poison = "not an id"

    def poisoned(self, *, before: int, after: int) -> StandInTask:
        """Queue updates of a task, one of them such that the Server refuses the batch."""
        task = self.add_job()[0]
        self.enqueue_some(before, task, status=None, failed_by=())
        self.enqueue(evolve(self.an_update(task.id, status="active"), id=self.poison))
        self.enqueue_some(after, task, status=None, failed_by=())
        return task

    def test_found_and_parked(self) -> None:
        """The batch is halved until the poison stands alone; refused five times it is parked, and the rest goes on."""
        self.poisoned(before=5, after=6)
        self.start()
        self.assertEqual(self.waiting(), 7)
        self.assertEqual(self.queue()[0].update.id, self.poison)
        self.until(18.5)
        self.assertEqual(self.waiting(), 7)
        self.until(19.0)
        self.assertEqual(self.waiting(), 0)
        parked = self.result_of(self.store.updates.parked())
        self.assertEqual([each.update.id for each in parked], [self.poison])
        self.assertIn("the Server answered 400", parked[0].reason)

    def test_told_once(self) -> None:
        """People hear of the refusal once, and of the parking."""
        self.poisoned(before=0, after=0)
        with capturedLogs() as events:
            self.start()
            self.until(20.0)
        levels = [event["log_level"] for event in events if event["log_level"] > LogLevel.info]
        self.assertEqual(levels, [LogLevel.warn, LogLevel.error])

    def test_in_order(self) -> None:
        """The halves are sent in order, and nothing behind the poison overtakes it."""
        task = self.poisoned(before=3, after=4)
        before = [queued.update.id for queued in self.queue()]
        self.start()
        self.until(20.0)
        arrived = dict.fromkeys(update.update_id for update in self.server.record.received[task.id])
        self.assertEqual(list(arrived), [update_id for update_id in before if update_id != self.poison])

    def test_next_time_alone(self) -> None:
        """Once known, the poison is tried alone: what is behind it is not sent in vain with it."""
        self.poisoned(before=0, after=700)
        self.start()
        self.server.record.pushes.clear()
        self.until(1.0)
        self.assertEqual([size for _, size in self.pushes()], [1, 0])

    def test_server_in_trouble(self) -> None:
        """A Server that refuses everything is in trouble itself: nothing is parked, however long it lasts."""
        self.enqueue_some(3)
        for status in (500, 400, 422):
            self.server.behave(Refuse(status), endpoint=Endpoint.PUSH)
            self.start()
            self.pump(1200.0, step=5.0)
            self.assertEqual((self.waiting(), self.result_of(self.store.updates.parked())), (3, ()), status)
            self.successResultOf(self.pusher.stopService())

    def test_other_refusals(self) -> None:
        """Answers that no update is to blame for (429, 502, redirects) split nothing."""
        self.enqueue_some(4)
        behaviours: tuple[Behaviour, ...] = (Refuse(429), Refuse(502), Redirect("https://elsewhere.invalid/"))
        self.start_badly(behaviours)
        self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (3, 4))

    def start_badly(self, behaviours: tuple[Behaviour, ...]) -> None:
        for behaviour in behaviours:
            self.server.behave(behaviour, endpoint=Endpoint.PUSH, times=1)
        self.start()
        self.until(3.0)

    def test_too_large(self) -> None:
        """A proxy that takes small bodies only gets small ones."""
        self.enqueue_some(4)
        self.server.behave(Refuse(413), endpoint=Endpoint.PUSH, times=1)
        self.start()
        self.assertEqual((self.pushes(), self.waiting()), ([(0.0, 2), (0.0, 2)], 0))

    def test_deleted_job(self) -> None:
        """server-api.md 5.3: updates of a deleted job fail once each, after they were applied: none is parked."""
        tasks = self.add_job(6)
        self.server.books.delete_job(tasks[0].job)
        for task in tasks:
            self.enqueue_some(1, task)
        self.start()
        self.until(60.0)
        self.assertEqual((self.waiting(), self.result_of(self.store.updates.parked())), (0, ()))

    def test_two_poisons(self) -> None:
        """Each poisonous update is found and parked by itself."""
        self.poisoned(before=2, after=2)
        self.enqueue(evolve(self.an_update(), id="another that is none"))
        self.enqueue_some(2)
        self.start()
        self.until(60.0)
        self.assertEqual((self.waiting(), len(self.result_of(self.store.updates.parked()))), (0, 2))
