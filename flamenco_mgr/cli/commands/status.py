"""``flamenco-manager status``: how the farm is, on one screen."""

from collections.abc import Iterator
from datetime import datetime, timezone

import click

from flamenco_mgr.cli.doubts import doubts
from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import count, number, tally, text, value
from flamenco_mgr.cli.shape import FarmCommand
from flamenco_mgr.cli.texts import counted, lasting


@click.command(cls=FarmCommand)
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Show how the farm is, and what to look at."""
    output = invocation.output
    found = invocation.manager().status()
    warnings = list(doubts(found))
    if invocation.as_json:
        output.document({**found, "warnings": warnings})
        return
    output.facts(_facts(found))
    output.facts(("Warning", warning) for warning in warnings)


def _facts(found: Record) -> Iterator[tuple[str, str]]:
    mode = text(found, "mode")
    yield "Manager", f"{text(found, 'name')}, version {text(found, 'version')}, {_running(found)}"
    if mode != "production":
        yield "Mode", mode
    yield "Server", _server(found)
    yield "Duties", _duties(found)
    yield "Workers", _all(found, "workers")
    yield "Tasks", _all(found, "tasks") + _counted_before(found)
    yield "Updates", _updates(found)


def _running(found: Record) -> str:
    now, started = _instant(found, "now"), _instant(found, "started")
    if now is None or started is None:
        return "running"
    return f"running for {lasting((now - started).total_seconds())}"


def _server(found: Record) -> str:
    if not value(found, "server", "linked"):
        return "none: this Manager is not linked to a Flamenco Server"
    name = text(found, "server", "url") or text(found, "server", "name")
    reachable = value(found, "server", "reachable")
    if reachable is None:
        return name
    state = "reachable" if reachable else "not reachable"
    now, since = _instant(found, "now"), _instant(found, "server", "since")
    lasts = "" if now is None or since is None else f" for {lasting((now - since).total_seconds())}"
    return f"{name}, {state}{lasts}"


def _duties(found: Record) -> str:
    managers = value(found, "duties", "managers")
    holder = text(found, "duties", "holder")
    if not isinstance(managers, list) or len(managers) <= 1:
        return "done here" if value(found, "duties", "here") else f"done by {holder or 'nobody'}"
    others = ", ".join(str(manager) for manager in managers if manager != holder)
    return f"done by {holder or 'nobody'}{' (this one)' if value(found, 'duties', 'here') else ''}; besides: {others}"


def _all(found: Record, things: str) -> str:
    total = count(found, things, "total")
    return f"{total:,}: {tally(found, things, 'by_status')}" if total else "none"


def _counted_before(found: Record) -> str:
    age = number(found, "tasks", "age")
    return f" (counted {lasting(age)} ago)" if age >= 1 else ""


def _updates(found: Record) -> str:
    waiting = count(found, "updates", "waiting")
    if not waiting:
        return "none waits for the Server"
    waits = f"{counted(waiting, 'waits', 'wait')} for the Server"
    return f"{waits}, the oldest for {lasting(number(found, 'updates', 'oldest_age'))}"


def _instant(found: Record, *path: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text(found, *path).replace("Z", "+00:00"))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=timezone.utc)
