"""server-api.md 17.3: the Server's copies never overwrite newer local state."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, evolve, field

from flamenco_mgr.domain.tasks import Command, ServerTask, Task
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.store.interfaces import Import, SetAside, Standing, StoreUnavailable
from tests.builders import TASK, a_task, a_worker
from tests.server.linked import LinkedTestCase

OTHER = "5e6a2b7d9d3b4a0017c0a002"


@define(eq=False)
class Hurried:
    """A store's tasks, but somebody is quicker so many times, and what is written is noted."""

    tasks: Any
    quicker: int = 0
    written: list[Sequence[Import]] = field(factory=list)

    async def standing(self, task_ids: Sequence[str]) -> Mapping[str, Standing]:
        standings: Mapping[str, Standing] = await self.tasks.standing(task_ids)
        return standings

    async def commands(self, task_id: str) -> tuple[Command, ...]:
        commands: tuple[Command, ...] = await self.tasks.commands(task_id)
        return commands

    async def take_in(self, imports: Sequence[Import]) -> frozenset[str]:
        if self.quicker:
            self.quicker -= 1
            return frozenset(decided.after.id for decided in imports)
        self.written.append(imports)
        moved_on: frozenset[str] = await self.tasks.take_in(imports)
        return moved_on


class ImportTests(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.hurried = Hurried(self.store.tasks)
        tasks: Any = self.hurried
        self.importer = TaskImporter(tasks=tasks, clock=self.clock)

    def take_in(self, *tasks: Task, receipts: int | None = None, **options: Any) -> frozenset[str]:
        """Merge copies that were asked for after so many receipts, or just now."""
        if receipts is None:
            receipts = self.result_of(self.store.updates.receipts())
        copies = [ServerTask(task=task, commands=(Command(name="echo"),)) for task in tasks]
        return self.result_of(self.importer.take_in(copies, receipts, **options))

    def push(self) -> None:
        """Let the Server have what waits."""
        self.result_of(self.store.updates.handled(self.queue()))

    def test_new(self) -> None:
        """A task that is not here is taken in, with its commands."""
        self.assertEqual(self.take_in(a_task()), {TASK})
        self.assertEqual(self.task(TASK).last_updated, self.clock.seconds())
        self.assertEqual(self.result_of(self.store.tasks.commands(TASK)), (Command(name="echo"),))

    def test_nothing_new(self) -> None:
        """A copy that says nothing new is not written."""
        self.take_in(a_task())
        self.assertEqual(self.take_in(a_task()), frozenset())
        self.assertEqual(len(self.hurried.written), 1)

    def test_requeued_in_a_download(self) -> None:
        """While a download goes on, nobody gets what is to be done again: its parents may be, too, and come later."""
        self.take_in(a_task(status="completed"))
        self.take_in(a_task(status="claimed-by-manager", etag="new"), hold=True)
        self.assertEqual([decided.held for decided in self.hurried.written[-1]], [True])

    def test_requeued_alone(self) -> None:
        """Outside of downloads, and while it waits as it did, a task stays within reach of workers."""
        self.take_in(a_task(status="completed"))
        self.take_in(a_task(status="claimed-by-manager", etag="new"))
        self.take_in(a_task(status="claimed-by-manager", etag="newer", priority=9), hold=True)
        self.assertEqual([decided.held for (decided,) in self.hurried.written[-2:]], [False, False])

    def test_without_etag(self) -> None:
        """Without an etag the commands themselves tell whether there is anything new."""
        self.take_in(a_task(etag=""))
        self.assertEqual(self.take_in(a_task(etag="")), frozenset())
        changed = ServerTask(task=a_task(etag=""), commands=(Command(name="sleep"),))
        self.assertEqual(self.result_of(self.importer.take_in([changed], 0)), {TASK})

    def test_was_aside(self) -> None:
        """A task that made no sense meanwhile is taken in again even if it is as it was."""
        self.take_in(a_task())
        misfit = SetAside(task_id=TASK, reason="priority", document="{}", since=1.0)
        self.result_of(self.store.tasks.set_aside([misfit]))
        self.assertEqual(self.take_in(a_task(), aside={TASK}), {TASK})
        self.assertEqual(self.result_of(self.store.tasks.aside()), ())

    def test_updates_wait(self) -> None:
        """While updates wait, status and worker stay; priority, parents and etag are the Server's."""
        self.take_in(a_task())
        self.change(TASK, status="active", worker_id=a_worker().id)
        self.take_in(a_task(priority=70, parents=(OTHER,), etag="new"))
        task = self.task(TASK)
        self.assertEqual((task.status, task.worker_id), ("active", a_worker().id))
        self.assertEqual((task.priority, task.parents, task.etag), (70, (OTHER,), "new"))

    def test_acknowledged_meanwhile(self) -> None:
        """What the Server took after it was asked may be missing in its copy."""
        self.take_in(a_task())
        self.change(TASK, status="active", worker_id=a_worker().id)
        receipts = self.result_of(self.store.updates.receipts())
        self.push()
        self.take_in(a_task(etag="new"), receipts=receipts)
        self.assertEqual(self.task(TASK).status, "active")

    def test_requeued(self) -> None:
        """With nothing untold the Server's status is newer, for a running task as well."""
        self.take_in(a_task())
        self.change(TASK, status="active", worker_id=a_worker().id)
        self.push()
        self.take_in(a_task(etag="new"))
        self.assertEqual(self.task(TASK).status, "claimed-by-manager")

    def test_twice(self) -> None:
        """Of two copies of one task in an answer the later counts."""
        self.take_in(a_task(priority=10, etag="a"), a_task(id=OTHER), a_task(priority=20, etag="b"))
        self.assertEqual((self.task(TASK).priority, self.task(TASK).etag), (20, "b"))
        self.assertEqual(self.task(OTHER).priority, 50)

    def test_somebody_was_quicker(self) -> None:
        """A task that changed between looking and acting is looked at again."""
        self.hurried.quicker = 2
        self.assertEqual(self.take_in(a_task(), a_task(id=OTHER)), {TASK, OTHER})
        self.assertEqual(
            self.task(TASK), evolve(a_task(), last_updated=self.clock.seconds(), revision=self.task(TASK).revision)
        )

    def test_never_at_rest(self) -> None:
        """It does not go on for ever: then it fails, and is done again later."""
        self.hurried.quicker = 1000
        with self.assertRaises(StoreUnavailable):
            self.take_in(a_task())
