"""``flamenco-manager request``: Workers are asked to sleep, to wake up, or to shut down."""

from collections.abc import Sequence

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.naming import find_workers
from flamenco_mgr.cli.outcome import CannotDo, ExitStatus, Unreachable
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import text, value
from flamenco_mgr.cli.shape import FarmCommand
from flamenco_mgr.cli.worker_names import WORKER

_STATUSES = {"sleep": "asleep", "wake": "awake", "shutdown": "shutdown"}
_WORDS = {"sleep": "to sleep", "wake": "to wake up", "shutdown": "to shut down"}


@click.command(cls=FarmCommand)
@click.argument("what", type=click.Choice(list(_STATUSES)), metavar="[sleep|wake|shutdown]")
@click.argument("workers", type=WORKER, nargs=-1, required=True, metavar="WORKER...")
@click.option("--lazy/--now", default=None, help="After its task (the default), or at once: its task is stopped.")
@click.pass_obj
def request(invocation: Invocation, what: str, workers: Sequence[str], lazy: bool | None) -> ExitStatus:
    """
    Ask Workers to sleep, to wake up, or to shut down.

    A WORKER is a nickname, an id, or a beginning of an id. Nothing is asked of any if one of them is not known. Waking
    also declares a sick Worker sound.
    """
    manager = invocation.manager()
    status = _STATUSES[what]
    lazily = what != "wake" if lazy is None else lazy
    answers = [_asked(manager, worker, status, lazily) for worker in find_workers(manager, workers)]
    if invocation.as_json:
        invocation.output.document(answers)
    else:
        for answer in answers:
            _tell(invocation, answer, f"{_WORDS[what]}, after its task" if lazily else _WORDS[what])
    return ExitStatus.REFUSED if any(value(answer, "error") for answer in answers) else ExitStatus.DONE


def _asked(manager: Manager, worker: Record, status: str, lazily: bool) -> Record:
    answer = {
        "_id": text(worker, "_id"),
        "nickname": text(worker, "nickname"),
        "requested": status,
        "lazy": lazily,
        "error": None,
    }
    try:
        path = f"/api/v1/workers/{text(worker, '_id')}/request"
        manager.act("POST", path, body={"status": status, "lazy": lazily})
    except Unreachable:
        raise
    except CannotDo as e:
        return {**answer, "error": str(e)}
    return answer


def _tell(invocation: Invocation, answer: Record, wanted: str) -> None:
    name = text(answer, "nickname") or text(answer, "_id")
    if value(answer, "error"):
        invocation.output.warn(f"{name}: {text(answer, 'error')}")
    else:
        invocation.output.say(f"{name} is asked {wanted}")
