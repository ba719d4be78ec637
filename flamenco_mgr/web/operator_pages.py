"""What operators' pages have asked for ever since: the report, and what is done to workers (dashboard.md 3 to 6)."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from attrs import field, frozen
from hyperlink import URL
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web import http
from twisted.web.server import Request

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.requesting import CannotRequest
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.farm.refusals import NotHere, NotPossible
from flamenco_mgr.farm.report import FarmReport, FarmReporter
from flamenco_mgr.web.api.asked import Asked
from flamenco_mgr.web.api.cursors import FOREIGN, cursor_of
from flamenco_mgr.web.errors import BadRequest, PlainError
from flamenco_mgr.web.replies import JSON, TEXT, encoded, no_content, reply
from flamenco_mgr.web.requests import body_of
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import operator_json
from flamenco_mgr.wire.strict_json import BadJSON, harmless
from flamenco_mgr.wire.worker_json import BadDocument

_MOST_FIELDS = 100
_KICKED = b"Kicked task downloader\n"
_DIGEST = 16
_AT_ONCE = 250
"""Workers that are written between two breaths; some milliseconds of work."""

_REQUESTS = ("set-status", "shutdown")

Form = Mapping[str, str]


@frozen(kw_only=True)
class ManagerFacts:
    """What a Manager says of itself; ``server_url`` is that of the Server, empty if it is linked to none."""

    version: str
    name: str
    mode: str
    server_url: str


@frozen
class _Refused(Exception):
    """An act that is not done, and what the operator is told."""

    status: HTTPStatus
    text: str


@frozen(eq=False, kw_only=True)
class OperatorPages:
    """Answers operators; what is done, the farm does."""

    operating: Operating
    reporter: FarmReporter
    facts: ManagerFacts
    clock: IReactorTime
    _acts: Mapping[str, Callable[[str, Form], Awaitable[str]]] = field(init=False)

    @_acts.default
    def _all_acts(self) -> Mapping[str, Callable[[str, Form], Awaitable[str]]]:
        return {
            "set-status": self._set_status,
            "shutdown": self._shutdown,
            "ack-timeout": self._acknowledge_timeout,
            "send-test-job": self._send_test_job,
            "forget-worker": self._forget_worker,
            "forget-blacklist-line": self._forget_blacklist_line,
        }

    def add_to(self, routes: Routes) -> None:
        """Add the routes that are answered here; pages of old kick by GET (dashboard.md W17)."""
        routes.operator("GET", "/as-json", self.as_json)
        routes.operator("POST", "/worker-action/<worker>", self.act)
        routes.operator("POST", "/set-sleep-schedule/<worker>", self.set_sleep_schedule)
        routes.operator("GET", "/kick", self.kick)
        routes.operator("POST", "/kick", self.kick)

    async def as_json(self, request: Request) -> bytes:
        """Report how the farm is, with all its workers, or a page of them if ``limit`` or ``cursor`` is given."""
        asked = Asked.of(request, "limit", "cursor")
        after = asked.place()
        limit = asked.limit() if request.args else None
        try:
            report = await self.reporter.report(after, limit)
        except ValueError:
            raise BadRequest(FOREIGN) from None
        body = encoded(await self._report_document(report, paged=limit is not None))
        request.setHeader(b"Cache-Control", b"no-cache")
        if request.setETag(b'"%s"' % blake2b(body, digest_size=_DIGEST).hexdigest().encode()) is http.CACHED:
            return b""
        return reply(request, HTTPStatus.OK, JSON, body)

    async def act(self, request: Request, worker: str) -> bytes:
        """Do what an operator wants with one worker (dashboard.md 4)."""
        form: Form = {}
        try:
            worker_id = await self._known(worker)
            form = _form(request)
            told = await self._acts.get(form.get("action", ""), _invalid)(worker_id, form)
        except _Refused as e:
            return _bare(request, e.status, e.text)
        except NotHere as e:
            return _bare(request, HTTPStatus.NOT_FOUND, str(e))
        except CannotRequest as e:
            return _bare(request, HTTPStatus.BAD_REQUEST, str(e))
        except NotPossible as e:
            nonsense = form.get("action") in _REQUESTS  # dashboard.md W11
            return _bare(request, HTTPStatus.CONFLICT if nonsense else HTTPStatus.BAD_REQUEST, str(e))
        return _bare(request, HTTPStatus.OK, told) if told else no_content(request)

    async def set_sleep_schedule(self, request: Request, worker: str) -> bytes:
        """Give a worker a schedule instead of the one that it has (dashboard.md 5)."""
        try:
            worker_id = await self._known(worker)
            kind = (request.getHeader(b"Content-Type") or b"").partition(b";")[0].strip().lower()
            if kind != JSON:
                raise PlainError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected JSON")
            schedule = operator_json.sleep_schedule(body_of(request))
            await self.operating.set_schedule(worker_id, schedule)
        except _Refused as e:
            return _bare(request, e.status, e.text)
        except NotHere as e:
            return _bare(request, HTTPStatus.NOT_FOUND, str(e))
        except BadJSON as e:
            raise PlainError(HTTPStatus.BAD_REQUEST, f"Unable to decode JSON: {e}") from None
        except BadDocument as e:
            raise PlainError(HTTPStatus.BAD_REQUEST, str(e)) from None
        return no_content(request)

    async def kick(self, request: Request) -> bytes:
        """Have the Server asked for tasks, without waiting for them (dashboard.md 6)."""
        await self.operating.kick()
        return reply(request, HTTPStatus.OK, TEXT, _KICKED)

    async def _known(self, worker: str) -> str:
        worker_id = normal_id(worker)
        if worker_id is None:
            raise _Refused(HTTPStatus.BAD_REQUEST, "Invalid worker ID")
        await self.operating.worker(worker_id)
        return worker_id

    async def _set_status(self, worker_id: str, form: Form) -> str:
        await self.operating.request_status(worker_id, form.get("status", ""), lazy=form.get("lazy") == "true")
        return ""

    async def _shutdown(self, worker_id: str, form: Form) -> str:
        return await self._set_status(worker_id, {**form, "status": "shutdown"})

    async def _acknowledge_timeout(self, worker_id: str, _: Form) -> str:
        await self.operating.acknowledge_timeout(worker_id)
        return ""

    async def _send_test_job(self, worker_id: str, _: Form) -> str:
        return await self.operating.send_test_job(worker_id)

    async def _forget_worker(self, worker_id: str, _: Form) -> str:
        await self.operating.forget_worker(worker_id)
        return ""

    async def _forget_blacklist_line(self, worker_id: str, form: Form) -> str:
        job = normal_id(form.get("job_id"))
        if job is None:
            raise _Refused(HTTPStatus.BAD_REQUEST, "Job ID is not a valid ObjectID")
        await self.operating.forget_blacklist_line(worker_id, job, form.get("task_type", ""))
        return ""

    async def _report_document(self, report: FarmReport, *, paged: bool) -> dict[str, Any]:
        workers: list[dict[str, Any]] = []
        while len(workers) < len(report.workers.items):
            some = report.workers.items[len(workers) : len(workers) + _AT_ONCE]
            workers += [operator_json.listed_worker(one.worker, one.current_job, one.blacklist) for one in some]
            await deferLater(self.clock, 0)  # Workers need not wait for all of it
        document = {
            "nr_of_workers": report.worker_count,
            "nr_of_tasks": report.task_count,
            "upstream_queue_size": report.waiting_updates,
            "version": self.facts.version,
            "workers": workers,
            "manager_name": self.facts.name,
            "manager_mode": self.facts.mode,
            "server": server_document(self.facts.server_url),
            "duties": {"here": report.is_holder, "holder": report.holder, "managers": list(report.managers)},
            "time_zone": report.time_zone,
        }
        return {**document, "next": cursor_of(report.workers.next)} if paged else document


async def _invalid(_: str, __: Form) -> str:
    raise _Refused(HTTPStatus.BAD_REQUEST, "Invalid action")


def server_document(url: str) -> dict[str, str]:
    """Return what the Server is called, and where people find it; ``url`` is empty if there is none."""
    if not url:
        return {"name": "", "url": ""}
    server = URL.from_text(url).replace(userinfo="")
    return {"name": server.authority(), "url": server.click("/flamenco/").to_text()}


def _form(request: Request) -> Form:
    """Return the parameters of a request: those in its body, then those in its URL."""
    given = {name.decode("utf-8", "replace"): values[0] for name, values in (request.args or {}).items()}
    form = {name: harmless(value.decode("utf-8", "replace")) for name, value in given.items()}
    try:
        posted = parse_qsl(
            body_of(request).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"there are more than {_MOST_FIELDS} parameters") from None
    for name, value in reversed(posted):  # of several the first counts
        form[name] = harmless(value)
    return form


def _bare(request: Request, status: HTTPStatus, text: str) -> bytes:
    return reply(request, status, TEXT, text.encode("utf-8", "replace"))
