"""Files are for their owner alone, whatever the umask is."""

import os
import stat
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.sqlite import SQLiteStore
from tests.threads import at_once


class ModeTests(SynchronousTestCase):
    def test_store(self) -> None:
        """A store that is made under an umask of 0, its log and lock as well, is nobody else's to read or write."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        directory = Path(self.mktemp()) / "db"
        store = SQLiteStore.open(directory, Clock(), at_once)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (directory, *directory.iterdir())}
        self.successResultOf(store.close())
        self.assertGreater(len(modes), 2)
        self.assertEqual({name: mode for name, mode in modes.items() if mode}, {})
