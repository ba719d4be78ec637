"""Where the jobs and tasks are, and what is counted so that nobody needs to look at all of them."""

from collections.abc import Collection, Mapping
from typing import Any

from attrs import define, field

from flamenco_mgr.demo.standin.entries import StandInJob, StandInTask
from flamenco_mgr.demo.standin.instants import rfc_1123
from flamenco_mgr.demo.standin.statuses import TaskStatus


@define(eq=False, kw_only=True)
class Shelf:
    """All jobs and tasks by id, and ``cancelling``: the tasks that are ``cancel-requested``."""

    jobs: dict[str, StandInJob] = field(init=False, factory=dict)
    tasks: dict[str, StandInTask] = field(init=False, factory=dict)
    cancelling: dict[str, StandInTask] = field(init=False, factory=dict)

    def put(self, job: StandInJob, document: Mapping[str, Any], updated: int) -> None:
        """Add a task to a job."""
        task = StandInTask(document=document, updated=updated)
        self.jobs[job.id] = job
        self.tasks[task.id] = task
        job.tasks[task.id] = task
        job.counts[task.status] += 1
        job.newest = max(job.newest, updated)
        if task.status == TaskStatus.CANCEL_REQUESTED:
            self.cancelling[task.id] = task

    def replace(
        self,
        task: StandInTask,
        changes: Mapping[str, Any],
        *,
        without: Collection[str] = (),
        updated: int | None = None,
        etag: str | None = None,
    ) -> None:
        """Give a task a document with these changes and without these keys; its time and etag stay unless given."""
        before = task.status
        document = {**task.document, **changes}
        for key in without:
            document.pop(key, None)
        if etag is not None:
            document["_etag"] = etag
        if updated is not None:
            document["_updated"] = rfc_1123(updated)
            task.updated = updated
        task.document = document
        job = self.jobs.get(task.job)
        if job is not None:
            job.newest = max(job.newest, task.updated)
            job.counts[before] -= 1
            job.counts[task.status] += 1
        if task.status == TaskStatus.CANCEL_REQUESTED:
            self.cancelling[task.id] = task
        elif before == TaskStatus.CANCEL_REQUESTED:
            del self.cancelling[task.id]

    def remove_tasks(self, job: StandInJob) -> None:
        """Delete all tasks of a job."""
        for task_id in job.tasks:
            del self.tasks[task_id]
            self.cancelling.pop(task_id, None)
        job.tasks.clear()
        job.counts.clear()
