"""How long the demonstration's Workers need for their commands."""

import hashlib
from random import Random
from typing import Final

from attrs import frozen

from flamenco_mgr.demo.faulty_job import SIMULATION
from flamenco_mgr.demo.worker.answers import HandedCommand, HandedTask

_RENDERS: Final = {"blender_render", "blender_render_progressive", "blender_render_audio"}
_LONG_ONES: Final = 0.12

_RENDER: Final = (4.0, 16.0)
_LONG_RENDER: Final = (60.0, 80.0)
_SIMULATION: Final = (6.0, 12.0)
_ELSE: Final = (1.0, 4.0)


@frozen(kw_only=True)
class SeededDurations:
    """
    Seconds of the Worker's time for a command: always the same for the same task and seed.

    Some renders take much longer than the others, so that there is always somebody to be interrupted.
    """

    seed: int

    def __call__(self, task: HandedTask, command: HandedCommand) -> float:
        """Return the seconds."""
        if task.task_type == SIMULATION:
            return self._random(task.id).uniform(*_SIMULATION)
        if command.name not in _RENDERS:
            return self._random(task.id, command.name).uniform(*_ELSE)
        random = self._random(task.id)
        return random.uniform(*(_LONG_RENDER if self._is_long(random) else _RENDER))

    def is_long(self, task_id: str) -> bool:
        """Whether the renders of a task take long."""
        return self._is_long(self._random(task_id))

    def _is_long(self, random: Random) -> bool:
        return random.random() < _LONG_ONES

    def _random(self, *what: str) -> Random:
        return Random(hashlib.blake2b(repr((self.seed, *what)).encode(), digest_size=8).digest())
