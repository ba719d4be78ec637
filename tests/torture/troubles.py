"""What may happen to a farm of whole processes; each trouble leaves its Managers running or dead, and counts."""

import http.client
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from flamenco_mgr.storekeeping import embedded
from flamenco_mgr.storekeeping.trouble import BadBackup
from tests.torture.ageing import age
from tests.torture.clock_jump import JumpingClock
from tests.torture.farm import STOPPED_FOR, Farm, Wrong
from tests.torture.lives import TwistdLives, wait_until
from tests.torture.talk import CHECKOUT

_START: Final = 180.0
"""Seconds in which a Manager must serve; the machine may be frozen for a part of them."""

_HOUR: Final = 3600


@define(eq=False, kw_only=True)
class Troubles:
    """Makes trouble on a farm; ``done`` counts it."""

    farm: Farm
    lives: Sequence[TwistdLives]
    clock: JumpingClock
    done: Counter[str]
    _starting: float = field(init=False, default=1.5)

    @property
    def chance(self) -> Random:
        """What decides."""
        return self.farm.chance

    def table(self) -> Mapping[Callable[[], None], int]:
        """Return what may happen, with how often it does."""
        embedded_only: Mapping[Callable[[], None], int] = {
            self.disk_full: 4,
            self.second_manager: 2,
            self.backup: 4,
            self.migrated: 1,
            self.upgraded: 3,
        }
        return {
            self.killed: 40,
            self.killed_at_start: 25,
            self.killed_in_log: 8,
            self.server_killed: 8,
            self.descriptors: 3,
            self.clock_jumps: 4,
            self.worker_dies: 3,
            **(embedded_only if "database_path" in self.farm.database else {}),
        }

    def happen(self) -> None:
        """Let something happen, by chance."""
        table = self.table()
        (trouble,) = self.chance.choices(list(table), list(table.values()))
        trouble()

    def killed(self) -> None:
        """Kill a Manager that serves."""
        number = self._serving()
        sleep(self.chance.uniform(0.0, 1.0))
        self._kill(number)

    def killed_at_start(self) -> None:
        """Kill a Manager while it starts."""
        number = self.chance.randrange(len(self.lives))
        self._end(number)
        self.lives[number].start()
        sleep(self.chance.uniform(0.0, self._starting))
        self._count("while a Manager started")
        self._kill(number)

    def killed_in_log(self) -> None:
        """Kill a Manager soon after a user wanted a log, or a task done again, whose log is then moved aside."""
        number, what = self._serving(), self.chance.choice(["log", "requeue", "cancel"])
        if self.farm.server.ask("act", what):
            self._count(f"soon after a user's {what}")
        sleep(self.chance.uniform(0.0, 1.2))
        self._kill(number)

    def server_killed(self) -> None:
        """Kill the Server, and start it a little later."""
        self._serving()
        self.farm.server.kill()
        self._count("SIGKILL of the Server")
        sleep(self.chance.uniform(0.0, 1.0))
        self.farm.server.start()

    def paused(self) -> None:
        """Pause a Manager, and then the Server, for longer than any time limit."""
        number = self._serving()
        self.lives[number].send(signal.SIGSTOP)
        sleep(STOPPED_FOR)
        self.lives[number].send(signal.SIGCONT)
        self._count("SIGSTOP of a Manager")
        self._serving()
        self.farm.server.send(signal.SIGSTOP)
        sleep(STOPPED_FOR)
        self.farm.server.send(signal.SIGCONT)
        self._count("SIGSTOP of the Server")

    def disk_full(self) -> None:
        """Let no file of the Manager grow for a while; kill it, or let it go on."""
        number = self._serving()
        wal = self.farm.directory / "db" / "flamenco.sqlite3-wal"
        size = wal.stat().st_size if wal.exists() else 0
        self._limited(number, resource.RLIMIT_FSIZE, size + self.chance.choice([0, 0, 4096, 65536]))
        self._count("disk full")

    def descriptors(self) -> None:
        """Let a Manager open nothing more for a while; kill it, or let it go on."""
        number = self._serving()
        pid = self.lives[number].pid
        used = max(int(descriptor.name) for descriptor in Path(f"/proc/{pid}/fd").iterdir())
        self._limited(number, resource.RLIMIT_NOFILE, used + 1 + self.chance.randrange(3))
        self._count("descriptors exhausted")

    def clock_jumps(self) -> None:
        """Set the clock of the Managers by an hour, and back a little later or when they are dead."""
        if not self.clock.can_jump:
            return
        number = self._serving()
        self.clock.set(self.chance.choice([_HOUR, -_HOUR, 24 * _HOUR, -60]))
        sleep(self.chance.uniform(0.2, 1.5))
        self._count("clock jumps")
        if self.chance.random() < 0.5:
            self._kill(number)
            self.lives[number].start()
            self._serve(number)
            sleep(self.chance.uniform(0.0, 1.0))
            self._kill(number)
        self.clock.set(0)

    def worker_dies(self) -> None:
        """Have a Worker die and come back."""
        self.chance.choice(self.farm.workforce).ask("replace", self.chance.randrange(100))
        self._count("deaths of a Worker")

    def second_manager(self) -> None:
        """Start another Manager on the same directory, which must be refused, while the first is killed or not."""
        _ = self._serving()
        second = TwistdLives(directory=self.farm.home(1), name="second")
        second.start()
        self._count("second Managers refused")
        if not wait_until(lambda: second.ended() is not None, _START):
            second.kill()
            raise Wrong("a second Manager on the same directory goes on")
        if second.ended() != "with status 1":
            raise Wrong(f"a second Manager on the same directory ended {second.ended()}")

    def backup(self) -> None:
        """Kill a backup that is being made, or the Manager meanwhile; a file that has its name then is whole."""
        number = self._serving()
        path = self.farm.directory / f"backup-{self.done['backups']}.sqlite3"
        self._count("backups")
        process = self._command("--config", str(self.farm.home() / "manager.yaml"), "backup", str(path))
        sleep(self.chance.uniform(0.2, 1.5))
        if self.chance.random() < 0.6:
            process.kill()
            self._count("SIGKILL of a command")
            self._count("backups killed")
        else:
            self._kill(number)
        process.wait()
        if path.exists():
            try:
                embedded.check(path)
            except BadBackup as e:
                raise Wrong(f"a backup is not whole: {e}") from e
            path.unlink()
            self._count("backups that were whole")

    def migrated(self) -> None:
        """Move to another store, in the midst of which the program is killed, until it comes to its end."""
        self._end(0)
        source, target = self.farm.directory / "db", self.farm.directory / "db-new"
        words = ("migrate", "--from", f"sqlite:{source}", "--to", f"sqlite:{target}")
        for _ in range(2):
            process = self._command(*words)
            sleep(self.chance.uniform(0.3, 1.2))
            if process.poll() is None:
                process.kill()
                self._count("SIGKILL of a command")
                self._count("migrations killed")
            if process.wait() == 0:
                break
        else:
            process = self._command(*words)
        if process.wait():
            raise Wrong(f"a migration ended with {process.returncode}; see {self.farm.directory}/commands.log")
        source.rename(self.farm.directory / f"db-{self.done['migrations']}")
        target.rename(source)
        self._count("migrations")

    def upgraded(self) -> None:
        """Make the store one of version 1, and kill Managers that bring it up to date."""
        self._end(0)
        age(self.farm.directory / "db")
        for _ in range(2):
            self.lives[0].start()
            sleep(self.chance.uniform(0.5, 1.0) * self._starting)
            self._kill(0)
            self._count("while a store was brought up to date, or before")
        self._serve(0, start=True)
        self._count("upgrades")

    def serve_all(self) -> None:
        """Have all Managers run and serve."""
        for number in range(len(self.lives)):
            self._serve(number, start=True)

    def _limited(self, number: int, what: int, soft: int) -> None:
        self.lives[number].limit(what, soft)
        sleep(self.chance.uniform(0.3, 2.0))
        self._still(number)
        if self.chance.random() < 0.5:
            self._kill(number)
        else:
            self.lives[number].limit(what, -1)

    def _command(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self.farm.directory / "commands.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "flamenco_mgr.cli", *words],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _serving(self) -> int:
        """Return a Manager by chance, when it serves."""
        number = self.chance.randrange(len(self.lives))
        self._serve(number, start=True)
        return number

    def _serve(self, number: int, *, start: bool = False) -> None:
        if start and self.lives[number].pid is None:
            self.lives[number].start()
            began = monotonic()
        else:
            began = 0.0
        if not wait_until(lambda: self._still(number) and answers(self.farm.urls[number]), _START, 0.02):
            raise Wrong(f"Manager {number + 1} does not serve; see {self._log(number)}")
        if began:
            self._starting += (min(monotonic() - began, 6.0) - self._starting) / 5

    def _still(self, number: int) -> bool:
        how = self.lives[number].ended()
        if how is not None:
            raise Wrong(f"Manager {number + 1} has ended by itself, {how}; see {self._log(number)}")
        return True

    def _kill(self, number: int) -> None:
        self._still(number)
        self._end(number)

    def _end(self, number: int) -> None:
        if self.lives[number].pid is not None:
            self.lives[number].kill()
            self._count("SIGKILL of a twistd Manager")

    def _log(self, number: int) -> Path:
        return self.farm.home(number + 1) / "manager.log"

    def _count(self, what: str) -> None:
        self.done[what] += 1


def answers(url: str) -> bool:
    """Whether a Manager serves its Workers."""
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            connection.request("GET", "/may-i-run/5e6a2b7d9d3b4a0017c0a001")
            return connection.getresponse().status != http.HTTPStatus.SERVICE_UNAVAILABLE
        finally:
            connection.close()
    return False
