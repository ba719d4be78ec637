"""What the Server can be asked, one method for each request (server-api.md 1)."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from attrs import frozen
from twisted.web.iweb import IBodyProducer

from flamenco_mgr.domain.log_requests import upload_time
from flamenco_mgr.domain.tasks import ServerTask
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.server.exchange import Answer, Request, ServerExchange
from flamenco_mgr.server.trouble import BadReply, ServerRefused
from flamenco_mgr.wire import server_json
from flamenco_mgr.wire.server_json import BadDocument, BatchAnswer
from flamenco_mgr.wire.server_task import server_task

PUSH_TIME = 60.0
DOWNLOAD_TIME = 300.0
NOTIFY_TIME = 30.0
"""Seconds for each exchange as a whole (server-api.md 17.6)."""

DOWNLOAD_LIMIT = 512 << 20
"""Bytes of a depsgraph."""

LOG_REPLY_LIMIT = 64 << 10
"""Bytes of the answer to a log."""

_OK = 200
_NOT_MODIFIED = 304
_GONE = frozenset({404, 410})
_API = ("api", "flamenco")

Take = Callable[[bytes], Awaitable[None]]


@frozen
class Same:
    """The task is as it was."""


@frozen
class Gone:
    """The Server has no such task any more."""


@frozen(kw_only=True)
class Download:
    """
    What came with a download.

    ``has_tasks`` is False if there was nothing to take. ``newest`` is the Server's word for the time of the newest
    task, None if it said none. ``date`` is when the Server answered, in seconds since 1970, by its own clock.
    """

    has_tasks: bool
    newest: str | None
    date: float


class Notice(Enum):
    """On which occasion the Manager introduces itself; the value is the end of the path."""

    STARTUP = "startup"
    UPDATE = "update"


@frozen(eq=False, kw_only=True)
class FlamencoServerClient:
    """
    The Server, as this Manager may use it.

    Each method raises `ServerTrouble`: see `ServerExchange.ask`.
    """

    exchange: ServerExchange
    manager_id: str

    async def task(self, task_id: str, etag: str, seconds: float) -> "Same | Gone | ServerTask":
        """Ask whether a task is still as it was with this etag (server-api.md 4)."""
        try:
            answer = await self.exchange.ask(
                Request(
                    what="tasks",
                    path=(*_API, "tasks", task_id),
                    seconds=seconds,
                    headers={"If-None-Match": etag} if etag else {},
                    is_ours=False,
                )
            )
        except ServerRefused as e:
            if e.status in _GONE:
                return Gone()
            raise
        if answer.status == _NOT_MODIFIED:
            return Same()
        try:
            found = server_task(answer.body)
        except BadDocument as e:
            raise BadReply(f"the Server's task {task_id} {e}") from e
        if found.task.id != task_id:
            raise BadReply(f"asked for task {task_id}, the Server sent task {found.task.id}")
        return found

    async def push(self, updates: Sequence[TaskUpdate]) -> BatchAnswer:
        """Tell the Server updates, in order; an empty batch fetches cancels all the same (server-api.md 5)."""
        offset = self.exchange.offset
        body = server_json.batch([(update, offset.server_time(update.received_at)) for update in updates])
        answer = await self.exchange.ask(
            Request(what="updates", path=self._managers("task-update-batch"), seconds=PUSH_TIME, body=body)
        )
        try:
            return server_json.batch_answer(answer.body)
        except BadDocument as e:
            raise BadReply(f"the Server's answer to a batch {e}") from e

    async def depsgraph(self, since: str | None, take: Take) -> Download:
        """
        Download the tasks that are new or changed since then, or all (None); ``take`` gets the text as it arrives.

        A 404 is a plain `ServerRefused` here: an early Server has no depsgraph. `known` tells which it is.
        """
        answer = await self.exchange.ask(
            Request(
                what="downloads",
                path=self._managers("depsgraph"),
                seconds=DOWNLOAD_TIME,
                headers={} if since is None else {"X-Flamenco-If-Updated-Since": since},
                limit=DOWNLOAD_LIMIT,
                take=take,
                is_ours=False,
            )
        )
        return _download(answer)

    async def chunk(self, size: int, take: Take) -> Download:
        """Ask an early Server for so many new tasks (server-api.md 12.3)."""
        answer = await self.exchange.ask(
            Request(
                what="downloads",
                path=("flamenco", "scheduler", "tasks", self.manager_id),
                query=(("chunk_size", str(size)),),
                seconds=DOWNLOAD_TIME,
                limit=DOWNLOAD_LIMIT,
                take=take,
            )
        )
        return _download(answer)

    async def known(self) -> None:
        """Raise `CredentialsRefused` unless the Server knows this Manager with these credentials."""
        await self.exchange.ask(Request(what="downloads", path=self._managers(), seconds=NOTIFY_TIME))

    async def notify(self, notice: Notice, introduction: bytes) -> None:
        """Introduce this Manager (server-api.md 6)."""
        await self.exchange.ask(
            Request(what="notices", path=self._managers(notice.value), seconds=NOTIFY_TIME, body=introduction)
        )

    async def attach_log(self, task_id: str, form: IBodyProducer, size: int, content_type: str) -> None:
        """
        Send a task's log: a form of so many bytes (server-api.md 7).

        A 404 is a plain `ServerRefused` here: the Server has no such task.
        """
        await self.exchange.ask(
            Request(
                what="logs",
                path=self._managers("attach-task-log", task_id),
                seconds=upload_time(size),
                body=form,
                content_type=content_type,
                limit=LOG_REPLY_LIMIT,
                is_ours=False,
            )
        )

    def _managers(self, *end: str) -> tuple[str, ...]:
        return (*_API, "managers", self.manager_id, *end)


def _download(answer: Answer) -> Download:
    return Download(has_tasks=answer.status == _OK, newest=answer.header("X-Flamenco-Last-Updated"), date=answer.date)
