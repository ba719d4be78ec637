"""``flamenco-manager workers``: who works here, and what to do with one of them."""

from collections.abc import Iterator

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import find_worker
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import entries, moment, text, value
from flamenco_mgr.cli.shape import FarmGroup, limited
from flamenco_mgr.cli.statuses import OF_WORKERS, warn_if_unknown
from flamenco_mgr.cli.worker_names import WORKER


def _status(worker: Record) -> str:
    return (text(worker, "status") or "(none)") + (", sick" if text(worker, "sick") else "")


def _asked(worker: Record) -> str:
    requested = text(worker, "status_requested")
    return f"{requested}, lazily" if requested and value(worker, "lazy_status_request") else requested


def _schedule(worker: Record) -> str:
    """Return when it sleeps, empty if no schedule is active."""
    schedule = value(worker, "sleep_schedule")
    if not value(schedule or {}, "schedule_active"):
        return ""
    start, end = text(schedule, "time_start") or "00:00", text(schedule, "time_end") or "24:00"
    return f"{text(schedule, 'days_of_week') or 'every day'} {start}-{end}"


COLUMNS = (
    Column(title="NAME", value=lambda worker: text(worker, "nickname")),
    Column(title="ID", value=lambda worker: text(worker, "_id"), whole=True),
    Column(title="STATUS", value=_status),
    Column(title="ASKED", value=_asked),
    Column(title="TASK", value=lambda worker: text(worker, "current_task")),
    Column(title="LAST SEEN", value=lambda worker: moment(worker, "last_activity")),
    Column(title="ADDRESS", value=lambda worker: text(worker, "address")),
)


@click.group(cls=FarmGroup, usual="list")
def workers() -> None:
    """
    List Workers, show one, or steer it.

    Without a command: list, which also takes its options.
    """


@workers.command(name="list")
@click.option("--status", help=f"Only those in this status: {', '.join(OF_WORKERS)}.")
@limited()
@click.pass_obj
def list_workers(invocation: Invocation, status: str | None, limit: int | None) -> None:
    """List the Workers by name."""
    warn_if_unknown(invocation.output, status, OF_WORKERS)
    found = invocation.manager().list("/api/v1/workers", {"status": status}, limit=limit)
    invocation.output.records(
        found, COLUMNS, none="There are no Workers." if status is None else "There are no such Workers."
    )


@workers.command()
@click.argument("worker", type=WORKER)
@click.pass_obj
def show(invocation: Invocation, worker: str) -> None:
    """
    Show a Worker.

    A WORKER is a nickname, an id, or a beginning of an id.
    """
    found = find_worker(invocation.manager(), worker)
    if invocation.as_json:
        invocation.output.document(found)
    else:
        invocation.output.facts(_facts(found))


@workers.command(name="ack-timeout")
@click.argument("worker", type=WORKER)
@click.pass_obj
def acknowledge(invocation: Invocation, worker: str) -> None:
    """Acknowledge that a Worker timed out."""
    _act(invocation, worker, "ack-timeout", "is taken to be offline")


@workers.command(name="test")
@click.argument("worker", type=WORKER)
@click.pass_obj
def send_test(invocation: Invocation, worker: str) -> None:
    """Give a Worker that is testing a task to test it with."""
    _act(invocation, worker, "test-job", "has a test task")


@workers.command()
@click.argument("worker", type=WORKER)
@click.pass_obj
def forget(invocation: Invocation, worker: str) -> None:
    """Forget a Worker; its task goes to another one."""
    manager = invocation.manager()
    found = find_worker(manager, worker)
    manager.act("DELETE", f"/api/v1/workers/{text(found, '_id')}")
    _done(invocation, found, "is forgotten")


@workers.command()
@click.argument("worker", type=WORKER)
@click.option("--days", default="", help="The days on which it goes to sleep, such as 'mo tu we'; else every day.")
@click.option("--start", metavar="HH:MM", help="When it goes to sleep; else when the day begins.")
@click.option("--end", metavar="HH:MM", help="When it wakes up, on the next day if that is earlier; else at midnight.")
@click.option("--off", is_flag=True, help="Let the schedule rest, as it is.")
@click.pass_obj
def schedule(invocation: Invocation, *, worker: str, days: str, start: str | None, end: str | None, off: bool) -> None:
    """Tell a Worker when to sleep, in the time of the Manager's machine."""
    if off and (days or start or end):
        raise click.UsageError("--off goes without days and times")
    if not (off or days or start or end):
        raise click.UsageError("say when it sleeps (--days, --start, --end), or --off")
    manager = invocation.manager()
    found = find_worker(manager, worker)
    wanted = {"days_of_week": days.replace(",", " "), "time_start": start, "time_end": end}
    if off:
        wanted = {name: value(found, "sleep_schedule", name) for name in wanted}
    body = {"schedule_active": not off} | {name: said for name, said in wanted.items() if said}
    manager.act("PUT", f"/api/v1/workers/{text(found, '_id')}/sleep-schedule", body=body)
    _done(invocation, found, "has no active schedule" if off else f"sleeps {_schedule({'sleep_schedule': body})}")


def _act(invocation: Invocation, worker: str, act: str, done: str) -> None:
    manager = invocation.manager()
    found = find_worker(manager, worker)
    answer = manager.act("POST", f"/api/v1/workers/{text(found, '_id')}/{act}")
    _done(invocation, found, done, text(answer, "text"))


def _done(invocation: Invocation, worker: Record, what: str, more: str = "") -> None:
    if invocation.as_json:
        name = {"_id": text(worker, "_id"), "nickname": text(worker, "nickname")}
        invocation.output.document({**name, "text": more} if more else name)
    else:
        invocation.output.say(f"{text(worker, 'nickname') or text(worker, '_id')} {what}{f'. {more}' if more else ''}")


def _facts(worker: Record) -> Iterator[tuple[str, str]]:
    yield "Name", text(worker, "nickname")
    yield "Id", text(worker, "_id")
    yield "Status", text(worker, "status") or "(none: it only registered)"
    if text(worker, "sick"):
        yield "Sick", text(worker, "sick")
    if _asked(worker):
        yield "Asked to be", _asked(worker)
    yield "Address", text(worker, "address")
    yield "Platform", text(worker, "platform")
    yield "Software", text(worker, "software")
    yield "Task types", text(worker, "supported_task_types")
    yield "Last seen", moment(worker, "last_activity") or "never"
    if text(worker, "current_task"):
        yield "Task", f"{text(worker, 'current_task')} {text(worker, 'current_task_status')}".rstrip()
    yield "Sleeps", _schedule(worker) or "without a schedule"
    for line in entries(worker, "blacklist"):
        yield "Not given", f"{text(line, 'task_type')} of job {text(line, 'job_id')}, since {moment(line, '_created')}"
