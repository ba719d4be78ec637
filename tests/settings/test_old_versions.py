"""Files of version 1, and of the Managers 2.0.0 to 2.0.9 (configuration.md 4, 5)."""

from pathlib import Path

from flamenco_mgr.domain.variables import Audience, Direction, Variables
from flamenco_mgr.settings import Address
from tests.settings.files import V2, FileTestCase

VERSION_1 = """
listen: '[::0]:8083'
download_task_recheck_throttle: -1s
variables:
  blender: {linux: /opt/blender, windows: 'c:/blender.exe', darwin: /b/blender}
  ffmpeg: {linux: /usr/bin/ffmpeg, windows: '', darwin: ~}
path_replacement:
  render: {linux: /render, windows: 'r:/', darwin: /Volume/render}
  render_long: {linux: /render/long, windows: 'r:/long', darwin: /Volume/render/long}
  job_storage: {windows: 's:/flamenco/jobs', linux: /shared/flamenco/jobs, darwin: /Volume/jobs, autumn: hey}
"""


class Version1Tests(FileTestCase):
    def test_upgrade(self) -> None:
        """Fact 3: a version 1 file is read with its variables one-way and its replacements two-way, for all."""
        loaded = self.load(VERSION_1)
        settings = loaded.settings
        self.assertEqual(settings.listen, Address("::", 8083))
        self.assertEqual(settings.download_task_recheck_throttle, -1.0)
        self.assertEqual(settings.worker_cleanup_max_age, 0.0)
        directions = {variable.name: variable.direction for variable in settings.variables}
        self.assertEqual(
            directions,
            {
                "blender": Direction.ONEWAY,
                "ffmpeg": Direction.ONEWAY,
                "render": Direction.TWOWAY,
                "render_long": Direction.TWOWAY,
                "job_storage": Direction.TWOWAY,
            },
        )
        variables = Variables(settings.variables)
        for audience in (Audience.WORKERS, Audience.USERS):
            self.assertEqual(
                variables.replace("{render_long}/x {blender}", audience, "windows"), "r:/long/x c:/blender.exe"
            )
            self.assertEqual(variables.replace("{job_storage}/x {blender}", audience, "autumn"), "hey/x {blender}")
        self.assertIn("version 1", loaded.warnings[0])

    def test_order_and_empty_values(self) -> None:
        """Values are in the order of their platforms, and empty ones are left out."""
        by_name = {variable.name: variable for variable in self.load(VERSION_1).settings.variables}
        platforms = [value.platforms for value in by_name["job_storage"].values]
        self.assertEqual(platforms, [("autumn",), ("darwin",), ("linux",), ("windows",)])
        self.assertEqual([value.platforms for value in by_name["ffmpeg"].values], [("linux",)])

    def test_defaults(self) -> None:
        """Version 1 has other defaults for the address and the file store, and no examples of variables here."""
        for content in ("{}", "_meta: {version: 1}", "_meta: {version: 0}", "_meta:", "_meta: {}"):
            settings = self.load(content).settings
            self.assertEqual(settings.listen, Address("", 8083))
            self.assertFalse(settings.shaman.enabled)
            self.assertEqual(settings.shaman.file_store_path, self.rundir / "../shaman-file-store")
            self.assertEqual(settings.shaman.checkout_path, self.rundir / "../shaman-checkout")
            self.assertEqual(settings.shaman.garbage_collect.period, 0.0)
            self.assertEqual(settings.shaman.garbage_collect.max_age, 744 * 3600)
            self.assertEqual(settings.variables, ())

    def test_values_win(self) -> None:
        """What a version 1 file says wins over those defaults, below sections too."""
        shaman = self.load("shaman: {enabled: true, fileStorePath: /s, garbageCollect: {period: 1h}}").settings.shaman
        self.assertTrue(shaman.enabled)
        self.assertEqual((shaman.file_store_path, shaman.garbage_collect.period), (Path("/s"), 3600.0))
        self.assertEqual(shaman.checkout_path, self.rundir / "../shaman-checkout")
        self.assertFalse(self.load("shaman:\n").settings.shaman.enabled)

    def test_tls(self) -> None:
        """A version 1 file with TLS is served by HTTPS at the address of listen (configuration.md 7)."""
        settings = self.load("tlskey: k\ntlscert: c\n").settings
        self.assertEqual(settings.listen_https, Address("", 8083))
        settings = self.load("tlskey: k\ntlscert: c\nlisten: ':9'\nlisten_https: ':10'").settings
        self.assertEqual(settings.listen_https, Address("", 10))

    def test_duplicate_variables(self) -> None:
        """Fact 12: a name in both variables and path_replacement is refused as a duplicate."""
        content = "variables: {a: {linux: /1}}\npath_replacement: {a: {linux: /2}}"
        self.assert_mistake(content, "path_replacement.a", "duplicate variable")

    def test_mistakes(self) -> None:
        """Mistakes are named where they are in the version 1 file."""
        self.assert_mistake("variables: []", "variables", "must be a mapping")
        self.assert_mistake("path_replacement: {render: /r}", "path_replacement.render", "from platforms to texts")
        self.assert_mistake("path_replacement: {render: {linux: [/r]}}", "path_replacement.render.linux", "a list")
        self.assert_mistake("shaman: 3", "shaman", "must be a mapping")
        self.assert_mistake("shaman: {garbageCollect: 3}", "shaman.garbageCollect", "must be a mapping")

    def test_mixed_versions(self) -> None:
        """Variables of one version in a file of the other are refused with the way out."""
        new = "variables: {a: {direction: oneway, values: [{platform: linux, value: x}]}}"
        self.assert_mistake(new, "variables.a", "add '_meta: {version: 2}'")
        self.assert_mistake(f"{V2}variables: {{a: {{linux: /x}}}}", "variables.a", "version 1")
        self.assert_mistake(f"{V2}path_replacement: {{a: {{linux: /x}}}}", "path_replacement", "'direction: twoway'")

    def test_backslash(self) -> None:
        """A backslash in a path replacement is worth a warning."""
        warnings = self.load("path_replacement: {render: {windows: 'R:\\x'}}").warnings
        self.assertIn("variables.render", warnings[1])


class OldNameTests(FileTestCase):
    def test_conversion(self) -> None:
        """The old names in seconds and days count, each with a warning that says the new name."""
        loaded = self.load(
            "download_task_sleep_seconds: 300\ndownload_task_recheck_throttle_seconds: -1\n"
            "task_update_push_max_interval_seconds: 30\ncancel_task_fetch_max_interval_seconds: 11\n"
            "active_task_timeout_interval_seconds: 70\ntask_cleanup_max_age_days: 14\ntask_update_push_max_count: 10\n"
        )
        settings = loaded.settings
        self.assertEqual(settings.download_task_sleep, 300.0)
        self.assertEqual(settings.download_task_recheck_throttle, -1.0)
        self.assertEqual(settings.task_update_push_max_interval, 30.0)
        self.assertEqual(settings.cancel_task_fetch_max_interval, 11.0)
        self.assertEqual(settings.active_task_timeout_interval, 70.0)
        self.assertEqual(settings.task_cleanup_max_age, 336 * 3600.0)
        self.assertEqual(settings.task_update_push_max_count, 10)
        self.assertEqual(len(loaded.warnings), 7)
        self.assertIn("task_cleanup_max_age_days: is the old name of 'task_cleanup_max_age'", loaded.warnings)

    def test_durations(self) -> None:
        """An old name takes a duration, too, in files of any version."""
        self.assertEqual(self.settings("download_task_sleep_seconds: 60s").download_task_sleep, 60.0)
        self.assertEqual(self.settings("task_cleanup_max_age_days: 48h").task_cleanup_max_age, 172800.0)

    def test_mistakes(self) -> None:
        """A mistake is told by the name that is in the file."""
        self.assert_mistake(f"{V2}download_task_sleep_seconds: soon", "download_task_sleep_seconds = 'soon'")

    def test_both_names(self) -> None:
        """The old and the new name together are a mistake."""
        content = f"{V2}download_task_sleep_seconds: 60\ndownload_task_sleep: 1m"
        self.assert_mistake(content, "download_task_sleep_seconds", "'download_task_sleep'", "remove one")
