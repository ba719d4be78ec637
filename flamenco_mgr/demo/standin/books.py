"""The Server's data and its rules: what users and Managers do to jobs and tasks (server-api.md 11)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from attrs import define, field

from flamenco_mgr.demo.standin.compiling import as_delivered, compiled
from flamenco_mgr.demo.standin.drafts import JobDraft
from flamenco_mgr.demo.standin.entries import StandInJob, StandInTask
from flamenco_mgr.demo.standin.instants import ServerTime
from flamenco_mgr.demo.standin.minting import Mint
from flamenco_mgr.demo.standin.record import Cause, Change, Record
from flamenco_mgr.demo.standin.shelf import Shelf
from flamenco_mgr.demo.standin.statuses import (
    LOG_CAN_BE_ASKED_FOR,
    STOPPED,
    STOPPING,
    WHEN_NEWER,
    JobStatus,
    TaskStatus,
    job_status_after,
)

_UNSUCCESSFUL: Final[frozenset[str]] = frozenset({TaskStatus.FAILED, TaskStatus.CANCELED})
_STOPPING_JOBS: Final[frozenset[str]] = frozenset({*STOPPING, JobStatus.FAILED})


class JobIsGone(Exception):
    """A task's status was changed, and then there was no job to follow it (server-api.md 5.3)."""


@define(eq=False, kw_only=True)
class Books:
    """
    All jobs and tasks of one Server, and of all its Managers; ``manager_id`` is the one that new jobs are for.

    ``wanted_logs`` has the (job, task) ids whose logs users wait for, and the Manager that is to send each;
    ``introductions`` what each Manager said of itself last. Unknown ids raise KeyError.
    """

    time: ServerTime
    mint: Mint
    record: Record
    manager_id: str
    wanted_logs: dict[tuple[str, str], str] = field(init=False, factory=dict)
    introductions: dict[str, dict[str, Any]] = field(init=False, factory=dict)
    _shelf: Shelf = field(init=False, factory=Shelf)

    def job(self, job_id: str) -> StandInJob:
        """Return a job."""
        return self._shelf.jobs[job_id]

    def jobs(self) -> Collection[StandInJob]:
        """Return all jobs, the oldest first."""
        return self._shelf.jobs.values()

    def task(self, task_id: str) -> StandInTask:
        """Return a task."""
        return self._shelf.tasks[task_id]

    def find_task(self, task_id: str) -> StandInTask | None:
        """Return a task, or None if there is none: its job may be archived."""
        return self._shelf.tasks.get(task_id)

    def tasks(self) -> Collection[StandInTask]:
        """Return all tasks, those of deleted jobs included."""
        return self._shelf.tasks.values()

    def to_cancel(self, manager_id: str) -> list[str]:
        """Return the ids of the Manager's tasks that are to be canceled."""
        return [task_id for task_id, task in self._shelf.cancelling.items() if task.manager == manager_id]

    def add_job(
        self, draft: JobDraft, *, manager: str | None = None, paused: bool = False, took: float = 0.0
    ) -> StandInJob:
        """
        Compile a job, which its Manager may fetch from now on unless it begins ``paused``.

        Its tasks have the ``_updated`` of ``took`` seconds ago: for so long a big job stays invisible after that
        (server-api.md 11.5).
        """
        job = StandInJob(
            id=self.mint.id(),
            name=draft.name,
            manager=self.manager_id if manager is None else manager,
            status=JobStatus.PAUSED if paused else JobStatus.QUEUED,
        )
        updated = self.time.now() - round(took * 1000)
        for document in compiled(draft, job=job, mint=self.mint, updated=updated):
            self._shelf.put(job, document, updated)
        return job

    def load(self, documents: Iterable[Mapping[str, Any]], *, newest: int | None = None) -> tuple[StandInJob, ...]:
        """
        Take in tasks as they are in an answer, ids, etags and statuses included, and return their jobs.

        ``newest`` is the ``_updated`` of the latest tasks to the millisecond, of which the documents have the second.
        """
        jobs = {}
        for job, document, updated in as_delivered(documents, newest=newest):
            jobs[job.id] = job
            self._shelf.put(job, document, updated)
        return tuple(jobs.values())

    def set_job_status(self, job_id: str, status: JobStatus) -> None:
        """Set a job's status, with all that this does to its tasks; the status that it has already does nothing."""
        self._become(self._shelf.jobs[job_id], status)

    def cancel_job(self, job_id: str) -> None:
        """Cancel a job: at once if no Manager has any of its tasks."""
        self.set_job_status(job_id, JobStatus.CANCEL_REQUESTED)

    def fail_job(self, job_id: str) -> None:
        """Declare a job failed: at once if no Manager has any of its tasks."""
        self.set_job_status(job_id, JobStatus.FAIL_REQUESTED)

    def requeue_job(self, job_id: str) -> None:
        """Have a job done again: all of a completed one, else what is not completed."""
        self.set_job_status(job_id, JobStatus.REQUEUED)

    def pause_job(self, job_id: str) -> None:
        """Give out no more of a job's tasks; those that a Manager has go on."""
        self.set_job_status(job_id, JobStatus.PAUSED)

    def archive_job(self, job_id: str) -> None:
        """Archive a job: its tasks are deleted."""
        self.set_job_status(job_id, JobStatus.ARCHIVING)

    def delete_job(self, job_id: str) -> None:
        """Delete a job but not its tasks, as the Server does (server-api.md 5.3)."""
        del self._shelf.jobs[job_id]

    def set_job_priority(self, job_id: str, priority: int) -> None:
        """Set the priority of a job on all its tasks, which get one common etag; the same priority changes nothing."""
        etag, now = self.mint.etag_of_update(), self.time.now()
        for task in self._shelf.jobs[job_id].tasks.values():
            if task.document["job_priority"] != priority:
                self._shelf.replace(task, {"job_priority": priority}, updated=now, etag=etag)

    def set_task_status(self, task_id: str, status: TaskStatus) -> None:
        """Set a task's status, and its time and etag even if it has that status already; its job follows a change."""
        task = self._shelf.tasks[task_id]
        before = task.status
        self._set([task], status, Cause.USER)
        if before != status:
            self._follow(task)

    def cancel_task(self, task_id: str) -> None:
        """Ask the Manager to cancel a task."""
        self.set_task_status(task_id, TaskStatus.CANCEL_REQUESTED)

    def requeue_task(self, task_id: str) -> None:
        """Have a task and all that depend on it done again."""
        task = self._shelf.tasks[task_id]
        children: defaultdict[str, list[StandInTask]] = defaultdict(list)
        for other in self._shelf.jobs[task.job].tasks.values():
            for parent in other.parents:
                children[parent].append(other)
        found = {task.id: task}
        waiting = [task]
        while waiting:
            for child in children[waiting.pop().id]:
                if child.id not in found:
                    found[child.id] = child
                    waiting.append(child)
        self._set(found.values(), TaskStatus.QUEUED, Cause.USER, without=("failed_by_workers",))
        self._follow(task)

    def request_log(self, job_id: str, task_id: str) -> None:
        """Ask for a task's log; raises ValueError for a task whose status forbids it (server-api.md 7)."""
        task = self._shelf.tasks[task_id]
        if task.status not in LOG_CAN_BE_ASKED_FOR:
            raise ValueError(f"nobody can ask for the log of a task that is {task.status}")
        self.wanted_logs[job_id, task_id] = task.manager

    def drop_log_requests(self, task_id: str) -> None:
        """Forget who waits for a task's log: it has come, or never will."""
        for pair in [pair for pair in self.wanted_logs if pair[1] == task_id]:
            del self.wanted_logs[pair]

    def fail_hopeless_jobs(self) -> None:
        """Do the Server's periodic check: an active job fails when a task can't run because of a parent."""
        for job in self._shelf.jobs.values():
            if job.status is JobStatus.ACTIVE and any(self._is_hopeless(task) for task in job.tasks.values()):
                self._become(job, JobStatus.FAIL_REQUESTED)

    def _is_hopeless(self, task: StandInTask) -> bool:
        parents = (self._shelf.tasks.get(parent) for parent in task.parents)
        return task.status in WHEN_NEWER and any(parent and parent.status in _UNSUCCESSFUL for parent in parents)

    def claim(self, tasks: Iterable[StandInTask]) -> None:
        """Note that their Manager gets these tasks: queued ones are claimed, without a new etag (server-api.md 3.3)."""
        for task in tasks:
            if task.status == TaskStatus.QUEUED:
                self._shelf.replace(task, {"status": TaskStatus.CLAIMED.value}, without=("log_file",))

    def note_log(self, task: StandInTask, file_path: str) -> bool:
        """Note that a task's log has come, and return whether it is the first since the task was claimed."""
        first = "log_file" not in task.document
        self._shelf.replace(task, {"log_file": {"backend": "stand-in", "file_path": file_path}})
        return first

    def apply(self, task: StandInTask, changes: Mapping[str, Any], *, updated: int, update_id: str) -> None:
        """
        Apply an update: the task gets its time and a new etag, and the job follows if the status changed.

        Raises JobIsGone if there is no job to follow; the task is then changed nevertheless.
        """
        before = task.status
        self._shelf.replace(task, changes, updated=updated, etag=self.mint.etag_of_update())
        if task.status != before:
            self._record(task, Cause.UPDATE, update_id)
            self._follow(task)

    def _set(
        self, tasks: Iterable[StandInTask], status: TaskStatus, cause: Cause, *, without: Collection[str] = ()
    ) -> None:
        etag, now = self.mint.etag_of_status(), self.time.now()
        for task in tasks:
            before = task.status
            self._shelf.replace(task, {"status": status.value}, without=without, updated=now, etag=etag)
            if before != status:
                self._record(task, cause)

    def _record(self, task: StandInTask, cause: Cause, update_id: str = "") -> None:
        change = Change(at=self.time.now(), status=task.status, cause=cause, update_id=update_id)
        self.record.changes[task.id].append(change)

    def _follow(self, task: StandInTask) -> None:
        job = self._shelf.jobs.get(task.job)
        if job is None:
            raise JobIsGone(task.job)
        self._become(job, job_status_after(task.status, job.status, job.counts, len(job.tasks)))

    def _become(self, job: StandInJob, status: JobStatus) -> None:
        before, job.status = job.status, status
        if before is status:
            return
        if status in _STOPPING_JOBS:
            self._stop(job)
        elif status is JobStatus.REQUEUED:
            self._requeue(job, completed_too=before is JobStatus.COMPLETED)
        elif status is JobStatus.ARCHIVING:
            self._shelf.remove_tasks(job)
            job.status = JobStatus.ARCHIVED

    def _stop(self, job: StandInJob) -> None:
        stopped: defaultdict[TaskStatus, list[StandInTask]] = defaultdict(list)
        for task in job.tasks.values():
            if task.status in STOPPED:
                stopped[STOPPED[task.status]].append(task)
        for status, tasks in stopped.items():
            self._set(tasks, status, Cause.JOB)
            for task in tasks:
                if not task.document.get("activity"):
                    self._shelf.replace(task, {"activity": f"Stopped by the Server, the job is {job.status}"})
        if not stopped[TaskStatus.CANCEL_REQUESTED]:
            job.status = STOPPING.get(job.status, job.status)

    def _requeue(self, job: StandInJob, *, completed_too: bool) -> None:
        kept = {TaskStatus.CANCEL_REQUESTED} if completed_too else {TaskStatus.CANCEL_REQUESTED, TaskStatus.COMPLETED}
        again = [task for task in job.tasks.values() if task.status not in kept]
        self._set(again, TaskStatus.QUEUED, Cause.JOB, without=("failed_by_workers",))
        done = job.counts[TaskStatus.COMPLETED] == len(job.tasks)
        job.status = JobStatus.COMPLETED if done else JobStatus.QUEUED
