"""What the Server does for a Manager that asks, one method for each endpoint."""

from http import HTTPStatus

from attrs import define, field
from twisted.web.iweb import IRequest

from flamenco_mgr.demo.standin.batches import take_batch
from flamenco_mgr.demo.standin.bodies import form_file, json_body
from flamenco_mgr.demo.standin.books import Books
from flamenco_mgr.demo.standin.credentials import Credentials
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.handing_out import chunk, depsgraph
from flamenco_mgr.demo.standin.instants import iso_8601, microseconds, rfc_1123
from flamenco_mgr.demo.standin.notifications import introduced
from flamenco_mgr.demo.standin.record import Download, Notification, Push, Record, UploadedLog
from flamenco_mgr.demo.standin.replies import JSON, Headers, Refused, Reply, encoded, json_reply
from flamenco_mgr.demo.standin.sending import in_list
from flamenco_mgr.domain.ids import normal_id


@define(eq=False, kw_only=True)
class Services:
    """
    Answers requests from the books; whatever is refused raises Refused.

    ``early``: the Server is one of before the depsgraph, and hands out tasks in chunks (server-api.md 12.3).
    """

    books: Books
    record: Record
    credentials: Credentials = field(factory=Credentials)
    early: bool = False

    def task(self, request: IRequest, task_id: str) -> Reply:
        """Return a task, unless the caller has it as it is (server-api.md 4)."""
        wanted = normal_id(task_id)
        if wanted is None:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "The method is not allowed for this URL")
        caller = self.credentials.caller(request)
        task = self.books.find_task(wanted)
        if task is None:
            raise Refused(HTTPStatus.NOT_FOUND, "No such task")
        if task.manager != caller:
            raise Refused(HTTPStatus.FORBIDDEN, "This is another Manager's task")
        if _without_quotes(request.getHeader("If-None-Match") or "") == task.etag:
            return Reply(status=HTTPStatus.NOT_MODIFIED)
        headers: Headers = (
            (b"ETag", f'"{task.etag}"'.encode()),
            (b"Last-Modified", rfc_1123(task.updated).encode()),
        )
        return json_reply(task.document, headers=headers)

    def depsgraph(self, request: IRequest, manager_id: str) -> Reply:
        """Return what the Manager may run (server-api.md 3)."""
        if self.early:
            raise Refused(HTTPStatus.NOT_FOUND, "Not found")
        caller = self.credentials.owner(request, manager_id)
        json_body(request)
        text = request.getHeader("X-Flamenco-If-Updated-Since") or ""
        try:
            since = microseconds(text) if text else None
        except ValueError as e:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(e)) from e
        found = depsgraph(self.books, caller, since)
        count = len(found.documents) if found else 0
        if found is None:
            reply = Reply(status=HTTPStatus.NO_CONTENT)
        elif count:
            reply = Reply(
                headers=(
                    (b"Content-Type", JSON),
                    (b"X-Flamenco-Last-Updated", iso_8601(found.newest).encode()),
                    (b"X-Flamenco-Last-Updated-Format", b"ISO-8601"),
                ),
                body=in_list(b'{"depsgraph":[', map(encoded, found.documents), b"]}"),
            )
        elif since is None:
            reply = json_reply({"depsgraph": []})
        else:
            reply = Reply(status=HTTPStatus.NOT_MODIFIED)
        self.record.downloads.append(Download(at=self.books.time.now(), since=text, status=reply.status, tasks=count))
        return reply

    def chunk(self, request: IRequest, manager_id: str) -> Reply:
        """Return some queued tasks (server-api.md 12.3)."""
        if not self.early:
            raise Refused(HTTPStatus.NOT_FOUND, "Not found")
        caller = self.credentials.owner(request, manager_id)
        arguments = request.args or {}
        try:
            size = int(arguments.get(b"chunk_size", [b"1"])[0])
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "chunk_size is no integer") from None
        job_type = arguments[b"job_type"][0].decode() if b"job_type" in arguments else None
        documents = chunk(self.books, caller, size, job_type)
        self.record.downloads.append(
            Download(at=self.books.time.now(), since="", status=HTTPStatus.OK, tasks=len(documents))
        )
        return json_reply(documents)

    def push(self, request: IRequest, manager_id: str) -> Reply:
        """Apply a batch; the logs that are asked for are those from before it (server-api.md 5)."""
        caller = self.credentials.owner(request, manager_id)
        updates = json_body(request) or []
        if not isinstance(updates, list):
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "The batch is no list")
        logs = [{"job": job, "task": task} for (job, task), whose in self.books.wanted_logs.items() if whose == caller]
        taken = take_batch(self.books, caller, updates)
        status = HTTPStatus.OK if taken.refused is None else HTTPStatus(taken.refused.status)
        self.record.pushes.append(
            Push(at=self.books.time.now(), size=len(updates), applied=taken.modified, status=status)
        )
        if taken.refused is not None:
            raise taken.refused
        answer = {"modified_count": taken.modified, "handled_update_ids": taken.handled}
        to_cancel = self.books.to_cancel(caller)
        if to_cancel:
            answer["cancel_task_ids"] = to_cancel
        if logs:
            answer["upload_task_file_queue"] = logs
        return json_reply(answer)

    def notify(self, request: IRequest, manager_id: str, endpoint: Endpoint) -> Reply:
        """Note what a Manager says of itself (server-api.md 6)."""
        caller = self.credentials.owner(request, manager_id)
        document = json_body(request)
        self.books.introductions[caller] = introduced(self.books.introductions.get(caller, {}), document)
        self.record.notifications.append(Notification(at=self.books.time.now(), endpoint=endpoint, document=document))
        return Reply(status=HTTPStatus.NO_CONTENT)

    def log(self, request: IRequest, manager_id: str, task_id: str) -> Reply:
        """Keep a task's log (server-api.md 7)."""
        caller = self.credentials.owner(request, manager_id)
        wanted = normal_id(task_id)
        if wanted is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "Invalid ObjectId")
        file = form_file(request, "logfile")
        if not file.name.endswith(".gz"):
            raise Refused(HTTPStatus.BAD_REQUEST, "GZIP your file!")
        self.books.drop_log_requests(wanted)
        task = self.books.find_task(wanted)
        if task is None or task.manager != caller:
            raise Refused(HTTPStatus.NOT_FOUND, "No such task")
        self.record.logs.append(
            UploadedLog(at=self.books.time.now(), task_id=wanted, file_name=file.name, content=file.content)
        )
        first = self.books.note_log(task, file.name)
        host = request.getRequestHostname().decode()
        place = f"https://{host}/flamenco/{task.document['project']}/tasks/{wanted}.log.gz"
        return json_reply(
            {"_message": "ok"},
            status=HTTPStatus.CREATED if first else HTTPStatus.OK,
            headers=((b"Location", place.encode()),),
        )

    def manager(self, request: IRequest, manager_id: str) -> Reply:
        """Return what is known of a Manager to itself; to others there is no such Manager (server-api.md 2)."""
        caller = self.credentials.caller(request)
        if normal_id(manager_id) != caller:
            raise Refused(HTTPStatus.NOT_FOUND, "No such Manager")
        return json_reply({"_id": caller, **self.books.introductions.get(caller, {})})


def _without_quotes(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')
