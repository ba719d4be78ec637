"""Jobs as users send them in, by chance."""

from collections.abc import Set as AbstractSet
from random import Random
from typing import Final

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft

_COMMANDS: Final = ({"name": "sleep", "settings": {"time_in_seconds": 5}},)
_KINDS: Final = ("sleep", "sleep", "echo", "log")
_WITH_PARENTS: Final = 0.3


def a_job(chance: Random, size: int, types: AbstractSet[str]) -> JobDraft:
    """Return a job of so many tasks, of types that somebody can do; some of them wait for one or two others."""
    tasks: list[TaskDraft] = []
    for number in range(size):
        kind = chance.choice(_KINDS)
        kind = kind if kind in types else "sleep"
        parents: tuple[int, ...] = ()
        if number > 1 and chance.random() < _WITH_PARENTS:
            parents = tuple(chance.sample(range(number), k=chance.choice((1, 1, 2))))
        tasks.append(TaskDraft(name=f"{kind}-{number}", task_type=kind, commands=_COMMANDS, parents=parents))
    return JobDraft(name="a job", job_type="sleep", tasks=tasks, priority=chance.randint(20, 80))
