"""What operators and scripts send: schedules, cursors, parameters, ranges."""

from attrs import evolve, frozen
from twisted.web.http import parse_qs

from flamenco_mgr.store.interfaces import Place
from flamenco_mgr.web.api.asked import LONGEST, MOST_ITEMS, Asked
from flamenco_mgr.web.api.cursors import cursor_of, place_of
from flamenco_mgr.web.errors import BadRequest
from flamenco_mgr.web.ranges import Unsatisfiable, asked_for
from flamenco_mgr.wire import operator_json
from flamenco_mgr.wire.strict_json import BadJSON
from flamenco_mgr.wire.worker_json import BadDocument
from tests.fuzz.checks import normal, sent, storable
from tests.fuzz.target import Target

_SIZES = (0, 1, 10, 5_000_000_000)


def _schedule(data: bytes) -> None:
    schedule = operator_json.sleep_schedule(data)
    again = operator_json.sleep_schedule(sent(operator_json.sleep_schedule_document(schedule)))
    assert again == evolve(schedule, next_check=None), f"{schedule} reads back as {again}"
    storable(schedule.text)


def _cursor(data: bytes) -> None:
    place: Place = place_of(data.decode("latin-1"))
    storable(*place)
    cursor = cursor_of(place)
    assert cursor is not None
    assert place_of(cursor) == place, f"{place} reads back as something else"


@frozen
class _Request:
    args: dict[bytes, list[bytes]]


def _parameters(data: bytes) -> None:
    args = parse_qs(data, keep_blank_values=True)
    asked = Asked.of(_Request(args), "limit", "cursor", "task", "begins")  # type: ignore[arg-type]  # all it looks at
    assert 1 <= asked.limit() <= MOST_ITEMS
    found = asked.an_id("task")
    if found is not None:
        normal(found)
    text = asked.text("begins")
    if text is not None:
        storable(text)
        assert len(text) <= LONGEST
    asked.place()


def _range(data: bytes) -> None:
    header = data.decode("latin-1")
    unsatisfiable = 0
    for size in _SIZES:
        try:
            part = asked_for(header, size)
        except Unsatisfiable:
            unsatisfiable += 1
            continue
        if part is not None:
            start, length = part
            assert 0 <= start < start + length <= size, f"{part} of {size} bytes"
    if unsatisfiable == len(_SIZES):
        raise Unsatisfiable


TARGETS = (
    Target(
        name="operator-schedule",
        parse=_schedule,
        errors=(BadJSON, BadDocument),
        seeds=(
            b'{"schedule_active":true,"days_of_week":"mo tuesday","time_start":"9:05","time_end":"17:00"}',
            b'{"schedule_active":false,"time_end":"24:00","days_of_week":""}',
        ),
        words=(b'"schedule_active"', b'"days_of_week"', b'"time_start"', b'"time_end"', b'"23:59"', b"mo", b"Sunday"),
        large=lambda: (
            b'{"days_of_week":"' + b"mo " * 500_000 + b'"}',
            b'{"time_start":"' + b"1" * 1_000_000 + b':00"}',
        ),
    ),
    Target(
        name="api-cursor",
        parse=_cursor,
        errors=(BadRequest,),
        seeds=(b"WyJhIiwiYiJd", b"WyJcdTAwMDAiXQ", b"W10"),
        words=(b"WyI", b"Il0", b"=", b"-_"),
        large=lambda: (b"W" * 10_000_000, b"W1tb" * 499),
    ),
    Target(
        name="api-parameters",
        parse=_parameters,
        errors=(BadRequest,),
        seeds=(b"limit=100&cursor=WyJhIl0&task=5e6a2b7d9d3b4a0017c0a001&begins=f%C3%A9", b"limit=0500", b"begins=%00"),
        words=(b"limit=", b"&cursor=", b"&task=", b"&begins=", b"%ED%A0%80", b"%ff", b"501"),
        large=lambda: (b"begins=" + b"a" * 1_000_000, b"limit=" + b"9" * 1_000_000, b"&".join([b"limit=1"] * 10_000)),
    ),
    Target(
        name="log-range",
        parse=_range,
        errors=(Unsatisfiable,),
        seeds=(b"bytes=0-0", b"bytes=-5", b"bytes= 3 - ", b"bytes=999999999999999999-", b"bytes=0-1,3-4"),
        words=(b"bytes=", b"-", b",", b"0", b"999999999999999999"),
        large=lambda: (
            b"bytes=" + b" " * 1_000_000,
            b"bytes=" + b"9" * 1_000_000 + b"-",
            b"bytes=0" + b" " * 50_000 + b"-x",
        ),
    ),
)
