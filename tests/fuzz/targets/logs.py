"""Paths and names of task logs."""

import os.path

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.log_excerpts import HEAD, SHORT, TAIL, abridged
from flamenco_mgr.domain.log_files import log_path, rotation
from flamenco_mgr.domain.log_limits import log_file
from flamenco_mgr.domain.updates import LONGEST_TAIL, TAIL_LINES, log_tail
from tests.fuzz.target import Target

_LONGEST_NAME = 255
"""Bytes that a file system takes."""


class _NotShown(Exception):
    """The ids are none, and nothing is looked for."""


def _path(data: bytes) -> None:
    job, _, task = data.decode("utf-8", "surrogateescape").partition("/")
    job_id, task_id = normal_id(job), normal_id(task)
    if job_id is None or task_id is None:
        raise _NotShown
    path = os.path.normpath(f"/logs/{log_path(job_id, task_id)}")
    assert path == f"/logs/{log_path(job_id, task_id)}", "the path is not plain"
    assert path.startswith("/logs/job-")
    assert path.isprintable()


def _rotation(data: bytes) -> None:
    names = {name.decode("utf-8", "surrogateescape") for name in data.split(b"/") if 0 < len(name) <= _LONGEST_NAME}
    there = set(names)
    for old, new in rotation("task.txt", sorted(names)):
        assert "/" not in new
        there.discard(old)
        there.add(new)
    assert "task.txt" not in there
    for name in names:
        log_file(name, 0.0)


def _tail(data: bytes) -> None:
    tail = log_tail(data.decode("utf-8", "replace"))
    assert len(tail) <= LONGEST_TAIL + 1
    assert tail.count("\n") <= TAIL_LINES
    if len(data) >= SHORT:
        shown = abridged(data[:HEAD], data[-TAIL:], len(data))
        assert shown.startswith(data[:HEAD])
        assert len(shown) <= SHORT + 200


_IDS = b"5e6a2b7d9d3b4a0017c0b001/5e6a2b7d9d3b4a0017c0a001"

TARGETS = (
    Target(
        name="log-path",
        parse=_path,
        errors=(_NotShown,),
        seeds=(_IDS, _IDS.upper(), b"../../etc/passwd", _IDS + b"\n"),
        words=(b"..", b"/", b"\0", b"%2e"),
        large=lambda: (b"a" * 1_000_000 + b"/" + b"b" * 1_000_000,),
    ),
    Target(
        name="log-rotation",
        parse=_rotation,
        errors=(),
        seeds=(
            b"task.txt/task.txt.1/task.txt.2.gz/task.txt.10",
            b"task.txt.-1/task.txt.+0/task.txt.a",
            b"task.txt.\n.1",
        ),
        words=(b"task.txt.", b"/", b".gz", b"9" * 200, b"-", "٣".encode()),
        large=lambda: (b"/".join(b"task.txt.%d" % number for number in range(20_000)),),
    ),
    Target(
        name="log-tail",
        parse=_tail,
        errors=(),
        seeds=(b"a\nb\n", b"\r\n\n", b"x" * 20_000),
        words=(b"\n", b"\xc2\x85", b"\xe2\x80\xa8"),
        large=lambda: (b"\n" * 4_000_000, b"x" * 8_000_000),
    ),
)
