"""How tasks come into being: compiled from a job's draft, or as they are in an answer of a Server."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flamenco_mgr.demo.standin.drafts import JobDraft
from flamenco_mgr.demo.standin.entries import StandInJob
from flamenco_mgr.demo.standin.instants import from_rfc_1123, rfc_1123
from flamenco_mgr.demo.standin.minting import Mint
from flamenco_mgr.demo.standin.statuses import JobStatus, TaskStatus

_BEGUN: Final[frozenset[str]] = frozenset({TaskStatus.ACTIVE, TaskStatus.SOFT_FAILED, TaskStatus.COMPLETED})


def compiled(draft: JobDraft, *, job: StandInJob, mint: Mint, updated: int) -> Iterator[Mapping[str, Any]]:
    """
    Yield the documents of a job's tasks, which get one common ``_updated`` (server-api.md 11.5).

    Commands are shared with the draft.
    """
    shared = {
        "job": job.id,
        "manager": job.manager,
        "user": mint.id(),
        "project": mint.id(),
        "job_type": draft.job_type,
        "job_priority": draft.priority,
        "status": TaskStatus.PAUSED.value if job.status is JobStatus.PAUSED else TaskStatus.QUEUED.value,
        "_created": rfc_1123(updated),
        "_updated": rfc_1123(updated),
    }
    ids = [mint.id() for _ in draft.tasks]
    for task_id, task in zip(ids, draft.tasks, strict=True):
        document = {
            **shared,
            "_id": task_id,
            "name": task.name,
            "task_type": task.task_type,
            "commands": task.commands,
            "priority": task.priority,
            "_etag": mint.etag_of_new(),
        }
        if task.parents:
            document["parents"] = [ids[place] for place in task.parents]
        yield document


def as_delivered(
    documents: Iterable[Mapping[str, Any]], *, newest: int | None
) -> Iterator[tuple[StandInJob, Mapping[str, Any], int]]:
    """
    Yield job, document and ``_updated`` of tasks that are taken from an answer; the jobs are made for them.

    ``newest`` is the ``_updated`` of the latest tasks to the millisecond, of which the documents have only the second.
    """
    jobs: dict[str, StandInJob] = {}
    for document in documents:
        job_id = document["job"]
        if job_id not in jobs:
            jobs[job_id] = StandInJob(
                id=job_id, name=f"job {job_id}", manager=document["manager"], status=JobStatus.QUEUED
            )
        if document["status"] in _BEGUN:
            jobs[job_id].status = JobStatus.ACTIVE
        updated = from_rfc_1123(document["_updated"])
        if newest is not None and updated == newest // 1000 * 1000:
            updated = newest
        yield jobs[job_id], document, updated
