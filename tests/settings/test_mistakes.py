"""Mistakes in a configuration file, all of them told at once (configuration.md 1, 2, 16)."""

import yaml
from hypothesis import given, strategies
from hypothesis import settings as profile

from flamenco_mgr.settings import ConfigErrors
from tests.settings.files import V2, FileTestCase

_KEYS = strategies.sampled_from(
    [
        *("_meta", "version", "listen", "tlskey", "worker_cleanup_status", "download_task_sleep_seconds", "a"),
        *("shaman", "garbageCollect", "test_tasks"),
        *("variables", "path_replacement", "direction", "values", "platforms", "audience"),
    ]
)
_TREES = strategies.recursive(
    strategies.sampled_from([None, "", "1", "2", "x", "true", "1s", ":1", "all", "oneway"]),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


class MistakeTests(FileTestCase):
    def test_all_together(self) -> None:
        """All mistakes are reported together, each with key, value, reason and what may be meant."""
        mistakes = self.mistakes(
            f"{V2}lissten: ':1'\nmode: producton\ndownload_task_sleep: 30\nmanager_id: 5d7b\nmanager_id: 5d7c\n"
            "task_update_push_max_count: 3.5\nuser_authentication: {disableSecurty: true}\n"
            "variables: {blender: {direction: one-way, values: [{value: x}]}}\n"
        )
        self.assertEqual(
            mistakes,
            [
                "manager_id: the key is there twice, in lines 5 and 6",
                "mode = 'producton': must be production or develop; did you mean 'production'?",
                (
                    "manager_id = '5d7c': is no id, which has 24 hexadecimal digits; "
                    "copy it from the Server's page of this Manager"
                ),
                (
                    "download_task_sleep = '30': is a number without a unit; "
                    "add a unit: write '30s' for seconds, '30m' for minutes"
                ),
                "task_update_push_max_count = '3.5': must be a whole number; write '3'",
                "user_authentication.disableSecurty: is unknown; did you mean 'disableSecurity'?",
                "variables.blender.direction = 'one-way': must be oneway or twoway; did you mean 'oneway'?",
                (
                    "variables.blender.values[0]: missing platform; "
                    "write 'platform: linux' or 'platforms: [linux, darwin]'"
                ),
                "lissten: is unknown; did you mean 'listen'?",
            ],
        )

    def test_message(self) -> None:
        """The message names the file and counts the mistakes; a problem has its parts."""
        errors = self.assertRaises(ConfigErrors, self.load, f"{V2}mode: x\nfoo: 1")
        self.assertEqual(str(errors).splitlines()[0], f"{self.file} has 2 mistakes:")
        problem = errors.problems[0]
        self.assertEqual((problem.path, problem.value), ("mode", "'x'"))
        self.assertEqual(problem.reason, "must be production or develop")

    def test_unknown_keys(self) -> None:
        """Unknown keys are mistakes; a key of a section that is outside of it is told where it belongs."""
        self.assert_mistake(f"{V2}Listen: x", "Listen: is unknown; did you mean 'listen'?")
        self.assert_mistake(f"{V2}disableSecurity: true", "did you mean 'user_authentication.disableSecurity'?")
        self.assertEqual(self.mistakes(f"{V2}qqq: x"), ["qqq: is unknown"])
        self.assert_mistake("_meta: {version: 2, foo: 3}", "_meta.foo: is unknown")

    def test_odd_keys(self) -> None:
        """Keys that cannot be shown as they are, or are long, are shown on one line and shortened."""
        self.assert_mistake(f'{V2}"a\\nb": x', "'a\\nb': is unknown")
        (mistake,) = self.mistakes(f"{V2}{'x' * 120}: x")
        self.assertLess(len(mistake), 120)

    def test_values(self) -> None:
        """Values that are not what their key wants are mistakes that name the key."""
        for key, value, part in (
            ("mode", "", "production or develop"),
            ("manager_name", "[a]", "must be a text"),
            ("listen", "8080", "':8080'"),
            ("listen", "", "no address"),
            ("own_url", "manager:8080", "no URL"),
            ("flamenco", "ftp://a", "'ftp'"),
            ("manager_id", "x", "24 hexadecimal digits"),
            ("acme_domain_name", "render.example", "reverse proxy"),
            ("download_task_sleep", "0", "longer than nothing"),
            ("download_task_sleep", "-1s", "negative"),
            ("task_update_push_max_interval", "-1s", "negative"),
            ("active_task_timeout_interval", "", "longer than nothing"),
            ("task_cleanup_max_age", "14d", "'336h'"),
            ("download_mode", "depgraph", "'depsgraph'"),
            ("task_update_push_max_count", "3.5", "'3'"),
            ("task_update_push_max_count", "1e3", "decimal digits"),
            ("task_update_push_max_count", "0x10", "decimal digits"),
            ("task_update_push_max_count", "9" * 5000, "decimal digits"),
            ("task_update_push_max_count", "-1", "negative"),
            ("blacklist_threshold", "three", "whole number"),
            ("worker_cleanup_status", "offline", "must be a list"),
            ("worker_cleanup_status", "[[offline]]", "must be a text"),
            ("database_path", "~/db", "~"),
            ("database_url", "./db", "embedded store"),
            ("shaman", "true", "must be a mapping"),
            ("variables", "[]", "must be a mapping"),
        ):
            self.assert_mistake(f"{V2}{key}: {value}", key, part)

    def test_secrets_are_not_shown(self) -> None:
        """No mistake shows a secret."""
        for content in (
            "manager_secret: [hush]",
            "manager_secret: {hush: hush}",
            "database_url: postgres://u:hush@h/d",
            "database_url: mongodb://u:hush@h",
            "flamenco: https://u:hush@h/",
        ):
            self.assertNotIn("hush", self.mistakes(V2 + content)[0])

    def test_half_of_tls(self) -> None:
        """A key without a certificate, or the other way round, is a mistake (configuration.md 7)."""
        self.assert_mistake(f"{V2}tlskey: k.pem", "tlscert: is missing")
        self.assert_mistake(f"{V2}tlscert: c.pem\ntlskey:\n", "tlskey: is missing")

    def test_newer_version(self) -> None:
        """A file of a version above 2 is refused, whatever else is in it (configuration.md 1.4)."""
        for version in ("3", "0010"):
            self.assert_mistake(f"_meta: {{version: {version}}}\nfoo: bar", version, "not understood")

    def test_odd_version(self) -> None:
        """A version that is no whole number is a mistake, and so is anything else in its place."""
        for meta in ("{version: two}", "{version: 2.0}", "{version: [2]}", "{version: -1}", "[2]", "2"):
            self.assert_mistake(f"_meta: {meta}", "_meta")

    def test_no_configuration(self) -> None:
        """What is no configuration at all is refused in one line: nothing, a list, a text, wrong bytes, a huge file."""
        for content, part in (
            ("", "is empty"),
            ("# nothing\n", "is empty"),
            ("[]", "a list"),
            ("hello", "'hello'"),
            (b"\xff\xfe", "not UTF-8"),
            ("a: [", "line 1"),
            ("#" * 300_000, "256 KiB"),
            ("[" * 10_000, "levels deep"),
            ("a: &a [*a]", "levels deep"),
        ):
            self.assert_mistake(content, part)

    @profile(deadline=None)
    @given(
        strategies.binary(max_size=50) | strategies.text(max_size=50).map(lambda text: text.encode(errors="replace"))
    )
    def test_any_bytes(self, content: bytes) -> None:
        """Whatever bytes are in the file, they are settings or a list of mistakes."""
        self.assert_decided(content)

    @profile(deadline=None)
    @given(strategies.dictionaries(_KEYS, _TREES, max_size=6))
    def test_any_tree(self, tree: dict[str, object]) -> None:
        """Whatever is below the keys, it is settings or a list of mistakes."""
        self.assert_decided(yaml.safe_dump(tree).encode())

    def assert_decided(self, content: bytes) -> None:
        """Check that a file is settings, or has mistakes."""
        try:
            settings = self.load(content).settings
        except ConfigErrors as e:
            self.assertTrue(e.problems)
        else:
            self.assertTrue(settings.database_path.is_absolute())
