"""Where a task's log is, and how old ones move out of the way (task-lifecycle.md 11)."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(.+)\.([+-]?[0-9]+)\Z", re.DOTALL)
_NO_NUMBER = -1


def log_path(job: str, task: str) -> str:
    """Return where a task's log is, below the directory of all logs."""
    return f"job-{job[:4]}/{job}/task-{task}.txt"


def numbered(name: str) -> tuple[str, int]:
    """Split a file name into its base and the number behind its last dot: -1 and the whole name if there is none."""
    match = _NUMBER.match(name)
    return (match[1], int(match[2])) if match else (name, _NO_NUMBER)


def rotation(name: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """
    Return the renames, in order, that free ``name`` in a directory that holds ``names``.

    Every ``name.*`` moves up by one, the highest number first; holes stay holes; ``name`` becomes ``name.1``.
    """
    siblings = [(*numbered(other), other) for other in names if other.startswith(f"{name}.")]
    siblings.sort(key=lambda sibling: sibling[1], reverse=True)
    return [*((old, f"{base}.{number + 1}") for base, number, old in siblings), (name, f"{name}.1")]
