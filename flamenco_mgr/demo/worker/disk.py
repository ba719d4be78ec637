"""What outlives the death of a worker process."""

from collections import deque

from attrs import define, field, frozen


@frozen(kw_only=True)
class WaitingUpdate:
    """An update as it will be sent, to the task that was the worker's when it was made."""

    task_id: str
    task_status: str | None
    body: bytes


@define(eq=False, kw_only=True)
class WorkerDisk:
    """
    The files of a worker's machine: its credentials and the updates it has not got rid of, oldest first.

    A worker that has not registered has an empty id.
    """

    worker_id: str = ""
    secret: str = ""
    updates: deque[WaitingUpdate] = field(factory=deque)
