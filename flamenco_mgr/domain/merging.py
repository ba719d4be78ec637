"""The Server's copy of a task meets ours (server-api.md 17.3)."""

from attrs import evolve

from flamenco_mgr.domain.tasks import Task, TaskStatus


def taken_in(server: Task, *, now: float) -> Task:
    """Return a task that was not here before."""
    return evolve(
        server,
        last_updated=now,
        cancel_requested_at=now if server.status == TaskStatus.CANCEL_REQUESTED else None,
    )


def merged(local: Task, server: Task, *, local_is_newer: bool, now: float) -> Task:
    """
    Merge the Server's copy of a task into ours.

    ``local_is_newer``: the Server has not heard everything that happened here (updates wait), or had not when it wrote
    its copy. Then only what the Server alone decides is taken; else the Server's status counts, for an active task
    too: a user may have requeued it.
    """
    plan = evolve(
        local,
        name=server.name,
        priority=server.priority,
        job_priority=server.job_priority,
        job_type=server.job_type,
        task_type=server.task_type,
        parents=server.parents,
        etag=server.etag or local.etag,
        job=server.job,
        manager=server.manager,
        project=server.project,
        user=server.user,
    )
    if local_is_newer:
        return plan
    taken = evolve(plan, log=server.log, failed_by=server.failed_by)
    if server.status == local.status:
        return taken
    return evolve(
        taken,
        status=server.status,
        activity=server.activity,
        timing=server.timing,
        progress=None,
        last_updated=now,
        cancel_requested_at=now if server.status == TaskStatus.CANCEL_REQUESTED else None,
    )


def gone(local: Task, *, now: float) -> Task:
    """Return a task that the Server no longer has: cancelled here, and the Server need not hear of it."""
    return evolve(local, status=TaskStatus.CANCELED.value, last_updated=now, cancel_requested_at=None)
