"""A farm with some of everything that a store remembers."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.tasks import Command, FailedBy, Progress, Task
from flamenco_mgr.domain.updates import TaskUpdate, Transition
from flamenco_mgr.store.interfaces import Import, IStore, SetAside
from tests.builders import WORKER, a_task, a_worker, an_update
from tests.store.contract.case import an_id

JOB_A, JOB_B = an_id(0xA0), an_id(0xB0)

COMMANDS = (
    Command(name="blender_render", settings={"blender_cmd": "{blender}", "frames": "1-10", "chunk": 2.5}),
    Command(name="log_a_thing", settings={"key.with.dots": [1, {"deep": None}], "$odd": True, "text": "zwölf\n"}),
)

TASKS = 40
"""How many tasks the farm has; those at the end wait for the others."""

ResultOf = Callable[[Any], Any]


def fill(store: IStore, result_of: ResultOf, tasks: int = TASKS) -> None:
    """Let a new store hold such a farm."""
    _workers(store, result_of)
    _tasks(store, result_of, tasks)
    _life(store, result_of)
    aside = SetAside(task_id=an_id(0xF00001), reason="its job is missing", document='{"_id": 1}', since=77.125)
    result_of(store.tasks.set_aside([aside]))
    result_of(store.tasks.take_in([_new(a_task(id=an_id(0xF00002), job=JOB_B, parents=(an_id(0xF00001), an_id(1))))]))
    result_of(store.mark.set("2026-11-24T10:00:00.000001+00:00"))
    for number in range(3):
        line = BlacklistLine(worker_id=an_id(0x700000 + number), job=JOB_A, task_type="video", created=50.5 + number)
        result_of(store.blacklist.add(line))
    result_of(store.checkpoint())


def _workers(store: IStore, result_of: ResultOf) -> None:
    week = SleepSchedule(active=True, days=("mo", "fr"), start="18:00", end="06:00", next_check=1234.5)
    for number in range(5):
        worker = a_worker(
            id=an_id(0x700000 + number),
            nickname=f"render-{number}",
            status_requested="asleep" if number == 1 else None,
            sleep_schedule=week if number == 2 else SleepSchedule(),
            failed_jobs=(JOB_A, JOB_B) if number == 3 else (),
            sick="failed in 5 jobs" if number == 4 else "",
            last_activity=1000.25 + number,
        )
        result_of(store.workers.add(worker))
    result_of(store.workers.add(a_worker(id=WORKER, nickname="")))


def _tasks(store: IStore, result_of: ResultOf, tasks: int) -> None:
    for begin in range(1, tasks + 1, 500):
        some = range(begin, min(begin + 500, tasks + 1))
        result_of(store.tasks.take_in([_new(_task(number)) for number in some]))
    while result_of(store.tasks.release(500)):
        pass


def _task(number: int) -> Task:
    return a_task(
        id=an_id(number),
        job=JOB_A if number % 2 else JOB_B,
        name=f"täsk {number}",
        priority=number % 3,
        parents=() if number <= 20 else (an_id(number - 20), an_id(number - 19)),
        etag=f"etag-{number}",
        log="",
        last_updated=900.0 + number / 8,
    )


def _new(task: Task) -> Import:
    return Import(before=None, after=task, commands=COMMANDS)


def _life(store: IStore, result_of: ResultOf) -> None:
    """Let some tasks be done, some fail, some be under way; the Server hears of some of it."""
    for number in range(1, 6):
        _change(store, result_of, number, "completed", status="completed", worker_id=WORKER, worker="render")
    for queued in result_of(store.updates.oldest(2, 1 << 30)):
        result_of(store.updates.handled([queued]))
    (third, *_) = result_of(store.updates.oldest(1, 1 << 30))
    result_of(store.updates.park(third, "the Server says: 422", 321.5))
    failed = (FailedBy(id=an_id(0x700000), identifier="10.0.0.7 (render-0)"), FailedBy(id=an_id(0x700001)))
    _change(store, result_of, 6, "soft-failed", status="soft-failed", failed_by=failed)
    _change(
        store,
        result_of,
        7,
        "active",
        status="active",
        worker_id=WORKER,
        progress=Progress(task_percentage=40, command_index=1, command_percentage=80),
        timing={"fetch.time": 1.5, "$odd": 2.0},
        last_worker_ping=999.5,
    )
    _change(
        store, result_of, 8, "cancel-requested", status="cancel-requested", worker_id=WORKER, cancel_requested_at=9.5
    )
    _change(store, result_of, 9, None, activity="words", worker_id=WORKER)
    (queued, *_) = result_of(store.updates.oldest(1, 1 << 30))
    result_of(store.updates.unhandled([queued]))
    result_of(store.updates.add(an_update(id=an_id(0xE000EE), task_id=an_id(0xE0000E), status="canceled")))


def _change(store: IStore, result_of: ResultOf, number: int, told: str | None, **changes: Any) -> None:
    before = result_of(store.tasks.get(an_id(number)))
    update = TaskUpdate(
        id=an_id(0x500000 + number), task_id=before.id, received_at=100.5 + number, status=told, log_tail="l\n"
    )
    transition = Transition(before=before, after=evolve(before, last_updated=50.5 + number, **changes), update=update)
    assert result_of(store.tasks.apply(transition))
