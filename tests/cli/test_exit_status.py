"""The exit status of every command, on which scripts rely: 0 done, 1 refused or damaged, 2 usage, 3 unreachable."""

from collections.abc import Iterator
from typing import Final

import click

from flamenco_mgr.cli.program import program
from tests.cli.case import DONE, JOB, TASK, WORKER, CommandLineTestCase, Says, page, refusal
from tests.cli.farm_status import a_status
from tests.cli.test_store_commands import StoreCommandCase

UPDATE: Final = "5e6a3c000000000000000001"

LISTING: Final = (
    *("workers", "workers list", "jobs", "jobs list", "tasks", "tasks list", "updates", "updates list"),
    *("updates parked", "blacklist", "blacklist list", "events"),
)
"""The commands that list, with and without a further word."""

SHOWING: Final = (
    *("status", f"workers show {WORKER}", f"jobs show {JOB}", f"tasks show {TASK}", f"log {TASK} --job {JOB}"),
)

ACTING: Final = (
    *(f"request {what} {WORKER}" for what in ("sleep", "wake", "shutdown")),
    *(f"workers {act} {WORKER}" for act in ("ack-timeout", "test", "forget", "schedule --start 20:00")),
    *(f"tasks {act} {TASK}" for act in ("requeue", "cancel")),
    *(f"updates {act} {UPDATE}" for act in ("retry", "drop")),
    f"blacklist remove {WORKER} {JOB} blender-render",
    "kick",
)

ASKING: Final = (*LISTING, *SHOWING, *ACTING)
"""The commands that talk to a running Manager."""

OPENING: Final = ("backup copy.sqlite3", "restore copy.sqlite3", "migrate --from db --to other", "doctor")
"""The commands that open the store themselves."""

TRUE_LISTS: Final = {
    "/api/v1/workers?limit=500": {"_id": WORKER, "nickname": "render07", "status": "awake"},
    "/api/v1/updates/parked?limit=500": {"_id": UPDATE},
}

ACTS: Final = (
    *(f"POST /api/v1/workers/{WORKER}/{act}" for act in ("request", "ack-timeout", "test-job")),
    f"DELETE /api/v1/workers/{WORKER}",
    f"PUT /api/v1/workers/{WORKER}/sleep-schedule",
    *(f"POST /api/v1/tasks/{TASK}/{act}" for act in ("requeue", "cancel")),
    f"POST /api/v1/updates/parked/{UPDATE}/retry",
    f"DELETE /api/v1/updates/parked/{UPDATE}",
    f"DELETE /api/v1/blacklist?worker={WORKER}&job={JOB}&task_type=blender-render",
)


def leaves(command: click.Command, *words: str) -> Iterator[str]:
    """Yield the words of every command that does something."""
    if not isinstance(command, click.Group):
        yield " ".join(words)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, *words, name)


class AskingTests(CommandLineTestCase):
    async def ends(self, status: int, *commands: str, more: str = "") -> None:
        """Each of these commands, with more words, ends with this status."""
        ended = {one: (await self.run_it(*one.split(), *more.split())).status for one in commands}
        self.assertEqual({one: found for one, found in ended.items() if found != status}, {})

    def lists(self, *, empty: bool) -> None:
        """Let the Manager have lists with something in them, or without."""
        for name in ("workers", "jobs", "tasks", "updates", "updates/parked", "blacklist"):
            path = f"/api/v1/{name}?limit=500"
            self.answer(f"GET {path}", page(*([TRUE_LISTS[path]] if path in TRUE_LISTS and not empty else [])))
        self.answer("GET /api/v1/events?limit=100", page())

    def things(self) -> None:
        """Let the Manager have one thing of each kind, and do what it is told to."""
        self.lists(empty=False)
        self.answer("GET /api/v1/status", Says(a_status()))
        self.answer(f"GET /api/v1/workers/{WORKER}", Says({"_id": WORKER, "nickname": "render07"}))
        self.answer(f"GET /api/v1/jobs/{JOB}", Says({"_id": JOB}))
        self.answer(f"GET /api/v1/tasks/{TASK}", Says({"_id": TASK, "name": "blend-1", "job": JOB}))
        self.answer(f"GET /logfile/{JOB}/{TASK}", Says(b"Fra:1\n"))
        for act in ACTS:
            self.answer(act, DONE)
        self.answer(f"POST /api/v1/workers/{WORKER}/test-job", Says({"text": "Queued"}))
        self.answer("POST /api/v1/kick", Says({"linked": True, "after": 7}, status=202))

    def test_every_command(self) -> None:
        """There is no command of which this is not shown."""
        shown = (*ASKING, *OPENING, "completion bash")
        missing = [one for one in leaves(program) if not any(f"{line} ".startswith(f"{one} ") for line in shown)]
        self.assertEqual(missing, [])

    async def test_done(self) -> None:
        """What is done ends with 0."""
        self.things()
        await self.ends(0, *ASKING, "completion bash")
        await self.ends(0, *ASKING, more="--json")

    async def test_empty(self) -> None:
        """An empty list ends with 0."""
        self.lists(empty=True)
        await self.ends(0, *LISTING)
        await self.ends(0, *LISTING, more="--json")

    async def test_warnings(self) -> None:
        """A status with warnings ends with 0."""
        self.answer("GET /api/v1/status", Says(a_status(server={"reachable": False}, updates={"parked": 2})))
        await self.ends(0, "status")
        await self.ends(0, "status", more="--json")

    async def test_refused(self) -> None:
        """What the Manager refuses ends with 1, whether it refuses the act or every question."""
        self.things()
        for act in (*ACTS, "POST /api/v1/kick"):
            self.answer(act, refusal(409, "not now"))
        await self.ends(1, *ACTING)
        for question in self.manager.answers:
            self.answer(question, refusal(403, "only from this machine"))
        await self.ends(1, *ASKING)

    async def test_wrong_usage(self) -> None:
        """Words that are not understood end with 2, before anything is asked."""
        await self.ends(2, *ASKING, *OPENING, "completion bash", more="--explode")
        await self.ends(2, *("completion", "explode", "request", "workers show", "jobs show", "tasks show", "log"))
        self.assertEqual(self.manager.asked, [])

    async def test_unreachable(self) -> None:
        """Where nobody listens, every command that needs a Manager ends with 3."""
        await self.ends(3, *ASKING, more="--url http://127.0.0.1:1")
        await self.ends(3, *ASKING, more="--url http://127.0.0.1:1 --json")


class OpeningTests(StoreCommandCase):
    async def ends(self, status: int, *commands: str) -> None:
        """These commands, one after another, end with this status."""
        for command in commands:
            self.assertEqual((await self.run_it(*command.split())).status, status, command)

    async def test_statuses(self) -> None:
        """What opens the store ends with 0 when it is done, warnings or not, with 1 when refused; it asks nobody."""
        await self.ends(1, *OPENING[:3])
        self.farm()
        await self.ends(0, *OPENING)
        await self.ends(1, OPENING[0], OPENING[2])
        await self.ends(2, "backup", "restore", "migrate --from db", "doctor more")
        self.assertEqual(self.manager.asked, [])

    async def test_damage(self) -> None:
        """Damage that is found, in a store or in the configuration, ends with 1."""
        (self.directory / "db").mkdir()
        (self.directory / "db" / "flamenco.sqlite3").write_bytes(b"no database" * 1000)
        await self.ends(1, "doctor")
        self.configure("listen: nowhere\n")
        await self.ends(1, "doctor")
