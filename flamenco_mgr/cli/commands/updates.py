"""``flamenco-manager updates``: what the Server has yet to hear, and what it refuses to hear."""

from collections.abc import Sequence

import click
from attrs import frozen

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.naming import an_id, find_task_id
from flamenco_mgr.cli.outcome import CannotDo, ExitStatus, Unreachable
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import moment, number, text, value
from flamenco_mgr.cli.shape import FarmGroup, limited
from flamenco_mgr.cli.texts import lasting

_ID = Column(title="ID", value=lambda update: text(update, "_id"), whole=True)
_TASK = Column(title="TASK", value=lambda update: text(update, "task"), whole=True)
_NEWS = Column(title="NEWS", value=lambda update: text(update, "status") or text(update, "activity"))

WAITING = (
    _ID,
    _TASK,
    _NEWS,
    Column(title="WORKER", value=lambda update: text(update, "worker")),
    Column(title="WAITS FOR", value=lambda update: lasting(number(update, "age"))),
)
PARKED = (
    _ID,
    _TASK,
    _NEWS,
    Column(title="PARKED", value=lambda update: moment(update, "parked")),
    Column(title="THE SERVER SAYS", value=lambda update: text(update, "reason")),
)


@frozen(kw_only=True)
class _Act:
    """What is done to a parked update, where, and what is said of it then."""

    method: str
    path: str
    done: str


@click.group(cls=FarmGroup, usual="list")
def updates() -> None:
    """
    List what waits for the Server, decide on what it refuses.

    Without a command: list, which also takes its options.
    """


@updates.command(name="list")
@click.option("--task", metavar="TASK", help="Only those of this task: its id, its name, or a beginning of them.")
@limited()
@click.pass_obj
def list_waiting(invocation: Invocation, task: str | None, limit: int | None) -> None:
    """List the updates that wait for the Server, the oldest first."""
    manager = invocation.manager()
    asked = {"task": None if task is None else find_task_id(manager, task)}
    found = manager.list("/api/v1/updates", asked, limit=limit)
    invocation.output.records(found, WAITING, none="No update waits for the Server.")


@updates.command()
@limited()
@click.pass_obj
def parked(invocation: Invocation, limit: int | None) -> None:
    """List the updates that the Server refuses, with its words."""
    found = invocation.manager().list("/api/v1/updates/parked", limit=limit)
    invocation.output.records(found, PARKED, none="No update is parked.")


@updates.command()
@click.argument("ids", nargs=-1, metavar="[UPDATE]...")
@click.option("--all", "every", is_flag=True, help="All that are parked now.")
@click.pass_obj
def retry(invocation: Invocation, ids: Sequence[str], every: bool) -> ExitStatus:
    """Put parked updates back into the queue."""
    act = _Act(method="POST", path="/api/v1/updates/parked/{}/retry", done="waits for the Server again")
    return _each(invocation, _chosen(ids, every=every), act)


@updates.command()
@click.argument("ids", nargs=-1, metavar="[UPDATE]...")
@click.option("--all", "every", is_flag=True, help="All that are parked now.")
@click.pass_obj
def drop(invocation: Invocation, ids: Sequence[str], every: bool) -> ExitStatus:
    """Drop parked updates for good: the Server will not hear of them."""
    act = _Act(method="DELETE", path="/api/v1/updates/parked/{}", done="is dropped")
    return _each(invocation, _chosen(ids, every=every), act)


def _chosen(ids: Sequence[str], *, every: bool) -> list[str] | None:
    """Return the ids that were given, None for all of them."""
    if bool(ids) == every:
        raise click.UsageError("Name updates by their ids, or say --all")
    return None if every else [an_id(one, "update") for one in ids]


def _each(invocation: Invocation, ids: list[str] | None, act: _Act) -> ExitStatus:
    manager = invocation.manager()
    if ids is None:
        ids = [text(update, "_id") for update in manager.list("/api/v1/updates/parked")]
    answers = [_acted(manager, update, act) for update in ids]
    if invocation.as_json:
        invocation.output.document(answers)
    else:
        for answer in answers:
            _tell(invocation, answer, act.done)
    return ExitStatus.REFUSED if any(value(answer, "error") for answer in answers) else ExitStatus.DONE


def _acted(manager: Manager, update: str, act: _Act) -> Record:
    try:
        manager.act(act.method, act.path.format(update))
    except Unreachable:
        raise
    except CannotDo as e:
        return {"_id": update, "error": str(e)}
    return {"_id": update, "error": None}


def _tell(invocation: Invocation, answer: Record, done: str) -> None:
    if value(answer, "error"):
        invocation.output.warn(f"{text(answer, '_id')}: {text(answer, 'error')}")
    else:
        invocation.output.say(f"{text(answer, '_id')} {done}")
