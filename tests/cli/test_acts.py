"""The commands that change something."""

from tests.cli.case import (
    DONE,
    JOB,
    OTHER_TASK,
    OTHER_WORKER,
    TASK,
    WORKER,
    CommandLineTestCase,
    Says,
    page,
    refusal,
)

SCHEDULE = {"schedule_active": True, "days_of_week": "mo tu", "time_start": "22:00", "time_end": "06:00"}
UPDATES = ("5e6a3c000000000000000001", "5e6a3c000000000000000002")


class ActsTestCase(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        workers = (
            {"_id": OTHER_WORKER, "nickname": "render06"},
            {"_id": WORKER, "nickname": "render07", "sleep_schedule": SCHEDULE},
        )
        self.answer("GET /api/v1/workers?limit=500", page(*workers))

    def acts(self) -> list[tuple[str, object]]:
        """Return what the Manager was told to do, with the bodies."""
        return [(f"{asked.method} {asked.uri}", asked.body) for asked in self.manager.asked if asked.method != "GET"]


class RequestTests(ActsTestCase):
    async def test_statuses(self) -> None:
        """Workers are asked to sleep or to shut down after their task, to wake up at once."""
        path = f"POST /api/v1/workers/{WORKER}/request"
        self.answer(path, DONE)
        for what, body in (
            ("sleep", {"status": "asleep", "lazy": True}),
            ("wake", {"status": "awake", "lazy": False}),
            ("shutdown", {"status": "shutdown", "lazy": True}),
        ):
            self.assertIn("render07 is asked to", await self.done("request", what, "render07"))
            self.assertEqual(self.acts().pop(), (path, body))

    async def test_now(self) -> None:
        """``--now`` asks for it at once, ``--lazy`` after the task."""
        path = f"POST /api/v1/workers/{WORKER}/request"
        self.answer(path, DONE)
        await self.done("request", "sleep", "--now", "render07")
        await self.done("request", "shutdown", "render07", "--lazy")
        bodies = [{"status": "asleep", "lazy": False}, {"status": "shutdown", "lazy": True}]
        self.assertEqual([body for _, body in self.acts()], bodies)

    async def test_several(self) -> None:
        """Several Workers are asked, each once; that one of them cannot be is status 1, the others are."""
        self.answer(f"POST /api/v1/workers/{OTHER_WORKER}/request", refusal(409, "the Worker is offline"))
        self.answer(f"POST /api/v1/workers/{WORKER}/request", DONE)
        ending = await self.run_it("request", "shutdown", "render06", "render07", WORKER)
        self.assertEqual(ending.status, 1)
        self.assertEqual(ending.err, "flamenco-manager: render06: The Manager refuses: the Worker is offline\n")
        self.assertEqual(ending.out, "render07 is asked to shut down, after its task\n")
        ending = await self.run_it("request", "shutdown", "render06", "render07", "--json")
        self.assertEqual((ending.status, [one["error"] is None for one in ending.json]), (1, [False, True]))

    async def test_unknown(self) -> None:
        """If one of the Workers is not known, nothing is asked of any."""
        self.assertEqual(await self.fails(1, "request", "sleep", "render07", "nobody"), "There is no Worker 'nobody'")
        self.assertEqual(self.acts(), [])

    async def test_wrong_usage(self) -> None:
        """A request that there is not, or for nobody, is wrong usage."""
        self.assertIn("'explode' is not one of", await self.fails(2, "request", "explode", "render07"))
        self.assertIn("WORKER", await self.fails(2, "request", "sleep"))


class SteeringTests(ActsTestCase):
    async def test_schedule(self) -> None:
        """A Worker gets a sleep schedule; ``--off`` lets it rest as it is."""
        path = f"PUT /api/v1/workers/{WORKER}/sleep-schedule"
        self.answer(path, DONE)
        out = await self.done("workers", "schedule", "render07", "--start", "20:00", "--end", "08:00")
        self.assertEqual(out, "render07 sleeps every day 20:00-08:00\n")
        await self.done("workers", "schedule", "render07", "--off")
        self.assertEqual(
            self.acts(),
            [
                (path, {"schedule_active": True, "time_start": "20:00", "time_end": "08:00"}),
                (path, {**SCHEDULE, "schedule_active": False}),
            ],
        )

    async def test_bad_schedule(self) -> None:
        """A schedule that is none is refused in the Manager's words."""
        self.answer(f"PUT /api/v1/workers/{WORKER}/sleep-schedule", refusal(400, "time_start: '99:99' is no time"))
        line = await self.fails(2, "workers", "schedule", "render07", "--start", "99:99")
        self.assertEqual(line, "The Manager refuses: time_start: '99:99' is no time")
        self.assertIn("--off", await self.fails(2, "workers", "schedule", "render07", "--off", "--days", "mo"))
        self.assertIn("say when it sleeps", await self.fails(2, "workers", "schedule", "render07"))
        self.assertEqual(len(self.acts()), 1)

    async def test_worker_acts(self) -> None:
        """A Worker's time-out is acknowledged, it is tested, and forgotten."""
        self.answer(f"POST /api/v1/workers/{WORKER}/ack-timeout", DONE)
        self.answer(f"POST /api/v1/workers/{WORKER}/test-job", Says({"text": "Queued: test-blender-render"}))
        self.answer(f"DELETE /api/v1/workers/{WORKER}", DONE)
        await self.done("workers", "ack-timeout", "render07")
        self.assertIn("Queued: test-blender-render", await self.done("workers", "test", "render07"))
        self.assertEqual(await self.told("workers", "forget", "render07"), {"_id": WORKER, "nickname": "render07"})
        self.assertEqual(len(self.acts()), 3)

    async def test_task_acts(self) -> None:
        """A task is taken back, or cancelled; what is not for us to do is refused with the reason."""
        self.answer(f"GET /api/v1/tasks/{TASK}", Says({"_id": TASK, "name": "blend-1"}))
        self.answer(f"POST /api/v1/tasks/{TASK}/requeue", DONE)
        self.answer(f"POST /api/v1/tasks/{TASK}/cancel", refusal(409, "it is the Server's"))
        self.assertEqual(await self.done("tasks", "requeue", TASK), "blend-1 is free for Workers\n")
        self.assertEqual(await self.fails(1, "tasks", "cancel", TASK), "The Manager refuses: it is the Server's")

    async def test_blacklist(self) -> None:
        """A line of the blacklist is removed, also one of a Worker that is gone."""
        for name, worker in (("render07", WORKER), (OTHER_TASK, OTHER_TASK)):
            path = f"DELETE /api/v1/blacklist?worker={worker}&job={JOB}&task_type=blender-render"
            self.answer(path, DONE)
            await self.done("blacklist", "remove", name, JOB, "blender-render")
            self.assertEqual(self.acts().pop(), (path, None))

    async def test_updates(self) -> None:
        """Parked updates are tried again or dropped, some or all of them."""
        first, second = UPDATES
        self.answer("GET /api/v1/updates/parked?limit=500", page({"_id": first}, {"_id": second}))
        self.answer(f"POST /api/v1/updates/parked/{first}/retry", DONE)
        self.answer(f"POST /api/v1/updates/parked/{second}/retry", refusal(409, "the task has news that are later"))
        self.answer(f"DELETE /api/v1/updates/parked/{second}", DONE)
        ending = await self.run_it("updates", "retry", "--all")
        self.assertEqual((ending.status, ending.out), (1, f"{first} waits for the Server again\n"))
        self.assertIn("news that are later", ending.err)
        self.assertEqual(await self.told("updates", "drop", second), [{"_id": second, "error": None}])
        for wrong in ([], ["--all", first]):
            self.assertIn("--all", await self.fails(2, "updates", "drop", *wrong))


class KickTests(ActsTestCase):
    EVENTS = "GET /api/v1/events?kind=download&after={}&limit=500"

    def setUp(self) -> None:
        super().setUp()
        self.answer("POST /api/v1/kick", Says({"linked": True, "after": 7}, status=202))

    def will_be(self, outcome: str, text: str) -> None:
        """Let the log tell an outcome at the second look."""
        event = {"place": 9, "kind": "download", "after": outcome, "text": text}
        self.answer(self.EVENTS.format(7), page(following="abc"))
        self.answer(self.EVENTS.format("abc"), page(event, following="def"))

    async def test_kick(self) -> None:
        """``kick`` has tasks fetched, and does not wait."""
        self.assertIn("was told to fetch", await self.done("kick"))
        self.assertEqual(self.acts(), [("POST /api/v1/kick", None)])
        self.assertEqual(len(self.manager.asked), 1)

    async def test_wait(self) -> None:
        """With ``--wait`` it tells what came."""
        self.will_be("completed", "2 tasks came from the Server, 1 of them new or changed")
        said = await self.done("kick", "--wait")
        self.assertEqual(said, "2 tasks came from the Server, 1 of them new or changed\n")
        self.assertEqual((await self.told("kick", "--wait"))["after"], "completed")

    async def test_failed(self) -> None:
        """A download that failed is status 1, and so is one that does not end."""
        self.will_be("failed", "the Server answers 500")
        self.assertIn("the Server answers 500", await self.fails(1, "kick", "--wait"))
        self.answer(self.EVENTS.format("abc"), page(following="abc"))
        self.assertIn("has not ended within 600 s", await self.fails(1, "kick", "--wait"))

    async def test_nothing_to_wait_for(self) -> None:
        """Without a Server, and with a Manager that cannot tell, it does not wait."""
        self.answer("POST /api/v1/kick", Says({"linked": False, "after": 7}, status=202))
        self.assertIn("linked to no Server", await self.fails(1, "kick", "--wait"))
        await self.done("kick")
        self.answer("POST /api/v1/kick", DONE)
        self.assertIn("too old", await self.fails(1, "kick", "--wait"))


class LogTests(ActsTestCase):
    async def test_whole(self) -> None:
        """A task's log is printed as it is, all of it, byte by byte; the Manager hears who asks."""
        log = b"Fra:1 \xff\x1b[31m\n" * 20_000
        self.answer(f"GET /api/v1/tasks/{TASK}", Says({"_id": TASK, "job": JOB}))
        self.answer(f"GET /logfile/{JOB}/{TASK}", Says(log))
        program = self.started("log", TASK)
        self.assertEqual((await program.ended).status, 0)
        self.assertEqual(bytes(program.out), log)
        self.assertTrue(self.manager.asked[-1].agent.startswith("flamenco-manager/"))
        self.assertEqual((await self.told("log", TASK, "--job", JOB))["log"], log.decode("utf-8", "replace"))

    async def test_on_terminal(self) -> None:
        """On a terminal nothing of a log is obeyed, and characters that are cut in two are put together."""
        self.answer(f"GET /logfile/{JOB}/{TASK}", Says(b"\x1b[2J" + "é".encode() * 70_001 + b"\n"))
        ending = await self.run_it("log", TASK, "--job", JOB, terminal=True)
        self.assertEqual(ending.status, 0)
        self.assertNotIn("\x1b", ending.out)
        self.assertEqual(ending.out.count("é"), 70_001)

    async def test_none(self) -> None:
        """A task without a log is refused in the Manager's words."""
        self.answer(f"GET /logfile/{JOB}/{TASK}", Says(b"unable to stat task log file\n", status=404))
        line = await self.fails(1, "log", TASK, "--job", JOB)
        self.assertEqual(line, "The Manager refuses: unable to stat task log file")
