"""The commands that list."""

import json

from flamenco_mgr.cli.statuses import FINISHED, OF_TASKS, OF_WORKERS
from flamenco_mgr.domain.tasks import FINISHED as DOMAIN_FINISHED
from flamenco_mgr.domain.tasks import KNOWN
from flamenco_mgr.domain.workers import WorkerStatus
from tests.cli.case import JOB, OTHER_TASK, OTHER_WORKER, TASK, WORKER, CommandLineTestCase, Says, page

WORKERS = (
    {
        "_id": OTHER_WORKER,
        "nickname": "render06",
        "status": "timeout",
        "address": "10.0.0.6",
        "last_activity": "2026-11-24T13:50:00Z",
    },
    {
        "_id": WORKER,
        "nickname": "render07",
        "status": "awake",
        "status_requested": "asleep",
        "lazy_status_request": True,
        "address": "10.0.0.7",
        "current_task": TASK,
        "last_activity": "2026-11-24T13:57:10.123Z",
    },
)


class ListTests(CommandLineTestCase):
    async def test_table(self) -> None:
        """``workers`` without further words lists them, in a plain table where nobody looks."""
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        lines = (await self.done("workers")).splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "ID", "STATUS", "ASKED", "TASK", "LAST", "SEEN", "ADDRESS"])
        self.assertEqual(lines[1].split(), ["render06", OTHER_WORKER, "timeout", "2026-11-24", "13:50:00", "10.0.0.6"])
        self.assertIn("asleep, lazily", lines[2])
        self.assertEqual(len({line.find("10.0.0.") for line in lines[1:]}), 1)

    async def test_program(self) -> None:
        """With ``--json`` a list is an array of what the Manager says."""
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        self.assertEqual(await self.told("workers"), list(WORKERS))

    async def test_empty(self) -> None:
        """An empty list is no failure."""
        commands = {
            "workers": "workers", "jobs": "jobs", "tasks": "tasks", "updates": "updates", "blacklist": "blacklist",
        }  # fmt: skip
        for command, path in commands.items():
            self.answer(f"GET /api/v1/{path}?limit=500", page())
            self.assertRegex(await self.done(command), r"^(There are no|No|The blacklist is empty)")
            self.assertEqual(await self.told(command, "list"), [])

    async def test_unknown_status(self) -> None:
        """A status that is not known is asked for, with a warning; one that is known is not, whoever has it."""
        for command, status, other in (("workers", "awake", "Awake"), ("tasks", "active", "foo")):
            for asked in (status, other):
                self.answer(f"GET /api/v1/{command}?status={asked}&limit=500", page())
            none = "There are no such Workers.\n" if command == "workers" else "There are no such tasks.\n"
            self.assertEqual(await self.done(command, "--status", status), none)
            ending = await self.run_it(command, "--status", other)
            self.assertEqual((ending.status, ending.out), (0, none))
            self.assertIn(f"'{other}' is no status that is known: ", ending.err)
            self.assertIn(f" {status},", ending.err)
            self.assertIn(f" {status},", await self.done(command, "list", "--help"))

    def test_known_statuses(self) -> None:
        """The statuses that are known here are those of the domain."""
        self.assertEqual(OF_WORKERS, tuple(WorkerStatus))
        self.assertEqual(set(OF_TASKS), KNOWN)
        self.assertEqual(set(FINISHED), DOMAIN_FINISHED)

    async def test_cursors(self) -> None:
        """A list goes on to its end, over pages that are short or empty."""
        self.answer("GET /api/v1/jobs?limit=500", page({"_id": "a"}, following="one two"))
        self.answer("GET /api/v1/jobs?limit=500&cursor=one+two", page(following="3"))
        self.answer("GET /api/v1/jobs?limit=500&cursor=3", page({"_id": "b"}))
        self.assertEqual([job["_id"] for job in await self.told("jobs")], ["a", "b"])

    async def test_limit(self) -> None:
        """``--limit`` is how many there are at the most, over pages as well, and asks for no more."""
        self.answer("GET /api/v1/jobs?limit=2", page({"_id": "a"}, following="x"))
        self.answer("GET /api/v1/jobs?limit=1&cursor=x", page({"_id": "b"}, following="y"))
        self.assertEqual([job["_id"] for job in await self.told("jobs", "--limit", "2")], ["a", "b"])
        self.assertEqual(len(self.manager.asked), 2)

    async def test_bad_limit(self) -> None:
        """A limit that is none is wrong usage; a huge one is none."""
        for limit in ("-1", "0", "x", "1.5"):
            self.assertIn("--limit", await self.fails(2, "jobs", "--limit", limit))
        self.answer("GET /api/v1/jobs?limit=500", page())
        self.assertEqual(await self.told("jobs", "-n", "1000000000"), [])

    async def test_conditions(self) -> None:
        """Tasks are listed by job, status, worker and beginning."""
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        asked = f"GET /api/v1/tasks?job={JOB}&status=active&worker={WORKER}&begins=blend+1%2F2&limit=500"
        self.answer(asked, page({"_id": TASK, "name": "blend 1/2", "progress": {"task_percentage": 20}}))
        conditions = ["--job", JOB.upper(), "--status", "active", "--worker", "render07", "--begins", "blend 1/2"]
        self.assertIn(" 20 %\n", await self.done("tasks", *conditions))

    async def test_finished(self) -> None:
        """How far a Worker said it was is not told of a task that is finished."""
        for status in FINISHED:
            task: dict[str, object] = {
                "_id": TASK,
                "status": status,
                "progress": {"task_percentage": 0},
                "events": {"items": []},
            }
            self.answer("GET /api/v1/tasks?limit=500", page(task))
            self.answer(f"GET /api/v1/tasks/{TASK}", Says(task))
            self.assertNotIn("%", await self.done("tasks"))
            self.assertIn(f"{status}\n", await self.done("tasks", "show", TASK))

    async def test_jobs(self) -> None:
        """A job's line tells how far it is."""
        job = {
            "_id": JOB,
            "job_type": "blender-render",
            "job_priority": 50,
            "total": 1050,
            "by_status": {"completed": 600, "active": 450},
        }
        self.answer("GET /api/v1/jobs?limit=500", page(job))
        self.answer(f"GET /api/v1/jobs/{JOB}", Says(job))
        line = (await self.done("jobs")).splitlines()[1]
        self.assertEqual(line.split()[:6], [JOB, "blender-render", "50", "1,050", "57", "%"])
        self.assertTrue(line.endswith("600 completed, 450 active"))
        self.assertIn("Tasks      1,050: 600 completed, 450 active\n", await self.done("jobs", "show", JOB))

    async def test_updates(self) -> None:
        """Updates that wait, and those that are parked, with the Server's words."""
        update = {"_id": "5e6a3c000000000000000001", "task": TASK, "status": "completed", "age": 75.0}
        self.answer(f"GET /api/v1/updates?task={TASK}&limit=500", page(update))
        self.answer("GET /api/v1/updates/parked?limit=500", page({**update, "reason": "no such task"}))
        self.assertIn("1 min 15 s", await self.done("updates", "--task", TASK))
        self.assertIn("no such task", await self.done("updates", "parked"))

    async def test_blacklist(self) -> None:
        """The lines of the blacklist, also of a Worker that is gone."""
        line = {
            "worker": WORKER,
            "nickname": None,
            "job": JOB,
            "task_type": "blender-render",
            "created": "2026-11-24T13:57:12Z",
        }
        self.answer("GET /api/v1/blacklist?limit=500", page(line))
        cells = (await self.done("blacklist")).splitlines()[1].split()
        self.assertEqual(cells, [WORKER, JOB, "blender-render", "2026-11-24", "13:57:12"])

    async def test_events(self) -> None:
        """What has happened, the newest first; the latest hundred if nothing else is said."""
        event = {
            "at": "2026-11-24T13:57:12Z",
            "kind": "task",
            "before": "active",
            "after": "completed",
            "task": TASK,
            "worker": WORKER,
        }
        self.answer("GET /api/v1/events?limit=100", page(event))
        self.answer(f"GET /api/v1/events?task={TASK}&kind=task&limit=5", page(event))
        self.answer("GET /api/v1/workers?limit=500", page())
        self.assertIn("active -> completed", await self.done("events"))
        self.assertEqual(await self.told("events", "--task", TASK, "--kind", "task", "-n", "5"), [event])

    async def test_events_of_workers(self) -> None:
        """Workers are told by their nicknames, forgotten ones by their ids; CHANGE is empty where nothing changed."""
        events = (
            {"kind": "operator", "before": "awake", "after": "awake", "worker": WORKER, "text": "asked"},
            {"kind": "worker", "before": None, "after": "awake", "worker": JOB},
        )
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        self.answer("GET /api/v1/events?limit=100", page(*events))
        self.answer(f"GET /api/v1/events?worker={WORKER}&limit=100", page(*events))
        _, *lines = (await self.done("events")).splitlines()
        cells = [["operator", "render07", "asked"], ["worker", "(none)", "->", "awake", JOB]]
        self.assertEqual([line.split() for line in lines], cells)
        self.manager.asked.clear()
        await self.done("events", "--worker", "render07")
        wanted = ["GET /api/v1/workers?limit=500", f"GET /api/v1/events?worker={WORKER}&limit=100"]
        self.assertEqual(self.manager.uris, wanted)
        self.assertEqual(await self.told("events"), list(events))
        self.assertEqual(self.manager.uris, [*wanted, "GET /api/v1/events?limit=100"])


class FollowTests(CommandLineTestCase):
    """``events --follow``."""

    def setUp(self) -> None:
        super().setUp()
        self.looks = 0
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        self.answer("GET /api/v1/events?limit=1", page(self.event(5, "kind of another")))
        self.answer("GET /api/v1/events?kind=task&limit=2", page(self.event(4, "second"), self.event(3, "first")))
        self.answer("GET /api/v1/events?kind=task&after=5&limit=500", page(following="x"))
        self.answer("GET /api/v1/events?kind=task&after=x&limit=500", page(self.event(8, "third"), following="y"))
        self.answer("GET /api/v1/events?kind=task&after=y&limit=500", page(following="y"))

    def event(self, place: int, text: str) -> dict[str, object]:
        return {"place": place, "at": "x", "kind": "task", "task": TASK, "worker": WORKER, "text": text}

    def pause(self, seconds: float) -> None:
        """Interrupt the program at the third look that finds nothing."""
        self.assertEqual(seconds, 1.0)
        self.looks += 1
        if self.looks == 3:
            raise KeyboardInterrupt

    async def test_for_people(self) -> None:
        """The latest events are shown, the oldest first, then what happens, a line each; Ctrl+C ends it quietly."""
        ending = await self.run_it("events", "--follow", "--kind", "task", "-n", "2")
        self.assertEqual((ending.status, ending.err.strip()), (130, ""))
        lines = [f"x  task  {TASK}  render07  {text}" for text in ("first", "second", "third")]
        self.assertEqual(ending.out.splitlines(), lines)

    async def test_for_programs(self) -> None:
        """With ``--json`` each line is an object."""
        ending = await self.run_it("events", "-f", "--kind", "task", "-n", "2", "--json")
        self.assertEqual(ending.status, 130)
        places = [json.loads(line)["place"] for line in ending.out.splitlines()]
        self.assertEqual(places, [3, 4, 8])

    async def test_newest_is_shown(self) -> None:
        """What happened between two questions at the beginning is told once."""
        self.answer("GET /api/v1/events?limit=1", page())
        self.answer("GET /api/v1/events?kind=task&after=4&limit=500", page(following="y"))
        ending = await self.run_it("events", "-f", "--kind", "task", "-n", "2")
        self.assertEqual([line.split()[-1] for line in ending.out.splitlines()], ["first", "second"])

    async def test_manager_gone(self) -> None:
        """When the Manager goes away it ends with status 3."""
        self.answer(
            "GET /api/v1/events?kind=task&after=y&limit=500", Says(b"<html>", status=502, headers={"Server": "nginx"})
        )
        ending = await self.run_it("events", "-f", "--kind", "task", "-n", "2")
        self.assertEqual((ending.status, ending.err.count("\n")), (3, 1))


class TerminalTests(CommandLineTestCase):
    async def test_fits(self) -> None:
        """On a terminal a table is not wider than that, and ids stay whole."""
        self.answer("GET /api/v1/workers?limit=500", page(*WORKERS))
        ending = await self.run_it("workers", terminal=True, environment={"COLUMNS": "80"})
        self.assertEqual(ending.status, 0)
        self.assertIn(WORKER, ending.out)
        self.assertLessEqual(max(map(len, ending.out.splitlines())), 80)
        self.assertNotIn("\x1b", ending.out)

    async def test_nothing_is_obeyed(self) -> None:
        """What Workers call themselves moves no cursor and makes no lines, in a table or elsewhere."""
        evil = {"_id": WORKER, "nickname": "\x1b[2Jx\ny\u202e", "status": "awake"}
        self.answer(
            "GET /api/v1/workers?limit=500", page(evil, {"_id": TASK, "nickname": "[red]x[/red] \ud800 \U0001f600"})
        )
        out = await self.done("workers")
        self.assertIn("\N{REPLACEMENT CHARACTER}[2Jx y\N{REPLACEMENT CHARACTER}", out)
        self.assertIn("[red]x[/red]", out)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertEqual((await self.told("workers"))[0], evil)

    async def test_poor_encoding(self) -> None:
        """A terminal whose encoding lacks a character gets another one instead."""
        self.answer("GET /api/v1/workers?limit=500", page({"_id": WORKER, "nickname": "Gl\N{SNOWMAN}ck"}))
        out = await self.done("workers", environment={"PYTHONIOENCODING": "latin-1", "LC_ALL": "C"})
        self.assertIn("Gl\\u2603ck", out)


class ShowTests(CommandLineTestCase):
    async def test_task(self) -> None:
        """A task is shown with its history, the oldest first; its name's beginning is enough."""
        task = {
            "_id": TASK,
            "job": JOB,
            "name": "blend-1",
            "status": "active",
            "worker": "10.0.0.7 (render07)",
            "worker_id": WORKER,
            "failed_by": [{"_id": OTHER_WORKER, "identifier": "10.0.0.6 (render06)"}],
            "timing": {"render": 12.5},
            "progress": {"task_percentage": 20},
        }
        events = [
            {"at": "2026-11-24T13:57:12Z", "before": "soft-failed", "after": "active", "worker": WORKER},
            {"at": "2026-11-24T13:00:00Z", "before": "active", "after": "soft-failed", "text": "out of memory"},
        ]
        whole = {
            **task,
            "commands": [{"name": "blender_render"}],
            "updates": {"items": []},
            "events": {"items": events},
        }
        self.answer("GET /api/v1/tasks?begins=blend-1&limit=100", page(task, {"_id": OTHER_TASK, "name": "blend-10"}))
        self.answer(f"GET /api/v1/tasks/{TASK}", Says(whole))
        out = await self.done("tasks", "show", "blend-1")
        self.assertIn("Failed by     10.0.0.6 (render06)\n", out)
        self.assertIn("Time: render  12 s\n", out)
        self.assertEqual(
            out.splitlines()[-2:],
            [
                "2026-11-24 13:00:00  active -> soft-failed  out of memory",
                f"2026-11-24 13:57:12  soft-failed -> active  by {WORKER}",
            ],
        )
        self.assertEqual(await self.told("tasks", "show", TASK), whole)

    async def test_worker(self) -> None:
        """A Worker is shown with its schedule, its blacklist and its sickness."""
        worker = {
            **WORKERS[1],
            "sick": "failed at 5 jobs",
            "supported_task_types": ["file-management", "blender-render"],
            "sleep_schedule": {
                "schedule_active": True,
                "days_of_week": "mo tu",
                "time_start": "22:00",
                "time_end": "06:00",
            },
            "blacklist": [{"job_id": JOB, "task_type": "blender-render", "_created": "2026-11-24T13:57:12Z"}],
        }
        self.answer("GET /api/v1/workers?limit=500", page(worker, WORKERS[0]))
        out = await self.done("workers", "show", WORKER[:-1] + "e")
        self.assertIn("Sick         failed at 5 jobs\n", out)
        self.assertIn("Sleeps       mo tu 22:00-06:00\n", out)
        self.assertIn(f"Not given    blender-render of job {JOB}, since 2026-11-24 13:57:12\n", out)
        self.assertEqual(await self.told("workers", "show", "render07"), worker)
