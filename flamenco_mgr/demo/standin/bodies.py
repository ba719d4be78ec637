"""How the Server reads what it is sent (server-api.md 1, 7)."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Any

from attrs import field, frozen
from twisted.web.iweb import IRequest

from flamenco_mgr.demo.standin.replies import Refused


@frozen(kw_only=True)
class UploadedFile:
    """A file in a form."""

    name: str
    content: bytes = field(repr=False)


def json_body(request: IRequest) -> Any:
    """
    Return a request's JSON value, or None if its content type says that it has none, whatever its body is.

    Raises Refused when there is no JSON after all; a compressed body is not understood.
    """
    kind = (request.getHeader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return None
    try:
        return json.loads(request.content.read())
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "Failed to decode JSON object") from None


def form_file(request: IRequest, field_name: str) -> UploadedFile:
    """Return the file of that name in a multipart form; raises Refused if there is none."""
    kind = request.getHeader("Content-Type") or ""
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + request.content.read())
    for part in form.iter_parts() if form.get_content_type() == "multipart/form-data" else ():
        if part.get_param("name", header="content-disposition") == field_name and part.get_filename() is not None:
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return UploadedFile(name=str(part.get_filename()), content=content)
    raise Refused(HTTPStatus.BAD_REQUEST, f"Missing file {field_name!r}")
