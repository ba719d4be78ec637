"""Workers and tasks by the names that people have for them."""

import re
from collections.abc import Sequence
from typing import Final

from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.outcome import CannotDo, WrongUsage
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import text
from flamenco_mgr.cli.texts import shortened

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_BEGINNING: Final = re.compile(r"[0-9a-fA-F]{1,23}")
_LONGEST_BEGINNING: Final = 200
_CANDIDATES: Final = 100
_NAMED: Final = 5


def an_id(name: str, what: str) -> str:
    """Return an id in lower case; raises `WrongUsage` if the text is none."""
    if not _ID.fullmatch(name):
        raise WrongUsage(f"{shortened(name, 60)!r} is no {what}'s id, which has 24 hexadecimal digits")
    return name.lower()


def find_workers(manager: Manager, names: Sequence[str]) -> list[Record]:
    """Return the Workers that are meant, each once; raises `CannotDo` if it is not clear which."""
    workers = list(manager.list("/api/v1/workers"))
    found = {text(worker, "_id"): worker for worker in (_worker(workers, name) for name in names)}
    return list(found.values())


def find_worker(manager: Manager, name: str) -> Record:
    """Return the Worker with this id, nickname, or beginning of an id; raises `CannotDo` if it is not clear which."""
    return _worker(list(manager.list("/api/v1/workers")), name)


def find_worker_id(manager: Manager, name: str) -> str:
    """Return the id of a Worker; one that is given as a whole need not be there any more."""
    return name.lower() if _ID.fullmatch(name) else text(find_worker(manager, name), "_id")


def worker_id_among(workers: Sequence[Record], name: str) -> str:
    """Return the same if all Workers are at hand."""
    return name.lower() if _ID.fullmatch(name) else text(_worker(workers, name), "_id")


def find_task(manager: Manager, name: str) -> Record:
    """Return the task with this id or name, or the only one whose id or name begins so; raises `CannotDo`."""
    if _ID.fullmatch(name):
        return manager.get(f"/api/v1/tasks/{name.lower()}")
    if not name or len(name) > _LONGEST_BEGINNING:
        raise WrongUsage("A task is named by its id, its name, or a beginning of them, of 200 characters at the most")
    tasks = list(manager.list("/api/v1/tasks", {"begins": name}, limit=_CANDIDATES))
    exact = [task for task in tasks if text(task, "name").casefold() == name.casefold()]
    return _only(exact or tasks, name, "task", "name")


def find_task_id(manager: Manager, name: str) -> str:
    """Return the id of a task; one that is given as a whole need not be there any more."""
    return name.lower() if _ID.fullmatch(name) else text(find_task(manager, name), "_id")


def _worker(workers: Sequence[Record], name: str) -> Record:
    if _ID.fullmatch(name):
        found = [worker for worker in workers if text(worker, "_id") == name.lower()]
    else:
        found = [worker for worker in workers if name and text(worker, "nickname") == name]
        if not found and _BEGINNING.fullmatch(name):
            found = [worker for worker in workers if text(worker, "_id").startswith(name.lower())]
    return _only(found, name, "Worker", "nickname")


def _only(found: Sequence[Record], name: str, what: str, label: str) -> Record:
    if len(found) == 1:
        return found[0]
    shown = repr(shortened(name, 60))
    if not found:
        raise CannotDo(f"There is no {what} {shown}")
    several = ", ".join(f"{text(one, '_id')} ({shortened(text(one, label), 60)})" for one in found[:_NAMED])
    raise CannotDo(f"{shown} can mean several {what}s: {several}{', …' if len(found) > _NAMED else ''}")
