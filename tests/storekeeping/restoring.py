"""Tests that restore, also in processes that are killed midway."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.restore import Restored, restore
from flamenco_mgr.storekeeping.stores import Store
from tests.storekeeping.case import NOW, StorekeepingCase

STEPS = "tests.storekeeping.killed"


class RestoreCase(StorekeepingCase):
    def restore(self, store: Store, path: Path) -> Restored:
        return restore(store, path, now=NOW, progress=Silent())

    def killed_after(self, steps: int, *arguments: str) -> int:
        """Do something in a process that kills itself after so many steps; return with what it ended."""
        command = [sys.executable, "-m", STEPS, *arguments[:1], str(steps), *arguments[1:]]
        checkout = Path(__file__).parents[2]
        done = subprocess.run(command, capture_output=True, check=False, cwd=checkout)
        self.assertEqual(done.stderr, b"")
        return done.returncode

    def kept_in(self, directory: Path) -> list[Path]:
        return sorted(one for one in directory.iterdir() if ".before-" in one.name)


def renew(settings: Any, done: threading.Event) -> None:
    """Renew the lease, as a Manager does that runs, until told to be done."""
    while not done.wait(0.2):
        settings.update_one({"_id": "lease"}, {"$inc": {"renewals": 1}})
