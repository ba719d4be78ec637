"""Files that workers say they wrote are kept for the latest image."""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from flamenco_mgr.domain.outputs import is_plain_image_path
from flamenco_mgr.domain.variables import WINDOWS, Audience, Variables
from flamenco_mgr.domain.workers import Worker

PLACES = 3


@define(eq=False, kw_only=True)
class OutputQueue:
    """
    Keeps the newest paths of written images, as this machine names them; a full queue drops its oldest.

    A path that waits already takes its new place: the file has been written again.
    """

    _log: ClassVar[Logger] = Logger()

    variables: Variables
    platform: str
    _waiting: deque[str] = field(init=False, factory=lambda: deque(maxlen=PLACES))
    _takers: "deque[Deferred[str]]" = field(init=False, factory=deque)

    def offer(self, worker: Worker, paths: Sequence[str]) -> None:
        """Take the paths that a worker names, as far as they are of images (worker-api.md 4.9, dashboard.md W18)."""
        for path in paths:
            here = self._here(path, worker.platform) if is_plain_image_path(path) else ""
            if not here:
                self._log.info(
                    "Output {path!r} of worker {worker} is no image file's path on this machine",
                    path=path[:200],
                    worker=worker.identifier,
                )
                continue
            self._log.debug("Worker {worker} wrote {path}", worker=worker.identifier, path=here)
            self._put(here)

    def take(self) -> "Deferred[str]":
        """Return the path that has waited longest, or the next one to come; whoever waits may be cancelled."""
        if self._waiting:
            return succeed(self._waiting.popleft())
        taker: Deferred[str] = Deferred(self._takers.remove)
        self._takers.append(taker)
        return taker

    def _put(self, path: str) -> None:
        if self._takers:
            self._takers.popleft().callback(path)
            return
        if path in self._waiting:
            self._waiting.remove(path)
        self._waiting.append(path)

    def _here(self, path: str, platform: str) -> str:
        """Return a path as it is on this machine; empty if it can be none here."""
        here = self.variables.translate_path(path, platform, self.platform, Audience.WORKERS)
        is_absolute = here.startswith("/") or self.platform == WINDOWS
        return here if is_absolute and is_plain_image_path(here) else ""
