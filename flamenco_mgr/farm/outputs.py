"""Files that workers say they wrote are kept for the latest image."""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from attrs import define, field
from twisted.logger import Logger

from flamenco_mgr.domain.outputs import is_plain_image_path
from flamenco_mgr.domain.variables import Audience, Variables
from flamenco_mgr.domain.workers import Worker

PLACES = 3


@define(eq=False, kw_only=True)
class OutputQueue:
    """Keeps the newest paths of written images, as this machine names them; a full queue drops its oldest."""

    _log: ClassVar[Logger] = Logger()

    variables: Variables
    platform: str
    waiting: deque[str] = field(init=False, factory=lambda: deque(maxlen=PLACES))

    def offer(self, worker: Worker, paths: Sequence[str]) -> None:
        """Take the paths that a worker names, as far as they are of images (worker-api.md 4.9)."""
        for path in paths:
            if not is_plain_image_path(path):
                self._log.info(
                    "Output {path!r} of worker {worker} is no image file's path",
                    path=path[:200],
                    worker=worker.identifier,
                )
                continue
            here = self.variables.translate_path(path, worker.platform, self.platform, Audience.WORKERS)
            self._log.debug("Worker {worker} wrote {path}", worker=worker.identifier, path=here)
            self.waiting.append(here)
