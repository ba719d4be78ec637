"""What Workers send: bodies, credentials, ids."""

from base64 import b64encode
from collections.abc import Iterator

from attrs import evolve

from flamenco_mgr.domain import reporting
from flamenco_mgr.domain.ids import made_at, normal_id
from flamenco_mgr.domain.outputs import is_plain_image_path
from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.outputs import OutputQueue
from flamenco_mgr.web.auth import credentials
from flamenco_mgr.web.errors import Unauthorized
from flamenco_mgr.wire import worker_json
from flamenco_mgr.wire.strict_json import BadJSON
from flamenco_mgr.wire.worker_json import BadDocument
from tests.builders import UPDATE, WORKER, a_task, a_worker
from tests.fuzz.checks import Keeper, normal, sent, storable
from tests.fuzz.target import Target
from tests.fuzz.targets import nasty

_KEEPER = Keeper()


def _registration(data: bytes) -> None:
    body = worker_json.registration(data)
    assert 0 < len(body.secret.encode()) <= worker_json.LONGEST_SECRET
    _names(body.platform, body.nickname, *body.supported_task_types)
    storable(body.secret)
    worker = a_worker(platform=body.platform, nickname=body.nickname, supported_task_types=body.supported_task_types)
    assert repr(body) == repr(evolve(body, secret="another")), "the secret is shown"
    sent(worker_json.worker_document(worker))


def _sign_on(data: bytes) -> None:
    body = worker_json.sign_on(data)
    _names(body.nickname, *body.supported_task_types)


def _names(*names: str) -> None:
    storable(*names)
    for name in names:
        assert name.isprintable(), f"{name!r} would break a line of a log"
        assert len(name) <= worker_json.LONGEST_NAME


def _report(data: bytes) -> None:
    report = worker_json.report(data)
    storable(report.status or "", report.activity, report.log, *report.timing)
    for task in (a_task(status="active", worker_id=WORKER), a_task(status="completed", worker_id=WORKER)):
        transition = reporting.reported(task, a_worker(), report, now=1000.0, update_id=UPDATE)
        assert transition is not None
        if transition.update is not None:
            _KEEPER.update(transition.update)


def _output(data: bytes) -> None:
    paths = worker_json.output_paths(data)
    assert len(paths) <= worker_json.MOST_PATHS
    queue = OutputQueue(variables=Variables(()), platform="linux")
    queue.offer(a_worker(platform="windows"), paths)
    for _ in range(min(len(paths), 1)):
        waiting = queue.take()
        if waiting.called:
            kept = str(waiting.result)
            assert kept.startswith("/"), f"{kept!r} is not absolute"
            assert is_plain_image_path(kept), f"{kept!r} is no image"
        else:
            _ = waiting.addErrback(lambda _: None)
            waiting.cancel()


def _authorization(data: bytes) -> None:
    worker_id, _ = credentials(data)
    normal(worker_id)


def _an_id(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    found = normal_id(text)
    if found is None:
        assert made_at(text) is None
        return
    normal(found)
    storable(found)
    assert made_at(found) == made_at(text)


def _long_credentials() -> Iterator[bytes]:
    yield b"Basic " + b64encode(b"a" * 1_000_000 + b":" + b"b" * 1_000_000)
    yield b"Basic " + b" " * 1_000_000
    yield b" " * 1_000_000
    yield b"Basic " + b"=" * 1_000_000


_BOTH = (BadJSON, BadDocument)

_WHO = (
    b'"nickname"',
    b'"platform"',
    b'"supported_task_types"',
    b'"secret"',
    b'"linux"',
    b'"blender-render"',
    b'"\\u0000"',
)
_SIGN_ON = b'{"nickname":"render07","supported_task_types":["sleep","ffmpeg"]}'
_UPDATE_WORDS = (
    *(b'"task_status"', b'"activity"', b'"log"', b'"metrics"', b'"timing"', b'"task_progress_percentage"', b'"active"'),
    *(
        b'"current_command_idx"',
        b'"command_progress_percentage"',
        b'"completed"',
        b'"failed"',
        b"1e308",
        b"-0",
        b"null",
    ),
    *(b'"\\ud800"', b'"$a"', b"true", b"2147483648"),
)

TARGETS = (
    Target(
        name="worker-registration",
        parse=_registration,
        errors=_BOTH,
        seeds=(
            b'{"secret":"s3cr3t","platform":"linux","supported_task_types":["sleep"],"nickname":"render07"}',
            b'{"Secret":"\\u00e9","nickname":"a\\nb\\u0007"}{}',
        ),
        words=_WHO,
        large=nasty.json_texts,
    ),
    Target(
        name="worker-sign-on",
        parse=_sign_on,
        errors=_BOTH,
        seeds=(_SIGN_ON, b'{"nickname":null}'),
        words=_WHO,
    ),
    Target(
        name="worker-update",
        parse=_report,
        errors=(BadJSON,),
        seeds=(
            (
                b'{"task_status":"active","activity":"Fra:1","task_progress_percentage":3,"current_command_idx":1,'
                b'"command_progress_percentage":50,"log":"a\\nb\\n","metrics":{"timing":{"checked":0.25}}}'
            ),
            b'{"log":"\\ud83d\\ude00\\u0000","task_status":"failed"}',
            b'{"metrics":{"Timing":{"$x":1,"":2,"y":1e300}}}',
        ),
        words=_UPDATE_WORDS,
        large=lambda: (
            *nasty.json_texts(),
            *nasty.within(b'{"current_command_idx":%s}', b'{"metrics":{"timing":{"a":%s}}}', b'{"activity":%s}'),
            b'{"log":"' + b"x" * 8_000_000 + b'"}',
            b'{"log":"' + b"\\n" * 2_000_000 + b'"}',
        ),
    ),
    Target(
        name="worker-output",
        parse=_output,
        errors=_BOTH,
        seeds=(b'{"paths":["/render/a.png","S:\\\\b.exr"]}', b'{"paths":["/a/../b.png","@x.png","/a\\u0000.png"]}'),
        words=(b'"paths"', b'"/a.png"', b'".."', b'"C:/a.jpg"', b".exr", b"\\\\"),
    ),
    Target(
        name="worker-authorization",
        parse=_authorization,
        errors=(Unauthorized,),
        seeds=(b"Basic " + b64encode(WORKER.encode() + b":secret"), b"basic  " + b64encode(b":"), b"Bearer x"),
        words=(b"Basic ", b"BASIC ", b"Og==", b"NWU2YTFmMmM5ZDNiNGEwMDE3YzBmZmVlOg=="),
        large=_long_credentials,
    ),
    Target(
        name="id",
        parse=_an_id,
        errors=(),
        seeds=(WORKER.encode(), WORKER.upper().encode(), WORKER.encode() + b"\n", "٠١٢٣٤٥٦٧٨٩".encode() + b"0" * 14),
        words=(b"../", b"\n", b"%2f", b"0123456789abcdef"),
        large=lambda: (b"a" * 10_000_000,),
    ),
)
