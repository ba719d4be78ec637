"""The file that an operator starts from, and the README's table, say what the settings are."""

import re
from pathlib import Path

import yaml
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.settings import Settings, dump
from flamenco_mgr.settings.sections import keys_below
from tests.settings.files import FileTestCase

TOP = Path(__file__).parents[2]

_COMMENTED_OUT = re.compile(r"^#(?=\w|  +\S)", re.MULTILINE)


class ManagerYAMLTests(FileTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.text = (TOP / "manager.yaml").read_text()
        self.defaults = evolve(Settings(), database_path=self.rundir / "db", task_logs_path=self.rundir / "task-logs")

    def test_loads(self) -> None:
        """The file has no mistakes, nothing to warn of, and says what a new file says."""
        loaded = self.load(self.text)
        self.assertEqual((loaded.settings, loaded.warnings), (self.defaults, ()))

    def test_commented_out(self) -> None:
        """What is commented out has the default, and every key is there."""
        text = _COMMENTED_OUT.sub("", self.text)
        loaded = self.load(text)
        self.assertEqual((loaded.settings, loaded.warnings), (self.defaults, ()))
        self.assertEqual(sorted(_keys(yaml.safe_load(text))), sorted(keys_below(Settings)))


class ReadmeTests(SynchronousTestCase):
    def setUp(self) -> None:
        table = (TOP / "README.md").read_text().partition("### Settings\n")[2].partition("\n#")[0]
        rows = re.findall(r"^\| (.*?) \| (.*?) \|", table, re.MULTILINE)
        self.rows = [
            (re.findall(r"`(.*?)`", keys), re.findall(r"`(.*?)`|(empty)", defaults)) for keys, defaults in rows
        ]

    def test_defaults(self) -> None:
        """The table's defaults are those of the settings."""
        written = yaml.load(dump(Settings(), mask_secrets=False), Loader=yaml.BaseLoader)  # noqa: S506 only text
        checked = 0
        for keys, defaults in self.rows:
            if len(keys) == len(defaults) and all("." not in key for key in keys):
                for key, (quoted, empty) in zip(keys, defaults, strict=True):
                    value = written.get(key, "")
                    shown = str(value).replace("'", "") if isinstance(value, list) else value
                    self.assertEqual(quoted.removeprefix("./"), "" if empty else shown, key)
                    checked += 1
        self.assertGreater(checked, 20)


def _keys(document: dict[str, object], prefix: str = "") -> list[str]:
    keys = []
    for key, value in document.items():
        if isinstance(value, dict) and key != "variables":
            keys += _keys(value, f"{prefix}{key}.")
        elif prefix != "_meta.":
            keys.append(f"{prefix}{key}")
    return keys
