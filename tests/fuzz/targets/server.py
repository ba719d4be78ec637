"""What the Server answers."""

from collections.abc import Iterator

from twisted.internet.task import Clock

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.store.mongo import documents
from flamenco_mgr.store.mongo.encoding import from_id, misfit
from flamenco_mgr.wire.server_json import BadDocument, batch_answer
from flamenco_mgr.wire.server_stream import DocumentStream
from flamenco_mgr.wire.server_task import id_in, server_task
from tests.fuzz.checks import Keeper, normal
from tests.fuzz.target import Target
from tests.fuzz.targets import nasty

_KEEPER = Keeper()
_TOKEN = "5e6a2b7d9d3b4a0017c0d001"
_PIECES = (1, 7, 1 << 30)
_PIECES_OF_LONG_ONES = (4096, 8191, 1 << 30)
_LONG = 10_000


def _task(data: bytes) -> None:
    told = id_in(data)
    assert told is None or told == normal_id(told)
    described = server_task(data)
    task = described.task
    assert told == task.id
    for one in (task.id, task.job, *task.parents, *(failed.id for failed in task.failed_by)):
        normal(one)
    for one in (task.manager, task.project, task.user):
        assert not one or normal_id(one) == one
    task.etag.encode("ascii")
    _KEEPER.task(described)
    assert not misfit(documents.new_document(task, described.commands, 1, from_id(_TOKEN)))


def _depsgraph(data: bytes) -> None:
    key = "depsgraph" if data[:1] == b"{" else None
    sizes = _PIECES if len(data) < _LONG else _PIECES_OF_LONG_ONES
    outcomes = [_cut(DocumentStream(key), data, size) for size in sizes]
    assert outcomes[0] == outcomes[1] == outcomes[2], f"pieces of other sizes are read otherwise: {outcomes}"
    found, trouble = outcomes[0]
    for text in found:
        id_in(text)
    if trouble:
        raise BadDocument("", trouble)


def _cut(stream: DocumentStream, data: bytes, size: int) -> tuple[list[bytes], str]:
    found: list[bytes] = []
    try:
        for start in range(0, len(data), size):
            found += stream.feed(data[start : start + size])
        assert stream.end() >= 0
    except BadDocument as e:
        # What came before the mistake depends on where a piece ends; that there is one does not.
        return [], type(e).__name__
    return found, ""


def _answer(data: bytes) -> None:
    answer = batch_answer(data)
    for one in (*answer.handled, *answer.cancel):
        normal(one)
    assert len(set(answer.cancel)) == len(answer.cancel)
    for wanted in answer.log_requests:
        normal(wanted.job)
        normal(wanted.task)


def _date(data: bytes) -> None:
    clock = Clock()
    clock.advance(1573567032.0)
    offset = ClockOffset(clock=clock)
    heard = offset.heard(data.decode("latin-1"), clock.seconds())
    assert abs(heard) < 1e12, heard
    assert abs(offset.seconds) < 1e12, offset.seconds


def _long_streams() -> Iterator[bytes]:
    yield b"[" * 500_000
    yield b"[" + b"{}," * 10_000 + b"{}]"
    yield b'[{"a":"' + b"\\\\" * 500_000
    yield b'[{"a":' + b"[" * 30_000
    yield b'{"depsgraph":[' + b'{"_id":"' + b"x" * 1_000_000 + b'"}]}'
    yield b'{"x":"' + b'depsgraph\\":[' * 20_000
    yield b"[" + b"]" * 500_000


_TASK = (
    b'{"_id":"5e6a2b7d9d3b4a0017c0a001","job":"5e6a2b7d9d3b4a0017c0b001","status":"queued","name":"r-1","priority":50,'
    b'"job_priority":50,"job_type":"x","task_type":"sleep","parents":["5e6a2b7d9d3b4a0017c0a002"],"_etag":"4f",'
    b'"commands":[{"name":"sleep","settings":{"time_in_seconds":3.0,"a.b":{"$c":[null,true,"\\ud800"]}}}],'
    b'"failed_by_workers":[{"id":"5e6a1f2c9d3b4a0017c0ffee","identifier":"w"}],"metrics":{"timing":{"x":1.5}},'
    b'"task_progress_percentage":7,"current_command_index":0,"user":"5e6a2b7d9d3b4a0017c0c001","worker":"-"}'
)
_WORDS = (
    *(
        b'"_id"',
        b'"job"',
        b'"status"',
        b'"queued"',
        b'"commands"',
        b'"settings"',
        b'"parents"',
        b'"name"',
        b'"metrics"',
    ),
    *(b'"timing"', b'"failed_by_workers"', b'"priority"', b"9007199254740993", b"1e999", b'"\\u0000"', b'"\\ud800"'),
    *(b'"5e6a2b7d9d3b4a0017c0a003"', b'"$a"', b'"a.b"', b'""'),
)

TARGETS = (
    Target(
        name="server-task",
        parse=_task,
        errors=(BadDocument,),
        seeds=(
            _TASK,
            b'\xef\xbb\xbf{"_id":"5E6A2B7D9D3B4A0017C0A001","job":"5e6a2b7d9d3b4a0017c0b001","status":"active"}',
        ),
        words=_WORDS,
        large=lambda: (
            *nasty.json_texts(),
            *nasty.within(
                *(_TASK.replace(b"3.0", b"%s"), _TASK.replace(b"50", b"%s"), _TASK.replace(b"1.5", b"%s")),
            ),
        ),
    ),
    Target(
        name="server-depsgraph",
        parse=_depsgraph,
        errors=(BadDocument,),
        seeds=(
            b'{"depsgraph":[' + _TASK[:160] + b'"},{},3]}',
            b'[{"a":"]}\\""},{"b":NaN}]',
            b'{"x\\"depsgraph":[{}],"depsgraph":[]}',
            b'{"depsgraph":[{}],"depsgraph":[]}',
            b'{"depsgraph":[{}],"depsgr\\u0061ph":[]}',
        ),
        words=(b'{"depsgraph":[', b"]}", b"{}", b'\\"', b'"', b"[[", b"},{", b"\\\\"),
        large=_long_streams,
    ),
    Target(
        name="server-answer",
        parse=_answer,
        errors=(BadDocument,),
        seeds=(
            (
                b'{"handled_update_ids":["5e6a3c000000000000000001"],"cancel_task_ids":["5E6A2B7D9D3B4A0017C0A001","x"],'
                b'"upload_task_file_queue":[{"job":"5e6a2b7d9d3b4a0017c0b001","task":"5e6a2b7d9d3b4a0017c0a001"}]}'
            ),
            b'{"handled_update_ids":[]}',
        ),
        words=(
            b'"handled_update_ids"',
            b'"cancel_task_ids"',
            b'"upload_task_file_queue"',
            b'"job"',
            b'"task"',
            b'"../"',
        ),
    ),
    Target(
        name="server-date",
        parse=_date,
        errors=(),
        seeds=(b"Tue, 12 Nov 2019 13:57:12 GMT", b"12 Nov 0001 00:00:00 +2359", b"Mon, 31 Dec 9999 23:59:59 -2359"),
        words=(b"GMT", b" +9999", b"Nov", b"99999999999", b":", b" -0000"),
        large=lambda: (b"1 " * 50_000, b"(" * 100_000, b"9" * 100_000 + b" Nov 2019 13:57:12 GMT"),
    ),
)
