"""What a Manager must say when it introduces itself (server-api.md 6)."""

from http import HTTPStatus
from typing import Any, Final

from flamenco_mgr.demo.standin.replies import Refused

_REQUIRED: Final = ("manager_url", "variables", "nr_of_workers")
_WITHOUT_PATH_REPLACEMENT: Final = 2


def introduced(stored: dict[str, Any], document: Any) -> dict[str, Any]:
    """Return what the Server knows of a Manager after a notification; raises Refused for one that it does not take."""
    if not document:
        raise Refused(HTTPStatus.BAD_REQUEST, "no JSON payload received")
    if not isinstance(document, dict):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "the payload is no object")
    meta = document.get("_meta", {"version": 1})
    if not isinstance(meta, dict):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "_meta is no object")
    version = meta.get("version", 1)
    if not isinstance(version, int):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "_meta.version is no integer")
    required = (*_REQUIRED, "path_replacement") if version < _WITHOUT_PATH_REPLACEMENT else _REQUIRED
    for key in required:
        if key not in document:
            raise Refused(HTTPStatus.BAD_REQUEST, f"Missing key '{key}'")
    known = {**stored, "settings_version": version, **{key: document[key] for key in required}}
    if version >= _WITHOUT_PATH_REPLACEMENT:
        known.pop("path_replacement", None)
    if "worker_task_types" in document:
        known["worker_task_types"] = document["worker_task_types"]
    return known
