"""What answers the command-line client, which need not be a Manager."""

import gzip
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import click
import urllib3
from attrs import define, frozen

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.outcome import CannotDo
from flamenco_mgr.cli.program import program
from tests.fuzz.target import Target

_WORKER = "5e6a1f2c9d3b4a0017c0ffee"
_COMMANDS = (
    *(("status",), ("--json", "status"), ("workers",), ("--json", "workers"), ("workers", "show", "render07")),
    *(("workers", "show", _WORKER), ("jobs",), ("tasks",), ("tasks", "show", _WORKER), ("updates",)),
    *(("updates", "parked"), ("updates", "retry", "--all"), ("events",), ("blacklist",), ("log", _WORKER)),
    *(("workers", "schedule", "render07", "--off"), ("workers", "test", "render07"), ("jobs", "show", _WORKER)),
)
_MODES: tuple[tuple[int, dict[str, str]], ...] = (
    (200, {"Server": "Flamenco-Manager"}),
    (200, {"Content-Encoding": "gzip"}),
    (404, {"Server": "Flamenco-Manager"}),
    (500, {}),
)


@frozen
class _Says:
    """Gives every request the same answer."""

    status: int
    body: bytes
    sent: dict[str, str]
    headers: dict[str, str]

    def request(self, _method: str, _url: str, **_options: Any) -> urllib3.HTTPResponse:
        return urllib3.HTTPResponse(
            body=io.BytesIO(self.body), headers=self.sent, status=self.status, preload_content=False
        )


@define(eq=False)
class _Typed(Invocation):
    answer: Any = None

    def manager(self) -> Manager:
        return Manager(url="http://manager.invalid", http=self.answer)


def _command(data: bytes) -> None:
    """Run the command that the first byte chooses; the second one chooses the kind of the answer."""
    which, mode, body = data[:1], data[1:2], data[2:]
    status, headers = _MODES[ord(mode or b"0") % len(_MODES)]
    shown = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with redirect_stdout(shown), redirect_stderr(io.StringIO()):
        typed = _Typed(rundir=Path("/"), environment={}, answer=_Says(status, body, dict(headers), {}))
        arguments = list(_COMMANDS[ord(which or b"0") % len(_COMMANDS)])
        program.main(arguments, prog_name="flamenco-manager", standalone_mode=False, obj=typed)
        shown.flush()
    if arguments[0] != "log":
        text = shown.buffer.getvalue().decode()
        assert "\x1b" not in text, "the terminal would be told what to do"


def _choosing(command: int, document: object) -> bytes:
    return bytes([command, 0]) + json.dumps(document).encode()


_STATUS = {
    "version": "1",
    "name": "m",
    "mode": "production",
    "now": "2026-11-24T13:19:09Z",
    "started": "2026-11-20T13:19:09Z",
    "server": {
        "linked": True,
        "url": "http://s/",
        "reachable": False,
        "since": "2026-11-24T00:00:00Z",
        "clock_offset": 99,
    },
    "duties": {"here": True, "holder": "m", "managers": ["m", "n"]},
    "workers": {"total": 2, "by_status": {"awake": 1, "timeout": 1}, "sick": 1},
    "tasks": {"total": 5, "by_status": {"queued": 5}, "age": 3.5},
    "updates": {"waiting": 3, "oldest_age": 999.5, "parked": 1},
}
_ITEM = {
    "_id": _WORKER,
    "nickname": "render07",
    "status": "awake",
    "last_activity": "2026-11-24T13:19:09Z",
    "sleep_schedule": {"schedule_active": True, "days_of_week": "mo"},
    "blacklist": [{"task_type": "x"}],
    "job": _WORKER,
    "name": "n",
    "commands": [{"name": "a", "settings": {}}],
    "by_status": {"queued": 1},
    "total": 1,
    "age": 3,
    "received": "2026-11-24T13:19:09Z",
    "at": "2026-11-24T13:19:09Z",
    "kind": "task",
    "before": "",
    "after": "x",
    "failed_by": [{"_id": _WORKER, "identifier": "w"}],
    "progress": {"task_percentage": 3},
    "timing": {"a": 1.5},
}

TARGETS = (
    Target(
        name="command-line",
        parse=_command,
        errors=(CannotDo, click.ClickException),
        seeds=(
            _choosing(0, _STATUS),
            *(_choosing(number, {"items": [_ITEM], "next": None, **_ITEM}) for number in range(2, len(_COMMANDS))),
            _choosing(0, {**_STATUS, "tasks": {"age": float("inf"), "by_status": [], "total": float("nan")}}),
            _choosing(0, {**_STATUS, "now": "2026-11-24", "updates": {"waiting": 1, "oldest_age": float("inf")}}),
            _choosing(4, {"items": [{**_ITEM, "blacklist": 5, "sleep_schedule": "mo"}]}),
            _choosing(
                8, {**_ITEM, "failed_by": 1, "commands": True, "timing": 2, "events": {"items": 3}, "updates": 4}
            ),
            _choosing(8, {**_ITEM, "timing": {"a": float("nan")}, "updates": {"items": 1.5}}),
            b"\0\1\x1f\x8b",
            b'\2\0{"items":[{"last_activity":"0001-01-01T00:00:00Z","nickname":"\\u001b[2J"}]}',
        ),
        words=(
            *(b'"items"', b'"next"', b'"_id"', b"Infinity", b"NaN", b"1e999", b"-1", b'"0001-01-01T00:00:00Z"', b"{}"),
            *(
                b'"age"',
                b'"oldest_age"',
                b'"by_status"',
                b'"total"',
                b'"blacklist"',
                b'"sleep_schedule"',
                b"null",
                b"[]",
            ),
        ),
        large=lambda: (
            b"\0\0" + b"[" * 1_000_000,
            b"\2\0" + b'{"items":[' + b"{}," * 1_000 + b"{}]}",
            b"\0\0" + json.dumps({**_STATUS, "name": "\x1b" * 1_000_000}).encode(),
            b'\0\0{"version":1,"updates":{"waiting":' + b"9" * 4_000 + b"}}",
            b'\1\0{"version":' + b'{"a":' * 600 + b"1" + b"}" * 601,
            b"\0\1" + _bomb(),
        ),
        slow=True,
    ),
)


def _bomb() -> bytes:
    return gzip.compress(b" " * (72 << 20), 1)
