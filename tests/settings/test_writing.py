"""Settings become a file (configuration.md 1.7, 16.17)."""

import os
from pathlib import Path

import yaml
from attrs import evolve
from hypothesis import given, strategies
from hypothesis import settings as profile

from flamenco_mgr.domain.variables import Audience, Direction, Variable, VariableValue
from flamenco_mgr.settings import Address, Settings, dump, load, write
from tests.settings.files import V2, FileTestCase
from tests.settings.test_loading import COMPLETE

_TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_NAMES = _TEXTS.filter(lambda text: text and not set("{}") & set(text))
_VALUES = strategies.builds(
    VariableValue,
    audience=strategies.sampled_from(Audience),
    platforms=strategies.lists(_NAMES, min_size=1, max_size=3, unique=True).map(tuple),
    value=_TEXTS,
)
_VARIABLES = strategies.dictionaries(
    _NAMES, strategies.tuples(strategies.sampled_from(Direction), strategies.lists(_VALUES, max_size=3)), max_size=3
).map(
    lambda drawn: tuple(
        Variable(name=name, direction=direction, values=tuple(values))
        for name, (direction, values) in sorted(drawn.items())
    )
)
_DURATIONS = strategies.integers(1, 10**17).map(lambda nanoseconds: nanoseconds / 10**9)


class DumpTests(FileTestCase):
    def test_there_and_back(self) -> None:
        """A written file says what was read, of defaults as of every other value."""
        for content in (V2, COMPLETE, "variables: {a: {linux: /x}}\nlisten: '[::1]:http'"):
            settings = self.load(content).settings
            self.assertEqual(self.load(dump(settings, mask_secrets=False)).settings, settings)

    @profile(max_examples=50, deadline=None)
    @given(_TEXTS, _TEXTS, _VARIABLES, _DURATIONS, strategies.lists(_TEXTS.map(str.strip), max_size=3))
    def test_any_values(
        self, name: str, secret: str, variables: tuple[Variable, ...], seconds: float, statuses: list[str]
    ) -> None:
        """Whatever texts and durations there are, a written file has them."""
        settings = evolve(
            self.settings(""),
            manager_name=name,
            manager_secret=secret,
            variables=variables,
            download_task_sleep=seconds,
            worker_cleanup_status=tuple(statuses),
        )
        self.assertEqual(self.load(dump(settings, mask_secrets=False)).settings, settings)

    def test_order(self) -> None:
        """The version comes first, the variables last, their names sorted; all sections are there."""
        document = yaml.safe_load(dump(Settings(), mask_secrets=False))
        keys = list(document)
        self.assertEqual((keys[0], keys[1], keys[-1]), ("_meta", "mode", "variables"))
        self.assertEqual(document["_meta"], {"version": 2})
        self.assertEqual(list(document["variables"]), sorted(document["variables"]))
        self.assertEqual(list(document["shaman"]), ["enabled", "fileStorePath", "checkoutPath", "garbageCollect"])

    def test_order_of_variables(self) -> None:
        """Variables that were made in another order are written, and read again, in the order of their names."""
        variables = tuple(Variable(name=name, direction=Direction.ONEWAY) for name in "ba")
        settings = evolve(self.settings(""), variables=variables)
        self.assertEqual([variable.name for variable in settings.variables], ["a", "b"])
        self.assertEqual(self.load(dump(settings, mask_secrets=False)).settings, settings)

    def test_left_out(self) -> None:
        """The keys that the original leaves out when they are empty are left out, and written when they are not."""
        bare = yaml.safe_load(dump(Settings(), mask_secrets=False))
        for key in ("manager_secret", "dynamic_pool_platforms", "websetup"):
            self.assertNotIn(key, bare)
        self.assertNotIn("disableSecurity", bare["user_authentication"])
        full = yaml.safe_load(dump(self.load(COMPLETE).settings, mask_secrets=False))
        for key in ("manager_secret", "dynamic_pool_platforms", "websetup"):
            self.assertIn(key, full)
        self.assertTrue(full["user_authentication"]["disableSecurity"])

    def test_platforms_in_one_line(self) -> None:
        """Lists of platforms are written in one line, and the audience always."""
        value = VariableValue(platforms=("linux", "darwin"), value="/x")
        variable = Variable(name="a", direction=Direction.ONEWAY, values=(value,))
        text = dump(Settings(variables=(variable,)), mask_secrets=False)
        self.assertIn("platforms: [linux, darwin]", text)
        self.assertIn("audience: all", text)

    def test_durations(self) -> None:
        """Durations are written with units."""
        self.assertIn("task_cleanup_max_age: 336h\n", dump(Settings(), mask_secrets=False))

    def test_masked(self) -> None:
        """With secrets masked, a file can be shown; that there is none is not hidden."""
        settings = Settings(
            manager_secret="hush", worker_registration_secret="hush", database_url="mongodb://u:hush@h/d"
        )
        text = dump(settings, mask_secrets=True)
        self.assertNotIn("hush", text)
        self.assertIn("database_url: mongodb://***@h/d", text)
        self.assertIn("worker_registration_secret: ''", dump(Settings(), mask_secrets=True))


class WriteTests(FileTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.backup = self.file.with_name("manager.yaml.bak")

    def named(self, name: str) -> Settings:
        """Return settings that differ in the Manager's name."""
        return evolve(self.settings(""), manager_name=name)

    def test_replaced(self) -> None:
        """The file is replaced, what was there is kept, both only for their owner, and nothing else is left."""
        settings = self.named("new")
        self.write("# old\n").chmod(0o644)
        write(self.file, settings, self.rundir)
        self.assertEqual(self.load(self.file.read_text()).settings, settings)
        self.assertEqual(self.backup.read_text(), "# old\n")
        self.assertEqual([path.stat().st_mode & 0o777 for path in (self.file, self.backup)], [0o600, 0o600])
        self.assertEqual(sorted(path.name for path in self.rundir.iterdir()), ["manager.yaml", "manager.yaml.bak"])

    def test_nothing_new(self) -> None:
        """A file that says it all already is left alone, and so is what was kept of the one before it."""
        self.write("# old\n")
        self.assertTrue(write(self.file, Settings(), self.rundir))
        self.assertFalse(write(self.file, Settings(), self.rundir))
        self.assertEqual(self.file.with_name("manager.yaml.bak").read_text(), "# old\n")

    def test_paths(self) -> None:
        """Paths below the run directory are written as they count from there, others as they are."""
        settings = self.settings("database_path: ./db\ntask_logs_path: /srv/logs\n")
        write(self.file, settings, self.rundir)
        text = self.file.read_text()
        self.assertIn("database_path: db\n", text)
        self.assertIn("task_logs_path: /srv/logs\n", text)
        self.assertEqual(load(self.file, self.rundir).settings, settings)

    def test_new(self) -> None:
        """A file that was not there is made, without a back-up."""
        write(self.file, Settings(), self.rundir)
        self.assertEqual([path.name for path in self.rundir.iterdir()], ["manager.yaml"])
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_twice(self) -> None:
        """The back-up is what was there the last time."""
        for name in ("one", "two", "three"):
            write(self.file, Settings(manager_name=name), self.rundir)
        self.assertIn("manager_name: two", self.backup.read_text())
        self.assertIn("manager_name: three", self.file.read_text())

    def test_symbolic_link(self) -> None:
        """A symbolic link stays one; the file it points to is replaced, and its back-up is beside that."""
        target = self.rundir / "farm"
        target.mkdir()
        real = target / "real.yaml"
        real.write_text("# old\n")
        self.file.symlink_to(Path("farm") / "real.yaml")
        write(self.file, Settings(), self.rundir)
        self.assertTrue(self.file.is_symlink())
        self.assertIn("manager_name", real.read_text())
        self.assertEqual((target / "real.yaml.bak").read_text(), "# old\n")
        self.assertFalse(self.backup.exists())

    def test_owner(self) -> None:
        """Written by root, the file still belongs to who owned it."""
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.write("# old\n")
        os.chown(self.file, 12345, 23456)
        write(self.file, Settings(), self.rundir)
        for path in (self.file, self.backup):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (12345, 23456))

    def test_failure(self) -> None:
        """If the back-up cannot be made, the file stays as it was, and nothing is left behind."""
        self.write("# old\n")
        self.backup.mkdir()
        self.assertRaises(OSError, write, self.file, Settings(), self.rundir)
        self.assertEqual(self.file.read_text(), "# old\n")
        self.assertEqual(sorted(path.name for path in self.rundir.iterdir()), ["manager.yaml", "manager.yaml.bak"])

    def test_no_directory(self) -> None:
        """A directory that is not there is an error of the operating system."""
        self.assertRaises(FileNotFoundError, write, self.rundir / "no" / "manager.yaml", Settings(), self.rundir)

    def test_address(self) -> None:
        """Addresses are written so that they are read again."""
        write(self.file, Settings(listen=Address("::1", 0)), self.rundir)
        self.assertEqual(self.load(self.file.read_text()).settings.listen, Address("::1", 0))
