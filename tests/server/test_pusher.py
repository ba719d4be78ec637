"""The Server is told what happened, in order, and what it wants cancelled is heard."""

from collections.abc import Collection
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from flamenco_mgr.demo.standin.behaviour import (
    Altered,
    Behaviour,
    LoseAnswer,
    Pretend,
    Redirect,
    Refuse,
    Silent,
    Slow,
)
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.interfaces import ICancels, IKickable
from flamenco_mgr.server.pusher import UpdatePusher
from flamenco_mgr.store.interfaces import IUpdateQueue, StoreUnavailable
from tests.builders import a_task
from tests.server.linked import NOW, LinkedTestCase, RecordedCancels

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


class PushTestCase(LinkedTestCase):
    rules = PushRules()

    def setUp(self) -> None:
        super().setUp()
        self.cancels = RecordedCancels()
        self.sender = BatchSender(
            client=self.client, updates=self.store.updates, cancels=self.cancels, clock=self.clock
        )
        self.pusher = UpdatePusher(
            sender=self.sender, updates=self.store.updates, clock=self.clock, rules=self.rules, chance=lambda: 0.0
        )
        self.addCleanup(self.pusher.stopService)

    def start(self) -> None:
        """Start at 0 of the tests' time: the first, empty push is then over."""
        self.pusher.startService()
        self.turns()

    def until(self, instant: float) -> None:
        """Let time pass until so many seconds after the start."""
        self.pump(NOW + instant - self.clock.seconds(), step=0.5)

    def pushes(self) -> list[tuple[float, int]]:
        """Return when batches reached the Server, in seconds after the start, and of how many updates."""
        return [(push.at / 1000 - NOW, push.size) for push in self.server.record.pushes]

    def enqueue_some(self, count: int, task: StandInTask | None = None, **changes: Any) -> None:
        """Queue updates of a task, of one that the Server does not know if there is none."""
        task_id = "e" * 24 if task is None else task.id
        changes = {"status": "active"} | changes
        added = [self.begun(self.store.updates.add(self.an_update(task_id, **changes))) for _ in range(count)]
        self.turns()
        for each in added:
            self.successResultOf(each)

    def waiting(self) -> int:
        return self.result_of(self.store.updates.waiting())


class InstantsTests(PushTestCase):
    """server-api.md 12.1: the decisions instant by instant."""

    def test_interface(self) -> None:
        """The pusher can be kicked."""
        verifyObject(IKickable, self.pusher)

    def test_at_the_start(self) -> None:
        """Never pushed before: an empty push at once."""
        self.start()
        self.assertEqual(self.pushes(), [(0.0, 0)])

    def test_at_the_start_with_news(self) -> None:
        """Never pushed before: what waits is pushed at once."""
        self.enqueue_some(7)
        self.start()
        self.assertEqual((self.pushes(), self.waiting()), ([(0.0, 7)], 0))

    def test_regular(self) -> None:
        """One update waits until five seconds have passed since the last push, exactly."""
        self.start()
        self.enqueue_some(1)
        self.until(4.5)
        self.assertEqual(self.pushes(), [(0.0, 0)])
        self.until(5.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (5.0, 1)])

    def test_empty(self) -> None:
        """Without news an empty push fetches cancels every ten seconds, counted from the last push."""
        self.start()
        self.until(5.0)
        self.enqueue_some(1)
        self.until(30.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (6.0, 1), (16.0, 0), (26.0, 0)])

    def test_kick(self) -> None:
        """A kick pushes immediately, empty or not; the next empty push is ten seconds later."""
        self.start()
        self.until(3.0)
        self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes(), [(0.0, 0), (3.0, 0)])
        self.until(13.0)
        self.assertEqual(self.pushes()[2:], [(13.0, 0)])

    def test_kick_keeps_its_distance(self) -> None:
        """A kick does not push within a second of the previous attempt; kicks that wait are one."""
        self.start()
        self.until(0.5)
        for _ in range(5):
            self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes(), [(0.0, 0)])
        self.until(5.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.5, 0)])

    def test_kicks_during_a_push(self) -> None:
        """Kicks during a push are one push after it; there is never more than one in flight."""
        self.start()
        self.until(2.0)
        self.server.behave(Slow(12.0), endpoint=Endpoint.PUSH, times=1)
        self.enqueue_some(1)
        self.pusher.kick()
        self.until(13.5)
        self.pusher.kick()
        self.pusher.kick()
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 2)
        self.until(16.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 3)

    def test_slow_answer(self) -> None:
        """The last push is when its answer has been processed: nothing is pushed in between, nor soon after."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Slow(12.0), endpoint=Endpoint.PUSH, times=1)
        self.until(17.0)
        self.enqueue_some(1)
        self.until(21.5)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 2)
        self.until(22.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 3)

    def test_backoff(self) -> None:
        """A push that fails is tried again after 1, 2, 4, 8 … seconds; success sets that back."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH)
        attempts = []
        for half_seconds in range(2 * 40):
            before = self.server.record.requests[Endpoint.PUSH]
            self.until(half_seconds / 2)
            if self.server.record.requests[Endpoint.PUSH] > before:
                attempts.append(half_seconds / 2)
        self.assertEqual(attempts, [5.0, 6.0, 8.0, 12.0, 20.0, 36.0])
        self.server.behave_well()
        self.until(70.0)
        self.assertEqual((self.pushes()[1], self.waiting()), ((68.0, 1), 0))
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH, times=1)
        self.enqueue_some(1)
        self.until(75.0)
        self.assertEqual(self.pushes()[-1], (74.0, 1))

    def test_undecodable(self) -> None:
        """200 with what is no JSON counts as a failure, and nothing is forgotten."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Pretend(b"<html>"), endpoint=Endpoint.PUSH, times=1)
        self.until(5.0)
        self.assertEqual(self.waiting(), 1)
        self.until(6.0)
        self.assertEqual(self.waiting(), 0)

    def test_kick_overrides_backoff(self) -> None:
        """A kick tries at once, however long the back-off still is."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH, times=6)
        self.until(40.0)
        self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes()[1:], [(40.0, 1)])

    def test_credentials_refused(self) -> None:
        """server-api.md 2: refused credentials are tried again after a minute, not sooner by a kick; all is kept."""
        self.enqueue_some(3)
        for number, status in enumerate((401, 403, 404)):
            self.server.behave(Refuse(status), endpoint=Endpoint.PUSH, times=1)
            if number == 0:
                self.start()
            self.until(60.0 * number + 59.5)
            self.pusher.kick()
            self.turns()
            self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (number + 1, 3))
            if number < 2:
                self.server.behave(Refuse(status), endpoint=Endpoint.PUSH, times=0)
        self.until(180.5)
        self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (4, 0))

    def test_stop(self) -> None:
        """task-lifecycle.md 20, fact 22: stopping the pusher between pushes is immediate, and leaves no timer."""
        self.start()
        self.successResultOf(self.pusher.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_waits(self) -> None:
        """Stopping waits for the push in progress."""
        self.server.behave(Slow(3.0), endpoint=Endpoint.PUSH)
        self.start()
        stopped: Deferred[None] = self.pusher.stopService()
        self.assertNoResult(stopped)
        self.pump(3.0)
        self.successResultOf(stopped)


class ManyTests(PushTestCase):
    def test_urgent(self) -> None:
        """server-api.md 12.1: 7000 updates are pushed 3000 now, 3000 a second later, 1000 after five more."""
        self.start()
        self.enqueue_some(7000)
        self.until(10.0)
        told: dict[float, int] = {}
        for at, size in self.pushes()[1:]:
            told[at] = told.get(at, 0) + size
        self.assertEqual(told, {1.0: 3000, 2.0: 3000, 7.0: 1000})

    def test_batches(self) -> None:
        """server-api.md 5.2: no request has more than a thousand updates, nor much more than a megabyte."""
        self.enqueue_some(2500)
        self.start()
        self.assertEqual([size for _, size in self.pushes()], [1000, 1000, 500])
        self.enqueue_some(300, log_tail="x" * 10_000)
        self.until(5.0)
        sizes = [size for at, size in self.pushes() if at == 5.0]
        self.assertEqual(sum(sizes), 300)
        self.assertTrue(90 < sizes[0] < 110, sizes)


class NoLimitTests(PushTestCase):
    rules = PushRules(max_count=0)

    def test_all(self) -> None:
        """A count of 0 is no limit: every update is urgent."""
        self.start()
        self.enqueue_some(1)
        self.until(1.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.0, 1)])


class ShortCancelIntervalTests(PushTestCase):
    rules = PushRules(max_interval=30.0, cancel_interval=0.3)

    def test_cancels(self) -> None:
        """server-api.md 16, fact 20: exactly one POST is made, and the task that the Server names is cancelled."""
        first, second = self.add_job(2)
        self.set_status(second, "cancel-requested")
        self.pusher.startService()
        self.pump(0.25, step=0.05)
        self.assertEqual((self.pushes(), self.cancels.asked), ([(0.0, 0)], [(second.id,)]))
        self.assertEqual(self.statuses(first), ["queued"])

    def test_what_counts(self) -> None:
        """server-api.md 12.1: with intervals of 30 s and 0.3 s an update is pushed after a second."""
        self.start()
        self.enqueue_some(1)
        self.until(1.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.0, 1)])


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


class LastPushTests(PushTestCase):
    """server-api.md 17.15: what waits is told before the Manager stops."""

    def test_all(self) -> None:
        """Everything that waits is pushed once."""
        self.enqueue_some(2)
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual((self.pushes(), self.waiting()), ([(0.0, 2)], 0))

    def test_nothing(self) -> None:
        """With nothing to tell nobody is disturbed."""
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual(self.pushes(), [])

    def test_time_limit(self) -> None:
        """A silent Server does not keep the Manager from stopping, and nothing is lost."""
        self.enqueue_some(2)
        self.server.behave(Silent())
        last = self.begun(self.pusher.last_push(5.0))
        self.pump(4.9, step=0.7)
        self.assertNoResult(last)
        self.pump(0.2)
        self.successResultOf(last)
        self.assertEqual((self.waiting(), self.clock.getDelayedCalls()), (2, []))

    def test_after_one_in_flight(self) -> None:
        """A push that is in flight ends first: there are never two."""
        self.enqueue_some(1)
        self.server.behave(Slow(3.0), endpoint=Endpoint.PUSH, times=1)
        self.start()
        stopped = self.pusher.stopService()
        self.enqueue_some(1)
        last = self.begun(self.pusher.last_push(5.0))
        self.pump(2.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 1)
        self.pump(1.0)
        self.successResultOf(stopped)
        self.successResultOf(last)
        self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (2, 0))

    def test_refused(self) -> None:
        """A Server that refuses does not keep the Manager from stopping either."""
        self.enqueue_some(1)
        self.server.behave(Refuse(403))
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual(self.waiting(), 1)
