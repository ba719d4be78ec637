"""Workers and tasks are found by the names that people have for them."""

from tests.cli.case import JOB, OTHER_TASK, OTHER_WORKER, TASK, WORKER, CommandLineTestCase, Says, page

FAR = "6e6a1f2c9d3b4a0017c0ffff"


class WorkerNamesTests(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        workers = [
            {"_id": OTHER_WORKER, "nickname": "twin"},
            {"_id": WORKER, "nickname": "twin"},
            {"_id": FAR, "nickname": "5e6a"},
            {"_id": JOB, "nickname": ""},
        ]
        self.answer("GET /api/v1/workers?limit=500", page(*workers))

    async def found(self, name: str) -> str:
        """Return the id of the Worker that is meant."""
        return str((await self.told("workers", "show", name))["_id"])

    async def test_names(self) -> None:
        """A Worker is named by its id, in upper or lower case, its nickname, or a beginning that no other id has."""
        self.assertEqual(await self.found(WORKER.upper()), WORKER)
        self.assertEqual(await self.found(WORKER[:-1] + "E"), WORKER)
        self.assertEqual(await self.found("6"), FAR)
        self.assertEqual(await self.found("5E6A2"), JOB)

    async def test_nickname_first(self) -> None:
        """A whole nickname means more than the beginning of an id."""
        self.assertEqual(await self.found("5e6a"), FAR)

    async def test_several(self) -> None:
        """A name that several have is refused, and says which."""
        for name in ("twin", "5e6a1f"):
            line = await self.fails(1, "workers", "show", name)
            self.assertTrue(
                line.startswith(f"'{name}' can mean several Workers: {OTHER_WORKER} (twin), {WORKER}"), line
            )

    async def test_none(self) -> None:
        """A name that nobody has is refused; the empty one is nobody's."""
        for name in ("nobody", "f", TASK, "", "x" * 100_000):
            self.assertIn("There is no Worker '", await self.fails(1, "workers", "show", name))


class TaskNamesTests(CommandLineTestCase):
    async def test_names(self) -> None:
        """A task is named by its id, its name, or the beginning of one of them that no other has."""
        first, second = {"_id": TASK, "name": "Blend-1"}, {"_id": OTHER_TASK, "name": "blend-10"}
        self.answer("GET /api/v1/tasks?begins=blend-1&limit=100", page(first, second))
        self.answer("GET /api/v1/tasks?begins=blend-10&limit=100", page(second))
        self.answer("GET /api/v1/tasks?begins=blend&limit=100", page(first, second))
        self.answer("GET /api/v1/tasks?begins=nothing&limit=100", page())
        for task in (first, second):
            self.answer(f"GET /api/v1/tasks/{task['_id']}", Says({**task, "events": {"items": []}}))
        for name, found in ((TASK.upper(), TASK), ("blend-1", TASK), ("blend-10", OTHER_TASK)):
            self.assertEqual((await self.told("tasks", "show", name))["_id"], found)
        line = await self.fails(1, "tasks", "show", "blend")
        self.assertEqual(line, f"'blend' can mean several tasks: {TASK} (Blend-1), {OTHER_TASK} (blend-10)")
        self.assertEqual(await self.fails(1, "tasks", "show", "nothing"), "There is no task 'nothing'")

    async def test_in_conditions(self) -> None:
        """Events and updates are asked for by a task's name as well, or by the whole id of one that may be gone."""
        self.answer("GET /api/v1/tasks?begins=blend&limit=100", page({"_id": TASK, "name": "blend-1"}))
        self.answer("GET /api/v1/tasks?begins=5e6b&limit=100", page())
        for command, limit in (("events", 100), ("updates", 500)):
            for name, task in (("blend", TASK), (OTHER_TASK.upper(), OTHER_TASK)):
                self.answer(f"GET /api/v1/{command}?task={task}&limit={limit}", page({"task": task}))
                self.assertEqual(await self.told(command, "--task", name), [{"task": task}])
            self.assertEqual(await self.fails(1, command, "--task", "5e6b", "--json"), "There is no task '5e6b'")
