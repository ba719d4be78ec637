"""The README tells what is so."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.options import Options
from flamenco_mgr.settings import Settings
from flamenco_mgr.settings.sections import keys_below

ROOT = Path(__file__).parent.parent


class ReadmeTests(SynchronousTestCase):
    text = (ROOT / "README.md").read_text()

    def test_settings(self) -> None:
        """The table of settings names every key, or the section it is in, and no key that there is not."""
        table = self.text.partition("### Settings")[2].partition("\n## ")[0]
        named = {
            name
            for row in table.splitlines()
            for name in re.findall(r"`([^`]+)`", row.partition("|")[2].partition("|")[0])
        }
        keys = set(keys_below(Settings))
        sections = {key.partition(".")[0] for key in keys if "." in key}
        self.assertEqual(named - keys - sections, set())
        untold = {key for key in keys if key not in named and key.partition(".")[0] not in named}
        # Of a section that has single keys in the table, the others come with later features.
        begun = {name.partition(".")[0] for name in named if "." in name}
        self.assertEqual({key for key in untold if key.partition(".")[0] not in begun}, set())

    def test_options(self) -> None:
        """Every option of the table is one, and every option is in the README."""
        parsed = Options()
        known = {"--" + name.rstrip("=") for name in parsed.longOpt} - {"--help"}
        table = self.text.partition("| option |")[2].partition("\n\n")[0]
        named = set(re.findall(r"--[a-z][a-z-]*", table))
        self.assertEqual(named - known, set())
        self.assertEqual(known - named - {"--verbose"}, set())

    def test_places(self) -> None:
        """Every file and folder that it names is there."""
        for name in re.findall(r"`((?:flamenco_mgr|tests|bench|systemd)/[^`*]+)`", self.text):
            self.assertTrue((ROOT / name).exists(), name)
