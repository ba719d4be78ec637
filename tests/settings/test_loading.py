"""A configuration file becomes settings (configuration.md 1, 2, 3, 7)."""

from pathlib import Path

from attrs import evolve

from flamenco_mgr.settings import Address, ConfigErrors, NoConfigFile, Settings, find_config, load
from tests.settings.files import V2, FileTestCase

SECRET = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"

COMPLETE = """
_meta: {version: 2}
mode: develop
manager_name: Barn Farm
database_url: mongodb://localhost/flamanager
database_path: 2019-11-12
task_logs_path: /var/log/flamenco
listen: localhost:8081
listen_https: ':8444'
own_url: http://render-manager.local:8080/
flamenco: https://server.example/
manager_id: 123456789012345678901234
manager_secret: SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00
tlskey: keys/key.pem
tlscert: keys/cert.pem
download_task_sleep: 5m
download_mode: depsgraph
download_task_recheck_throttle: -1s
task_update_push_max_interval: 3s
task_update_push_max_count: 50
cancel_task_fetch_max_interval: 12s
active_task_timeout_interval: 3m
active_worker_timeout_interval: 30s
task_cleanup_max_age: 1.5h
worker_cleanup_max_age: 48h
worker_cleanup_status: [offline, timeout]
blacklist_threshold: 4
task_fail_after_softfail_count: 5
watch_for_latest_image: images
ssdp_discovery: OFF
ssdp_device_uuid: 0f6b7a54-5d5b-4d7e-9a63-2d9f0c1b7e10
test_tasks: {test_blender_render: {job_storage: '{a}', render_output: '{b}'}}
shaman:
  enabled: n
  fileStorePath: ../store
  checkoutPath: /checkout
  garbageCollect: {period: 1h, maxAge: 2h, extraCheckoutPaths: [x, /y]}
user_authentication: {disableSecurity: Yes, publicKeysDownloadInterval: 0}
worker_registration_secret: ' 1e5 '
dynamic_pool_platforms: {azure: {location: westeurope, batch_account_name: farm, fake: true}}
websetup: {hide_infra_settings: true}
variables: {}
"""


class ValueTests(FileTestCase):
    def test_defaults(self) -> None:
        """Facts 1 and 86: what a file does not mention has its default; the examples of variables are no default."""
        settings = self.settings("")
        expected = Settings(database_path=self.rundir / "db", task_logs_path=self.rundir / "task-logs", variables=())
        self.assertEqual(settings, expected)
        self.assertEqual(settings.task_logs_path, self.rundir / "task-logs")
        self.assertEqual(settings.ssdp_device_uuid, "7401c189-ef69-434b-b4d8-56d00075faf5")
        self.assertEqual(settings.listen, Address("", 8080))

    def test_complete(self) -> None:
        """Every key is read by its kind; what looks like a number, a date or a float stays text."""
        settings = self.load(COMPLETE).settings
        self.assertEqual(settings.mode, "develop")
        self.assertEqual(settings.manager_id, "123456789012345678901234")
        self.assertEqual(settings.database_path, self.rundir / "2019-11-12")
        self.assertEqual(settings.worker_registration_secret, "1e5")
        self.assertEqual(settings.listen, Address("localhost", 8081))
        self.assertEqual(settings.listen_https, Address("", 8444))
        self.assertEqual(
            (settings.tlskey, settings.tlscert), (self.rundir / "keys/key.pem", self.rundir / "keys/cert.pem")
        )
        self.assertEqual(settings.download_task_recheck_throttle, -1.0)
        self.assertEqual((settings.task_cleanup_max_age, settings.worker_cleanup_max_age), (5400.0, 172800.0))
        self.assertEqual(settings.worker_cleanup_status, ("offline", "timeout"))
        self.assertEqual(settings.watch_for_latest_image, self.rundir / "images")
        self.assertFalse(settings.ssdp_discovery)
        self.assertEqual(settings.test_tasks.test_blender_render.render_output, "{b}")
        self.assertFalse(settings.shaman.enabled)
        self.assertEqual(settings.shaman.file_store_path, self.rundir / "../store")
        self.assertEqual(settings.shaman.garbage_collect.extra_checkout_paths, (self.rundir / "x", Path("/y")))
        self.assertTrue(settings.user_authentication.disable_security)
        self.assertEqual(settings.user_authentication.public_keys_download_interval, 0.0)
        self.assertEqual(settings.dynamic_pool_platforms.azure.batch_account_name, "farm")
        self.assertTrue(settings.websetup.hide_infra_settings)

    def test_cleanup(self) -> None:
        """Fact 10: the ages of the clean-up, 0 for none, and its statuses are read."""
        settings = self.settings("worker_cleanup_max_age: 0\nworker_cleanup_status:\n")
        self.assertEqual((settings.worker_cleanup_max_age, settings.worker_cleanup_status), (0.0, ()))

    def test_booleans(self) -> None:
        """The words of YAML 1.1 for truth count in small letters, capitalised and in capitals, and no others."""
        for word, flag in (
            ("true", True),
            ("Yes", True),
            ("ON", True),
            ("y", True),
            ("false", False),
            ("No", False),
            ("N", False),
        ):
            self.assertEqual(self.settings(f"ssdp_discovery: {word}").ssdp_discovery, flag)
        for word in ("1", "tRUE", "enabled", "''", "[]"):
            self.assert_mistake(f"{V2}ssdp_discovery: {word}", "ssdp_discovery")

    def test_sections_are_laid_over(self) -> None:
        """A section of the file is laid over the defaults key by key, and a list replaces the default."""
        settings = self.settings("shaman: {enabled: false}\nworker_cleanup_status: [error]")
        self.assertEqual(settings.shaman, evolve(Settings().shaman, enabled=False))
        self.assertEqual(settings.worker_cleanup_status, ("error",))

    def test_empty_values(self) -> None:
        """A key with nothing behind it has the zero value of its kind; a section with nothing has zero values."""
        settings = self.settings(
            "shaman:\nssdp_discovery: ~\nmanager_name: null\ntask_update_push_max_count:\nworker_cleanup_max_age:\n"
            "download_task_recheck_throttle:\nuser_authentication:\ntest_tasks:\n"
        )
        self.assertFalse(settings.shaman.enabled)
        self.assertEqual(settings.shaman.garbage_collect.max_age, 0.0)
        self.assertFalse(settings.ssdp_discovery)
        self.assertEqual(settings.manager_name, "")
        self.assertEqual(settings.task_update_push_max_count, 0)
        self.assertEqual(settings.worker_cleanup_max_age, 0.0)
        self.assertEqual(settings.download_task_recheck_throttle, 0.0)
        self.assertEqual(settings.user_authentication.public_keys_download_interval, 0.0)
        self.assertEqual(settings.test_tasks.test_blender_render.job_storage, "")

    def test_empty_means_default(self) -> None:
        """An empty Server and empty directories mean the default ones."""
        settings = self.settings("flamenco:\ntask_logs_path: ''\nshaman: {fileStorePath: ''}")
        self.assertEqual(settings.flamenco, "https://cloud.blender.org/")
        self.assertEqual(settings.task_logs_path, self.rundir / "task-logs")
        self.assertEqual(settings.shaman.file_store_path, Settings().shaman.file_store_path)

    def test_no_place_for_the_store(self) -> None:
        """An empty database_path is a mistake, unless there is a database_url (configuration.md 1.6)."""
        self.assert_mistake(f"{V2}database_path:\n", "database_path", "database_url")
        settings = self.settings("database_path:\ndatabase_url: mongodb://h/d")
        self.assertEqual(settings.database_url, "mongodb://h/d")

    def test_anchors_and_merges(self) -> None:
        """Anchors and merges work."""
        settings = self.settings("test_tasks: {test_blender_render: {job_storage: &x /x, render_output: *x}}")
        self.assertEqual(settings.test_tasks.test_blender_render.render_output, "/x")

    def test_relative_run_directory(self) -> None:
        """Paths are absolute, even if the run directory is not given so."""
        path = self.write(V2)
        relative = self.rundir.relative_to(Path.cwd())
        self.assertEqual(load(path, relative).settings.database_path, self.rundir / "db")

    def test_secrets_are_hidden(self) -> None:
        """Secrets, and the password in the database's URL, are not in the ``repr``."""
        settings = self.settings(
            f"manager_secret: {SECRET}\nworker_registration_secret: hush\ndatabase_url: mongodb://u:hush@h/d"
        )
        self.assertEqual(settings.manager_secret, SECRET)
        self.assertNotIn(SECRET, repr(settings))
        self.assertNotIn("hush", repr(settings))
        self.assertIn("mongodb://***@h/d", repr(settings))


class WarningTests(FileTestCase):
    def test_none(self) -> None:
        """A file that says what it means has no warnings; a Manager may be unlinked."""
        self.assertEqual(self.warnings("variables: {}"), ())

    def test_timeouts(self) -> None:
        """A task's time-out that is not longer than a worker's is worth a warning."""
        for content in ("active_task_timeout_interval: 1m", "active_worker_timeout_interval: 11m"):
            (warning,) = self.warnings(content)
            self.assertIn("active_task_timeout_interval", warning)

    def test_scheme_of_own_url(self) -> None:
        """An own_url is never rewritten; one whose scheme is not that of the listener is worth a warning."""
        loaded = self.load(f"{V2}own_url: https://proxy.example/")
        self.assertEqual(loaded.settings.own_url, "https://proxy.example/")
        self.assertIn("own_url", loaded.warnings[0])
        self.assertIn("own_url", self.warnings("own_url: http://a/\ntlskey: k\ntlscert: c")[0])
        self.assertEqual(self.warnings("own_url: HTTPS://a/\ntlskey: k\ntlscert: c"), ())

    def test_unknown_status(self) -> None:
        """A status that no worker ever has is worth a warning."""
        (warning,) = self.warnings("worker_cleanup_status: [offline, ofline]")
        self.assertIn("'ofline'", warning)

    def test_id_without_secret(self) -> None:
        """An id without a secret is worth a warning."""
        (warning,) = self.warnings("manager_id: 5d7b9f3ae4b0c83a1f2d6e11")
        self.assertIn("manager_secret", warning)

    def test_readable_by_others(self) -> None:
        """A file to which others than its owner have access is worth a warning (configuration.md 16.16)."""
        path = self.write(V2)
        for mode in (0o600, 0o400):
            path.chmod(mode)
            self.assertEqual(load(path, self.rundir).warnings, ())
        for mode in (0o640, 0o604, 0o622):
            path.chmod(mode)
            (warning,) = load(path, self.rundir).warnings
            self.assertIn("600", warning)


class ListeningTests(FileTestCase):
    def test_tls(self) -> None:
        """With key and certificate HTTPS is served, at listen_https, or at the address of listen if that is empty."""
        settings = self.settings("tlskey: k\ntlscert: c\nlisten: ':81'\nlisten_https:\n")
        self.assertTrue(settings.tls)
        self.assertEqual(settings.listen_https, Address("", 81))

    def test_emptied_listen(self) -> None:
        """With TLS, where it is not used, listen may be empty (configuration.md 16.7)."""
        settings = self.settings("tlskey: k\ntlscert: c\nlisten: ''\nlisten_https: ':444'\n")
        self.assertEqual((settings.listen, settings.listen_https), (Address("", 444), Address("", 444)))

    def test_plain(self) -> None:
        """Without a key and a certificate there is no TLS."""
        self.assertFalse(self.settings("tlskey: ''\ntlscert:\n").tls)


class OverridingTests(FileTestCase):
    def test_overridden(self) -> None:
        """Texts from the command line count instead of the file's, and nothing changes without them."""
        settings = self.settings("listen: ':1'\nmode: develop")
        changed = settings.overridden(
            listen="localhost:2", own_url="http://a/", database_url="mongodb://h/d", mode="production"
        )
        self.assertEqual(changed.listen, Address("localhost", 2))
        self.assertEqual(
            (changed.own_url, changed.database_url, changed.mode), ("http://a/", "mongodb://h/d", "production")
        )
        self.assertEqual(settings.overridden(), settings)
        self.assertEqual(changed.overridden(own_url="", database_url=""), evolve(changed, own_url="", database_url=""))

    def test_mistakes(self) -> None:
        """Texts from the command line are checked as those of the file are, all at once."""
        errors = self.assertRaises(ConfigErrors, Settings().overridden, listen="8080", mode="x", database_url="y")
        self.assertEqual([problem.path for problem in errors.problems], ["mode", "database_url", "listen"])
        self.assertIn("command line", str(errors))


class FindingTests(FileTestCase):
    def find(self, option: str | None = None, environment: str | None = None) -> Path:
        variables = {} if environment is None else {"FLAMENCO_MANAGER_CONFIG": environment}
        return find_config(None if option is None else Path(option), variables, self.rundir)

    def test_option(self) -> None:
        """The option wins; a relative path counts from the run directory."""
        self.write(V2)
        self.assertEqual(self.find("sub/a.yaml", "b.yaml"), self.rundir / "sub/a.yaml")
        self.assertEqual(self.find("/etc/a.yaml"), Path("/etc/a.yaml"))

    def test_environment(self) -> None:
        """Then comes the environment, if it says anything."""
        self.write(V2)
        self.assertEqual(self.find(environment="b.yaml"), self.rundir / "b.yaml")
        self.assertEqual(self.find(environment=""), self.file)

    def test_run_directory(self) -> None:
        """Then manager.yaml in the run directory, else the original's name there."""
        original = self.rundir / "flamenco-manager.yaml"
        original.touch()
        self.assertEqual(self.find(), original)
        self.write(V2)
        self.assertEqual(self.find(), self.file)

    def test_none(self) -> None:
        """If there is none, one line names both files that were tried."""
        error = self.assertRaises(NoConfigFile, self.find)
        self.assertIn(f"{self.rundir / 'manager.yaml'} nor {self.rundir / 'flamenco-manager.yaml'}", str(error))
        self.assertNotIn("\n", str(error))

    def test_unreadable(self) -> None:
        """A file that is not there, or is a directory, is an error of the operating system."""
        self.assertRaises(FileNotFoundError, load, self.file, self.rundir)
        self.assertRaises(IsADirectoryError, load, self.rundir, self.rundir)
