"""What people ask for: the log of a task, and the task's page on the Server (dashboard.md 8 and 9)."""

from http import HTTPStatus
from typing import ClassVar

from attrs import field, frozen
from hyperlink import DecodedURL
from twisted.logger import Logger
from twisted.web import http
from twisted.web.server import Request

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.farm.log_reading import AbridgedLog, GzippedLog, LogReader, PlainLog
from flamenco_mgr.web.errors import BadId, NotForYou, PlainError
from flamenco_mgr.web.lean import is_gone
from flamenco_mgr.web.operator_access import OperatorAccess
from flamenco_mgr.web.ranges import Unsatisfiable, asked_for
from flamenco_mgr.web.replies import reply
from flamenco_mgr.web.streaming import LogStream

TEXT = b"text/plain"

_WHOLE_FOR = ("Wget/", "curl/", "flamenco-manager/")


@frozen(eq=False, kw_only=True)
class LogPages:
    """
    Shows logs to whom ``access`` lets in, from whatever page they come: the Server's has links to them.

    ``server_url`` is the Server's; the empty text if there is none.
    """

    _log: ClassVar[Logger] = Logger()

    reader: LogReader
    access: OperatorAccess
    server_url: str = field(default="")

    async def log_file(self, request: Request, job: str, task: str) -> bytes:
        """Show the log of a task."""
        try:
            self.access.check_place(request)
        except NotForYou as e:
            raise PlainError(HTTPStatus.FORBIDDEN, str(e)) from e
        job_id, task_id = _an_id("job-id", job), _an_id("task-id", task)
        unpacked = b"gzip" not in (request.getHeader(b"Accept-Encoding") or b"").lower()
        try:
            found = await self.reader.read(job_id, task_id, whole=_wants_all(request), unpacked=unpacked)
        except OSError as e:
            self._log.error("The log of task {task} cannot be read: {reason}", task=task_id, reason=e)
            raise PlainError(HTTPStatus.INTERNAL_SERVER_ERROR, "unable to open task log file") from e
        match found:
            case None:
                raise PlainError(HTTPStatus.NOT_FOUND, "unable to stat task log file")
            case AbridgedLog(text=text):
                return reply(request, HTTPStatus.OK, TEXT, text)
            case PlainLog():
                return await _send_plain(request, found)
            case GzippedLog():
                return await _send_gzipped(request, found, f"task-{task_id}.txt")

    async def to_server(self, request: Request, task: str) -> bytes:
        """Send a person on to the task's page; the task need not be here."""
        task_id = _an_id("task-id", task)
        if not self.server_url:
            raise PlainError(HTTPStatus.NOT_FOUND, "this Manager is not linked to a Flamenco Server")
        url = DecodedURL.from_text(self.server_url).click(f"/flamenco/tasks/{task_id}")
        request.setHeader(b"Location", url.to_text().encode("ascii"))
        return reply(request, HTTPStatus.TEMPORARY_REDIRECT, TEXT, b"")


async def _send_plain(request: Request, log: PlainLog) -> bytes:
    request.setHeader(b"Accept-Ranges", b"bytes")
    if request.setLastModified(log.modified) is http.CACHED:
        await log.content.close()
        return b""
    start, length = 0, log.size
    try:
        part = None if request.getHeader(b"If-Range") else asked_for(_header(request, b"Range"), log.size)
    except Unsatisfiable:
        await log.content.close()
        request.setHeader(b"Content-Range", b"bytes */%d" % log.size)
        return reply(request, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, TEXT, b"")
    if part is not None:
        start, length = part
        request.setResponseCode(HTTPStatus.PARTIAL_CONTENT)
        request.setHeader(b"Content-Range", b"bytes %d-%d/%d" % (start, start + length - 1, log.size))
        await log.content.seek(start)
    request.setHeader(b"Content-Type", TEXT)
    request.setHeader(b"Content-Length", b"%d" % length)
    await _send(request, LogStream(request=request, content=log.content, left=length))
    return b""


async def _send_gzipped(request: Request, log: GzippedLog, name: str) -> bytes:
    request.setHeader(b"Vary", b"Accept-Encoding")
    request.setHeader(b"Content-Type", TEXT)
    if log.size is not None:
        request.setHeader(b"Content-Encoding", b"gzip")
        request.setHeader(b"Content-Disposition", f'attachment; filename="{name}.gz"'.encode())
        request.setHeader(b"Content-Length", b"%d" % log.size)
    await _send(request, LogStream(request=request, content=log.content, left=log.size))
    return b""


async def _send(request: Request, stream: LogStream) -> None:
    if request.method == b"HEAD" or is_gone(request):
        await stream.content.close()
    else:
        await stream.send()


def _wants_all(request: Request) -> bool:
    return (_header(request, b"User-Agent") or "").startswith(_WHOLE_FOR)


def _header(request: Request, name: bytes) -> str | None:
    value = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def _an_id(name: str, value: str) -> str:
    normal = normal_id(value)
    if normal is None:
        raise PlainError(HTTPStatus.NOT_FOUND, str(BadId(name, value)))
    return normal
