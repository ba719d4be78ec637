"""What a recorded process says, one line for each fact, and the store through which it is known."""

import json
import os
from collections.abc import Awaitable, Sequence
from typing import Any

from attrs import define, field
from zope.interface import implementer

from flamenco_mgr.domain.updates import QueuedUpdate, Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import Import, IStore


def say(**fact: Any) -> None:
    """Say a fact on standard output, in one write: so it has its place among the recorded writes."""
    os.write(1, json.dumps(fact).encode() + b"\n")


@define(eq=False)
class _Told:
    """A part of a store, all of whose methods are the real ones."""

    _real: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@define(eq=False)
class ToldTasks(_Told):
    """Says which changes of tasks were acknowledged."""

    async def apply(self, transition: Transition) -> bool:
        done: bool = await self._real.apply(transition)
        if done and transition.changes_anything:
            after, update = transition.after, transition.update
            told = update.id if update is not None and update.status is not None else None
            revision = transition.before.revision + 1
            say(task=after.id, revision=revision, status=after.status, worker=after.worker_id, update=told)
        return done

    async def take_in(self, imports: Sequence[Import]) -> frozenset[str]:
        left: frozenset[str] = await self._real.take_in(imports)
        say(tasks=[one.after.id for one in imports if one.after.id not in left])
        return left

    def remove(self, tasks: Sequence[Any]) -> Awaitable[frozenset[str]]:
        say(removing=[task.id for task in tasks])
        removed: Awaitable[frozenset[str]] = self._real.remove(tasks)
        return removed


@define(eq=False)
class ToldUpdates(_Told):
    """Says which updates the Server has."""

    async def handled(self, updates: Sequence[QueuedUpdate]) -> None:
        which = [(queued.update.id, queued.version) for queued in updates]
        say(telling=[update for update, _ in which])
        await self._real.handled(updates)
        say(told=which)


@define(eq=False)
class ToldWorkers(_Told):
    """Says which changes of workers were acknowledged."""

    async def add(self, worker: Worker) -> None:
        await self._real.add(worker)
        say(worker=worker.id, revision=worker.revision, status=worker.status)

    async def change(self, before: Worker, after: Worker, *more: Any, **how: Any) -> bool:
        done: bool = await self._real.change(before, after, *more, **how)
        if done and before != after:
            say(worker=after.id, revision=before.revision + 1, status=after.status)
        return done


@implementer(IStore)
@define(eq=False)
class ToldStore:
    """A real store; what it acknowledges is said when it does, and not before."""

    _real: Any
    tasks: Any = field(init=False)
    updates: Any = field(init=False)
    workers: Any = field(init=False)
    blacklist: Any = field(init=False)
    history: Any = field(init=False)
    overview: Any = field(init=False)
    mark: Any = field(init=False)
    lease: Any = field(init=False)
    commits: Any = field(init=False)
    farm_mark: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        for part in ("blacklist", "history", "overview", "mark", "lease", "commits", "farm_mark"):
            setattr(self, part, getattr(self._real, part))
        self.tasks = ToldTasks(self._real.tasks)
        self.updates = ToldUpdates(self._real.updates)
        self.workers = ToldWorkers(self._real.workers)

    def repair(self) -> Awaitable[int]:
        repaired: Awaitable[int] = self._real.repair()
        return repaired

    def check(self) -> Awaitable[None]:
        checked: Awaitable[None] = self._real.check()
        return checked

    def checkpoint(self) -> Awaitable[None]:
        done: Awaitable[None] = self._real.checkpoint()
        return done

    def close(self) -> Awaitable[None]:
        closed: Awaitable[None] = self._real.close()
        return closed
