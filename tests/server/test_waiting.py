"""People are told about tasks whose parents are a riddle."""

from collections.abc import Mapping
from typing import Any

from twisted.logger import LogLevel, capturedLogs

from flamenco_mgr.server.waiting import WaitingTasks
from tests.builders import a_task
from tests.server.linked import LinkedTestCase
from tests.threads import HeldThread


def task_id(number: int) -> str:
    """Return an id."""
    return f"{number:024x}"


class WaitingTasksTests(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.thread = HeldThread()
        self.waiting = WaitingTasks(tasks=self.store.tasks, in_thread=self.thread)

    def told(self, parents: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, int, str]]:
        """Return what people are told: how loud, how many, and which."""
        with capturedLogs() as events:
            looking = self.begun(self.waiting.look(parents))
            self.thread.let_go()
            self.turns()
            self.successResultOf(looking)
        return [(event["log_level"], event["count"], event["some"]) for event in events if "some" in event]

    def test_all_well(self) -> None:
        """Parents that are here, or in the same answer, are no riddle."""
        self.add(a_task(id=task_id(1)))
        self.assertEqual(self.told({task_id(2): (task_id(1),), task_id(3): (task_id(2), task_id(1))}), [])

    def test_missing(self) -> None:
        """Parents that are nowhere count as completed; people are told once, and of some by name."""
        parents = {task_id(1): tuple(task_id(number) for number in range(10, 17))}
        names = ", ".join(task_id(number) for number in range(10, 15))
        self.assertEqual(self.told(parents), [(LogLevel.info, 7, f"{names}, …")])
        self.assertEqual(self.told(parents), [])

    def test_ring(self) -> None:
        """A ring is told with those that wait for it."""
        parents = {task_id(1): (task_id(2),), task_id(2): (task_id(1),), task_id(3): (task_id(1),)}
        names = ", ".join(task_id(number) for number in (1, 2, 3))
        self.assertEqual(self.told(parents), [(LogLevel.warn, 3, names)])
        self.assertEqual(self.told(parents), [])

    def test_many(self) -> None:
        """Many tasks are looked at in a thread, so that nothing else waits."""
        parents = {task_id(number): (task_id(number + 1),) for number in range(2000)}
        looking = self.begun(self.waiting.look(parents))
        self.turns()
        self.assertNoResult(looking)
        self.thread.let_go()
        self.turns()
        self.successResultOf(looking)

    def test_memory(self) -> None:
        """What was told is not remembered without bound."""
        for start in range(0, 120_000, 40_000):
            parents = {task_id(1): tuple(task_id(number) for number in range(start + 10, start + 40_010))}
            self.assertEqual(len(self.told(parents)), 1)
        self.assertEqual(len(self.told({task_id(1): (task_id(10),)})), 1)
