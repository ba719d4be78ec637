"""The job of the demonstration that cannot be done in all its parts, nor by everybody."""

from collections.abc import Mapping
from typing import Any, Final

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft

SIMULATION: Final = "simulation"
"""The job's only task type; no other job has it."""

_PARTS: Final = 24
"""With so many, a part that fails is less than the Server lets a job fail for (server-api.md 11.3)."""

_PRIORITY: Final = 70
"""Above the other jobs', so that failures come first."""


def simulation_job() -> JobDraft:
    """Return a job that simulates part by part; somebody forgot what to do in the first, which no Worker can run."""
    tasks = [_part("simulate-1", {}), *(_part(f"simulate-{n}", {"cmd": f"simulate {n}"}) for n in range(2, _PARTS + 1))]
    return JobDraft(name=f"simulate smoke in {_PARTS} parts", job_type="simulate", tasks=tasks, priority=_PRIORITY)


def is_faulty(draft: JobDraft) -> bool:
    """Whether a job is that one."""
    return any(task.task_type == SIMULATION for task in draft.tasks)


def _part(name: str, settings: Mapping[str, Any]) -> TaskDraft:
    return TaskDraft(name=name, task_type=SIMULATION, commands=[{"name": "exec", "settings": settings}])
