"""What Workers send: the mix of requests, with every byte prepared that can be."""

import base64
import json
import random
from collections.abc import Iterator
from enum import Enum

from attrs import frozen


class Kind(str, Enum):
    """The requests of the mix."""

    TASK = "task"
    PROGRESS = "progress"
    MAY_I_RUN = "may-i-run"
    COMPLETION = "completion"


CYCLES = ((5, 6), (5, 6), (5, 6), (4, 5))
"""
Progress updates and may-i-run questions between a task's beginning and end.

Of the 50 requests of these four tasks 8 % ask for a task, 8 % complete one, 38 % report and 46 % ask whether to go on.
"""

LOG_EVERY = 4
"""Every so-manieth progress update brings lines of a log, as does every completion."""

LOG_LINES = 5


_NUMBER = b"<number>"
_LOG_LINE = b"2020-03-12T10:11:12.345678+00:00: Fra:1 Mem:213.16M | Sample "


def _report(activity: str, status: str, percentage: int) -> bytes:
    return json.dumps(
        {
            "activity": activity,
            "current_command_idx": 1,
            "task_progress_percentage": 0,
            "command_progress_percentage": percentage,
            "metrics": {"timing": {"total": 61.25, "rendering": 55.5}},
            "task_status": status,
        }
    ).encode()


_PROGRESS = _report("Rendering frame <number>, sample 12 of 64", "active", 40)
_FAILURE = _report("Blender has crashed", "failed", 40)
_COMPLETION = _report("Task completed: frame <number>", "completed", 100)


@frozen(kw_only=True)
class Worker:
    """A registered Worker: its id and secret."""

    id: str
    secret: str

    @property
    def authorization(self) -> bytes:
        """The value of the header with its credentials."""
        return b"Basic " + base64.b64encode(f"{self.id}:{self.secret}".encode())


def steps(seed: int) -> Iterator[Kind]:
    """Return the endless sequence of a Worker's requests; the order within a task is by chance."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        for progress, questions in chance.sample(CYCLES, len(CYCLES)):
            yield Kind.TASK
            between = [Kind.PROGRESS] * progress + [Kind.MAY_I_RUN] * questions
            chance.shuffle(between)
            yield from between
            yield Kind.COMPLETION


class Requests:
    """The requests of one Worker as bytes; its reports are numbered on from ``sent``."""

    def __init__(self, worker: Worker, sent: int = 0) -> None:
        self._id = worker.id
        self._headers = (
            b"Host: 127.0.0.1\r\nUser-Agent: Flamenco-Worker/2.5\r\nAccept: */*\r\nConnection: keep-alive\r\n"
            b"Authorization: " + worker.authorization + b"\r\n"
        )
        self._task = b"POST /task HTTP/1.1\r\n" + self._headers + b"Content-Length: 0\r\n\r\n"
        self._sent = sent

    def of(self, kind: Kind, task_id: bytes) -> bytes:
        """Return a request of a kind about a task; no two bodies are the same."""
        if kind is Kind.TASK:
            return self._task
        if kind is Kind.MAY_I_RUN:
            return b"GET /may-i-run/" + task_id + b" HTTP/1.1\r\n" + self._headers + b"\r\n"
        return self._update(kind, task_id)

    def sign_on(self, task_type: str) -> bytes:
        """Return the request by which the Worker says that it supports one task type alone."""
        body = json.dumps({"supported_task_types": [task_type], "nickname": "render"}).encode()
        return b"POST /sign-on HTTP/1.1\r\n" + self._headers + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def failure(self, task_id: bytes) -> bytes:
        """Return the request by which the Worker says that it failed at a task."""
        return self._report(task_id, _FAILURE)

    def token(self) -> str:
        """Return what marks the log lines of the update that was made last."""
        return f"{self._id}-{self._sent}"

    def _update(self, kind: Kind, task_id: bytes) -> bytes:
        self._sent += 1
        body = _COMPLETION if kind is Kind.COMPLETION else _PROGRESS
        if self.has_log(kind):
            body = body[:-1] + b', "log": "' + b"\\n".join([_LOG_LINE + self.token().encode()] * LOG_LINES) + b'"}'
        return self._report(task_id, body.replace(_NUMBER, b"%d" % self._sent))

    def _report(self, task_id: bytes, body: bytes) -> bytes:
        return (
            b"POST /tasks/" + task_id + b"/update HTTP/1.1\r\n" + self._headers +
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )  # fmt: skip

    def has_log(self, kind: Kind) -> bool:
        """Whether the update that was made last has lines of a log."""
        return kind is Kind.COMPLETION or self._sent % LOG_EVERY == 0


def again_and_again(kind: Kind) -> Iterator[Kind]:
    """Return an endless sequence of one kind about one task; completions each with the question for the next task."""
    yield Kind.TASK
    while True:
        yield kind
        if kind is Kind.COMPLETION:
            yield Kind.TASK


def a_worker(number: int) -> Worker:
    """Return the Worker of a number; all have one secret, so that a store of thousands is filled quickly."""
    return Worker(id=f"b{number:023x}", secret="s" * 64)
