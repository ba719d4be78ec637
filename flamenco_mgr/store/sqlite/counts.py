"""
How many tasks there are, as operations on the connection.

Whoever adds, changes or removes tasks says so here in the same transaction, so that no crash can make the numbers
wrong. The sums over all jobs follow by triggers.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from flamenco_mgr.domain.tasks import Task

Kind = tuple[str, str, str]
"""What is counted together: tasks of a job, a status and a task type."""

_MORE = """
    INSERT INTO counts (job, status, task_type, tasks) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks
"""
_FEWER = "UPDATE counts SET tasks = tasks - ?4 WHERE job = ?1 AND status = ?2 AND task_type = ?3"
_SWEEP = "DELETE FROM counts WHERE job = ? AND tasks = 0"
_TOTALS = "SELECT status, tasks FROM totals WHERE tasks > 0"
_OF_JOB = "SELECT status, task_type, tasks FROM counts WHERE job = ? AND tasks <> 0"
_TRUE_OF_JOB = """
    SELECT status, task_type, count(*) FROM tasks INDEXED BY tasks_of_job WHERE job = ? GROUP BY status, task_type
"""
_NEXT_JOB = """
    SELECT min(job) FROM (
        SELECT * FROM (SELECT job FROM tasks INDEXED BY tasks_of_job WHERE job > ?1 ORDER BY job LIMIT 1)
        UNION ALL
        SELECT * FROM (SELECT job FROM counts WHERE job > ?1 ORDER BY job LIMIT 1)
    )
"""


def kind(task: Task) -> Kind:
    """Return what a task is counted as."""
    return (task.job, task.status, task.task_type)


def moved(connection: sqlite3.Connection, moves: Iterable[tuple[Kind, Kind]]) -> None:
    """Count tasks as what each has become, instead of what it was."""
    differences = Counter[Kind]()
    for was, is_now in moves:
        differences[is_now] += 1
        differences[was] -= 1
    connection.executemany(_MORE, [(*which, more) for which, more in differences.items() if more > 0])
    connection.executemany(_FEWER, [(*which, -less) for which, less in differences.items() if less < 0])


def book(connection: sqlite3.Connection, differences: Mapping[Kind, int]) -> None:
    """Count so many more tasks of each kind, or fewer for a negative number; of jobs that are gone nothing stays."""
    connection.executemany(_MORE, [(*which, more) for which, more in differences.items() if more > 0])
    fewer = [(*which, -less) for which, less in differences.items() if less < 0]
    connection.executemany(_FEWER, fewer)
    connection.executemany(_SWEEP, {(job,) for job, *_ in fewer})


def totals(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return how many tasks there are by status."""
    return dict(connection.execute(_TOTALS).fetchall())


def wrong(connection: sqlite3.Connection, job: str) -> Mapping[Kind, int]:
    """Look at all tasks of a job, and return by how many the numbers that are kept of it are too low."""
    true = {(job, *which): tasks for *which, tasks in connection.execute(_TRUE_OF_JOB, (job,))}
    kept = {(job, *which): tasks for *which, tasks in connection.execute(_OF_JOB, (job,))}
    differences = {which: true.get(which, 0) - kept.get(which, 0) for which in (*true, *kept)}
    return {which: difference for which, difference in differences.items() if difference}


def jobs(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield every job that has tasks, or numbers of tasks: a look at `wrong` of each in turn is a full check."""
    job = connection.execute(_NEXT_JOB, ("",)).fetchone()[0]
    while job is not None:
        yield job
        job = connection.execute(_NEXT_JOB, (job,)).fetchone()[0]
