"""Managers that share a store must share the directory of the task logs as well (design.md 3.6)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from attrs import define, field
from twisted.logger import Logger

from flamenco_mgr.folders import make_folders
from flamenco_mgr.store.interfaces import IFarmMark, StoreUnavailable
from flamenco_mgr.threads import InThread

MARKER = ".flamenco-farm"
"""The file in ``task_logs_path`` that has the farm's mark."""

_LONGEST = 100


@define(eq=False, kw_only=True)
class SharedLogs:
    """
    Compares the mark in the directory with the farm's in the store.

    The first Manager of a farm marks its directory; another directory has no mark, or another farm's. Then people are
    told, when it is found out and when it is in order again: a task's log would be in pieces, on several machines.
    ``is_ours``: when it was last looked at, the directory was the farm's.
    """

    _log: ClassVar[Logger] = Logger()

    mark: IFarmMark
    directory: Path
    in_thread: InThread
    new_value: Callable[[], str]
    _trouble: str = field(init=False, default="")
    is_ours: bool = field(init=False, default=False)

    async def look(self) -> None:
        """Compare; a store that cannot answer is asked again the next time."""
        try:
            self._tell(await self._compared())
        except StoreUnavailable as e:
            self._log.debug("Whether {directory} is shared is not known: {e}", directory=self.directory, e=str(e))
        except OSError as e:
            self._tell(f"nobody can tell whether it is shared, as {MARKER} in it cannot be read or written: {e}")

    async def _compared(self) -> str:
        path = self.directory / MARKER
        here = await self.in_thread(lambda: _read(path))
        farms = await self.mark.value(here)
        if farms is None:  # no directory has been marked yet
            value = self.new_value()
            here = await self.in_thread(lambda: _made(path, value))
            farms = await self.mark.value(here)
        if here == farms and here is not None:
            return ""
        marked = f"is marked with {here}" if here else "has no mark"
        return (
            f"it {marked}, and the directory of the other Managers of this database is marked with {farms}. Task logs "
            "are scattered as long as task_logs_path is not one shared directory. If this is the right one, moved or "
            f"emptied, mark it: echo {farms} > {path}"
        )

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log.error("task_logs_path {directory}: {trouble}", directory=self.directory, trouble=trouble)
        elif self._trouble and not trouble:
            self._log.info("task_logs_path {directory} is the farm's", directory=self.directory)
        self._trouble = trouble
        self.is_ours = not trouble


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace").strip() or None
    except FileNotFoundError:
        return None


def _made(path: Path, value: str) -> str | None:
    """Mark the directory, as a whole and once, and return the mark that it has: somebody may have been faster."""
    make_folders(path.parent)
    draft = path.with_name(f"{path.name}-{value}")
    try:
        draft.touch(mode=0o644)
        draft.write_text(f"{value}\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return _read(path)
    finally:
        draft.unlink(missing_ok=True)
    return value
