"""``flamenco-manager status``, and the options that all commands have in common."""

from tests.cli.case import CommandLineTestCase, Says
from tests.cli.farm_status import a_status


class StatusTests(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.answer("GET /api/v1/status", Says(a_status()))

    async def test_for_people(self) -> None:
        """In the run directory no options are needed; a line tells each thing."""
        out = await self.done("status")
        self.assertEqual(
            out.splitlines(),
            [
                "Manager  Flamenco Manager, version 3.0.0, running for 4 d 5 h",
                "Server   https://flamenco.example/flamenco/, reachable for 10 s",
                "Duties   done here",
                "Workers  11: 9 awake, 2 asleep",
                "Tasks    10,423: 10,414 claimed-by-manager, 9 active",
                "Updates  3 wait for the Server, the oldest for 2 s",
            ],
        )

    async def test_for_programs(self) -> None:
        """``status --json`` is one object: what the Manager says, and the warnings."""
        self.assertEqual(await self.told("status"), a_status(warnings=[]))

    async def test_warnings(self) -> None:
        """A status with warnings tells them, and is done all the same."""
        unreachable = {"reachable": False, "reason": "Connection refused"}
        self.answer("GET /api/v1/status", Says(a_status(server=unreachable)))
        out = await self.done("status")
        self.assertIn("not reachable for 10 s\n", out)
        self.assertEqual(out.splitlines()[-1], "Warning  The Server cannot be reached: Connection refused")
        self.assertEqual((await self.told("status"))["warnings"], ["The Server cannot be reached: Connection refused"])

    async def test_several_managers(self) -> None:
        """With several Managers on one database it tells who does the duties, and who else is there."""
        duties = {"here": False, "holder": "manager1", "managers": ["manager1", "manager2", "manager3"]}
        self.answer("GET /api/v1/status", Says(a_status(duties=duties)))
        self.assertIn("Duties   done by manager1; besides: manager2, manager3\n", await self.done("status"))

    async def test_almost_nothing(self) -> None:
        """What a Manager leaves out is left out."""
        self.answer(
            "GET /api/v1/status", Says({"version": "9", "tasks": [], "server": None, "workers": {"total": "x"}})
        )
        self.assertIn("version 9, running\n", await self.done("status"))


class CommonOptionsTests(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.answer("GET /api/v1/status", Says(a_status()))
        self.url = f"http://127.0.0.1:{self.port}"
        (self.directory / "manager.yaml").rename(self.directory / "elsewhere.yaml")

    async def test_any_place(self) -> None:
        """``--url``, ``--config`` and ``--json`` stand before or after the command."""
        for arguments in (
            ["--url", self.url, "--json", "status"],
            ["status", "--json", f"--url={self.url}"],
            ["--json", "status", "--config", "elsewhere.yaml"],
            ["-c", "elsewhere.yaml", "status", "--json"],
        ):
            ending = await self.run_it(*arguments)
            self.assertEqual(ending.status, 0, ending.err)
            self.assertEqual(ending.json["version"], "3.0.0")

    async def test_in_the_middle(self) -> None:
        """They also stand between a group and its command, and where a group's usual command is left out."""
        self.answer("GET /api/v1/jobs?limit=500", Says({"items": [], "next": None}))
        for arguments in (
            ["jobs", "--url", self.url, "--json", "list"],
            ["jobs", "--url", self.url, "--json"],
            ["jobs", "--json", f"--config={self.directory}/elsewhere.yaml"],
        ):
            self.assertEqual((await self.run_it(*arguments)).out, "[]\n")

    async def test_environment(self) -> None:
        """The configuration is found as twistd finds it: the file that the environment names, else manager.yaml."""
        await self.done("status", environment={"FLAMENCO_MANAGER_CONFIG": "elsewhere.yaml"})
        (self.directory / "elsewhere.yaml").rename(self.directory / "flamenco-manager.yaml")
        await self.done("status")

    async def test_url_wins(self) -> None:
        """With ``--url`` no configuration is needed, and none is looked at."""
        (self.directory / "manager.yaml").write_text("nonsense")
        await self.done("status", "--url", f"{self.url}/")

    async def test_everywhere(self) -> None:
        """A Manager that listens on all interfaces is asked on the loopback one."""
        for listen in (f":{self.port}", f"0.0.0.0:{self.port}"):
            self.configure(f"listen: '{listen}'\n")
            await self.done("status")

    async def test_no_proxy(self) -> None:
        """Proxies of the environment are not used."""
        proxies = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        await self.done("status", "--url", self.url, environment=proxies)

    async def test_version(self) -> None:
        """``--version`` tells the version, ``--help`` all commands."""
        self.assertRegex(await self.done("--version"), r"^Flamenco Manager \d+\.\d+")
        self.assertIn("  blacklist ", await self.done("--help"))
