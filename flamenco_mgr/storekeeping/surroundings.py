"""What a Manager stands on is examined: files and who may see them, disks, the Server's clock."""

import http.client
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

from flamenco_mgr.settings import Settings
from flamenco_mgr.storekeeping.findings import Finding, Topic, damage, warning
from flamenco_mgr.storekeeping.stores import Embedded, Store

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_LITTLE: Final = 1 << 30
"""Bytes that should be free at least."""

_SHARE: Final = 0.05
"""Of a disk that should be free at least, up to ten times `_LITTLE`."""

_OFF: Final = 5.0
"""Seconds by which the clocks may differ."""

_SERVER_HAS: Final = 5.0
"""Seconds to answer."""


@frozen(kw_only=True)
class Surroundings:
    """What is around a Manager; ``config`` is its configuration file."""

    config: Path
    settings: Settings
    store: Store
    now: Callable[[], float] = field(default=time.time)

    def examine(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        yield from self._modes()
        yield from self._logs()
        yield from self._disks()
        yield from self._server()

    def open_to_others(self) -> Iterator[Path]:
        """Yield files and directories that others than their owner have access to, though secrets are in them."""
        private = [self.config]
        if isinstance(self.store, Embedded):
            beside = sorted(self.store.directory.glob(f"{self.store.path.name}*")) if _is_there(self.store) else []
            private += [self.store.directory, *beside]
        for path in private:
            try:
                mode = path.stat().st_mode
            except OSError:
                continue
            if mode & _OTHERS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                yield path

    def close_to_others(self) -> None:
        """Take that access from others, as far as it is ours to do so."""
        for path in self.open_to_others():
            with suppress(OSError):
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)

    def _modes(self) -> Iterator[Finding]:
        for path in self.open_to_others():
            mode = "700" if path.is_dir() else "600"
            text = f"Others than its owner have access to {path}, where secrets are."
            yield warning(Topic.MODES, str(path), text, f"chmod {mode} {path}, or doctor --repair.", mendable=True)

    def _logs(self) -> Iterator[Finding]:
        logs = self.settings.task_logs_path
        try:
            found = logs.stat()
        except FileNotFoundError:
            text = f"The directory for task logs, {logs}, is not there yet."
            yield warning(Topic.LOGS, "missing", text, "It is made when the first line is written, if that is allowed.")
            return
        except OSError as e:
            text = f"The directory for task logs, {logs}, cannot be reached: {e.strerror}."
            yield damage(Topic.LOGS, "unreachable", text, "Logs of tasks are not kept: see to task_logs_path.")
            return
        if not stat.S_ISDIR(found.st_mode):
            text = f"{logs}, where task logs should be, is no directory."
            yield damage(Topic.LOGS, "no directory", text, "Move it away, or set another task_logs_path.")
        elif not os.access(logs, os.W_OK | os.X_OK):
            text = f"The directory for task logs, {logs}, cannot be written to by this user."
            yield damage(Topic.LOGS, "not writable", text, "Give it to the user of the Manager (chown).")
        elif (owner := self._owner()) is not None and found.st_uid != owner:
            text = f"The directory for task logs, {logs}, belongs to user {found.st_uid}, and the store to {owner}."
            advice = "See that the Manager may write to it, or give it to the Manager's user (chown)."
            yield warning(Topic.LOGS, "foreign", text, advice)

    def _owner(self) -> int | None:
        if not isinstance(self.store, Embedded) or not _is_there(self.store):
            return None
        return self.store.path.stat().st_uid

    def _disks(self) -> Iterator[Finding]:
        wanted = {"task logs": self.settings.task_logs_path}
        if isinstance(self.store, Embedded):
            wanted["the store"] = self.store.directory
        for what, path in wanted.items():
            there = next((one for one in (path, *path.parents) if one.exists()), None)
            if there is None:
                continue
            disk = shutil.disk_usage(there)
            if disk.free < max(_LITTLE, min(_SHARE * disk.total, 10 * _LITTLE)):
                text = f"The disk of {what} ({there}) has {disk.free / (1 << 20):,.0f} MiB free."
                yield warning(Topic.DISK, what, text, "When it is full, Workers are refused: make room.")

    def _server(self) -> Iterator[Finding]:
        if not self.settings.manager_id:
            text = "The Manager is not linked to a Flamenco Server: manager_id is not set."
            yield warning(Topic.CONFIGURATION, "manager_id", text, "Workers only get what is in the store.")
            return
        asked = self.now()
        try:
            date = _date_of(self.settings.flamenco)
        except (OSError, http.client.HTTPException) as e:
            why = (e.strerror if isinstance(e, OSError) else None) or e
            text = f"The Server {self.settings.flamenco} cannot be reached: {why}."
            yield warning(Topic.SERVER, "unreachable", text, "Updates wait until it is back.")
            return
        answered = self.now()
        if date is None:
            return
        off = max(date - answered, asked - date - 1.0)  # Date has whole seconds
        if off > _OFF:
            text = f"The clock of the Server and this machine's differ by {off:.0f} seconds."
            yield warning(
                Topic.SERVER, "clock", text, "Let both follow a time server; the Manager corrects what it tells."
            )


def _is_there(store: Embedded) -> bool:
    try:
        return store.path.exists()
    except OSError:
        return False


def _date_of(url: str) -> float | None:
    """Return the time at which a server answers, in seconds since 1970; None if it does not say."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=_SERVER_HAS)) as connection:
        connection.request("HEAD", parts.path or "/")
        date = connection.getresponse().getheader("Date")
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
