"""A store and a naive model of it go the same way, whatever happens to them in whatever order."""

import itertools
from collections import Counter
from typing import Any, ClassVar

from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, FailedBy, Task
from flamenco_mgr.domain.updates import TaskUpdate, Transition, merged
from flamenco_mgr.store.interfaces import EventsAsked, Import, SetAside
from tests.builders import a_task, an_update
from tests.store.contract.case import StoreCase, an_id

TASKS = [an_id(number) for number in range(5)]
WORKERS = [an_id(0xA0 + number) for number in range(2)]
JOBS = [an_id(0xB0), an_id(0xB1)]
TASK_TYPES = ["a", "b"]
KINDS = list(itertools.product(WORKERS, JOBS, TASK_TYPES))
SKIPPED = [frozenset[str](), frozenset(TASKS[:2]), frozenset(TASKS[1:4])]

kinds = st.sampled_from(KINDS)
task_ids = st.sampled_from(TASKS)
no_ids: tuple[str, ...] = ()
parents = st.one_of(st.just(no_ids), st.lists(task_ids, min_size=1, max_size=2).map(tuple))
statuses = st.sampled_from(["queued", "completed", "claimed-by-manager", "soft-failed", "active", "failed"])
described = st.fixed_dictionaries(
    {
        "status": statuses,
        "job": st.sampled_from(JOBS),
        "task_type": st.sampled_from(TASK_TYPES),
        "job_priority": st.sampled_from([1, 2]),
        "priority": st.sampled_from([1, 2]),
        "parents": parents,
        "failed_by": st.sets(st.sampled_from(WORKERS)).map(lambda ids: tuple(FailedBy(id=one) for one in sorted(ids))),
        "worker_id": st.sampled_from([None, *WORKERS]),
    }
)
words = st.one_of(
    st.none(),
    st.builds(lambda text: {"activity": text}, st.sampled_from(["x", "y"])),
    st.builds(lambda status: {"status": status}, st.sampled_from(["active", "completed"])),
)


@define
class Model:
    """The store as simply as it can be said."""

    tasks: dict[str, Task] = field(factory=dict)
    held: list[str] = field(factory=list)
    aside: set[str] = field(factory=set)
    queue: list[tuple[TaskUpdate, int]] = field(factory=list)
    bans: dict[tuple[str, str, str], float] = field(factory=dict)
    happened: list[tuple[str, str, str, str | None]] = field(factory=list)

    def change(self, task: Task) -> None:
        """Put a task in the place of the one that was there."""
        before = self.tasks[task.id]
        self.remember(before, task)
        if evolve(task, revision=before.revision) != before:
            self.tasks[task.id] = evolve(task, revision=before.revision + 1)

    def apply(self, task: Task) -> None:
        """Put a task in the place of the one that was there; the revision moves also if it is the same."""
        self.remember(self.tasks[task.id], task)
        self.tasks[task.id] = evolve(task, revision=task.revision + 1)

    def remember(self, before: Task, after: Task) -> None:
        """Remember another status, or another worker."""
        if (before.status, before.worker_id) != (after.status, after.worker_id):
            self.happened.append((after.id, before.status, after.status, after.worker_id))

    def counts(self, job: str | None = None) -> dict[str, int]:
        """Return how many tasks there are by status, of a job or all."""
        return dict(Counter(task.status for task in self.tasks.values() if job in {None, task.job}))

    def tell(self, update: TaskUpdate) -> None:
        """Queue an update, or merge it into the task's last one."""
        places = [place for place, (waiting, _) in enumerate(self.queue) if waiting.task_id == update.task_id]
        both = merged(self.queue[places[-1]][0], update) if places else None
        if both is None:
            self.queue.append((update, 1))
        else:
            self.queue[places[-1]] = (both, self.queue[places[-1]][1] + 1)

    def candidate(self, worker: str, types: tuple[str, ...], skip: frozenset[str], since: float) -> str | None:
        """Return the id of the best task, found by looking at all of them."""
        for task_id, task in sorted(self.tasks.items()):
            if task.status == "active" and task.worker_id == worker:
                return task_id
        good = [
            (-task.job_priority, -task.priority, task.id)
            for task in self.tasks.values()
            if task.status in SCHEDULABLE
            and task.task_type in types
            and task.id not in self.held
            and task.id not in skip
            and self.bans.get((worker, task.job, task.task_type), -1.0) < since
            and worker not in {failed.id for failed in task.failed_by}
            and not any(self.is_waited_for(parent) for parent in task.parents)
        ]
        return min(good)[2] if good else None

    def is_forgotten(self, task: Task) -> bool:
        """Whether a task may go: it is finished, and nothing hangs on it."""
        children = [one for one in self.tasks.values() if task.id in one.parents]
        needed = task.status != "completed" or any(child.status not in FINISHED for child in children)
        waiting = task.id in self.held or task.id in self.aside or any(one.task_id == task.id for one, _ in self.queue)
        return task.status in FINISHED and not waiting and not (children and needed)

    def is_waited_for(self, parent: str) -> bool:
        """Whether the children of a task must wait for it."""
        return parent in self.aside or (parent in self.tasks and self.tasks[parent].status != "completed")


class StoreMachine(RuleBasedStateMachine):
    """Does at random what the farm does."""

    case: ClassVar[StoreCase]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.case.make_store(self.case.clock)
        self.model = Model()
        self.updates = 0

    def result_of(self, awaitable: Any) -> Any:
        """Return what something gives."""
        return self.case.result_of(awaitable)

    def next_update(self, task_id: str, said: dict[str, str] | None) -> TaskUpdate | None:
        """Return an update of a new id that says this."""
        if said is None:
            return None
        self.updates += 1
        return an_update(id=an_id(self.updates), task_id=task_id, received_at=float(self.updates), **said)

    @initialize(facts=st.lists(described, min_size=2, max_size=len(TASKS)))
    def begin(self, facts: list[dict[str, Any]]) -> None:
        """Begin with a few tasks."""
        for task_id, one in zip(TASKS, facts, strict=False):
            self.download(task_id, one)
        self.release(len(TASKS))

    @rule(task_id=task_ids, facts=described)
    def download(self, task_id: str, facts: dict[str, Any]) -> None:
        """Take a task in that may be here already."""
        before = self.model.tasks.get(task_id)
        after = a_task(id=task_id, **facts) if before is None else evolve(before, **facts)
        left = self.result_of(self.store.tasks.take_in([Import(before=before, after=after, commands=())]))
        assert left == frozenset()
        self.model.aside.discard(task_id)
        if before is None:
            self.model.tasks[task_id] = after
            self.model.held.append(task_id)
        else:
            self.model.change(after)

    @rule(task_id=task_ids, facts=described)
    def download_late(self, task_id: str, facts: dict[str, Any]) -> None:
        """Take a task in on the ground of what is not so any more."""
        here = self.model.tasks.get(task_id)
        before = None if here else a_task(id=task_id)
        late = Import(before=before, after=a_task(id=task_id, **facts), commands=())
        assert self.result_of(self.store.tasks.take_in([late])) == {task_id}

    @rule(limit=st.integers(min_value=1, max_value=len(TASKS)))
    def release(self, limit: int) -> None:
        """Let held tasks go."""
        released, self.model.held = self.model.held[:limit], self.model.held[limit:]
        assert self.result_of(self.store.tasks.release(limit)) == len(released)

    @rule(task_id=task_ids)
    def put_aside(self, task_id: str) -> None:
        """Set a task aside."""
        aside = SetAside(task_id=task_id, reason="", document="", since=0.0)
        self.result_of(self.store.tasks.set_aside([aside]))
        self.model.aside.add(task_id)

    @precondition(lambda self: self.model.tasks)
    @rule(
        data=st.data(),
        facts=described,
        names=st.sets(st.sampled_from(["status", "failed_by", "worker_id", "priority"])),
    )
    def change(self, data: st.DataObject, facts: dict[str, Any], names: set[str]) -> None:
        """Change a few fields of a task, and say something of it; then try the same once more, too late."""
        before = self.model.tasks[data.draw(st.sampled_from(sorted(self.model.tasks)))]
        after = evolve(before, **{name: facts[name] for name in names})
        update = self.next_update(before.id, data.draw(words))
        assert self.result_of(self.store.tasks.apply(Transition(before=before, after=after, update=update)))
        self.model.apply(after)
        if update is not None:
            self.model.tell(update)
        late = Transition(before=evolve(before, revision=before.revision - 1), after=after, update=update)
        assert not self.result_of(self.store.tasks.apply(late))

    @precondition(lambda self: self.model.tasks)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        """Forget a task, if nothing needs it."""
        task = self.model.tasks[data.draw(st.sampled_from(sorted(self.model.tasks)))]
        gone = self.result_of(self.store.tasks.remove([task]))
        assert (task.id in gone) == self.model.is_forgotten(task)
        if gone:
            del self.model.tasks[task.id]

    @rule(count=st.integers(min_value=1, max_value=2), said=words)
    def push(self, count: int, said: dict[str, str] | None) -> None:
        """Let the Server have the oldest updates, while something more is said."""
        read = self.result_of(self.store.updates.oldest(count, 1 << 30))
        pushed = [(queued.update.id, queued.version) for queued in read]
        update = self.next_update(read[0].update.task_id, said) if read else None
        here = self.model.tasks.get(update.task_id) if update is not None else None
        if here is not None and update is not None:
            self.result_of(self.store.tasks.apply(Transition(before=here, after=here, update=update)))
            self.model.apply(here)
            self.model.tell(update)
        self.result_of(self.store.updates.handled(read))
        self.model.queue = [(one, version) for one, version in self.model.queue if (one.id, version) not in pushed]

    @precondition(lambda self: self.model.queue)
    @rule()
    def park(self) -> None:
        """Move the oldest update out of the way."""
        self.result_of(self.store.updates.park(self.result_of(self.store.updates.oldest(1, 1))[0], "no", 0.0))
        del self.model.queue[0]

    @rule(kind=kinds, created=st.sampled_from([1.0, 2.0, 4.0]))
    def ban(self, kind: tuple[str, str, str], created: float) -> None:
        """Ban a worker from a kind of tasks, which it may be already."""
        worker, job, task_type = kind
        line = BlacklistLine(worker_id=worker, job=job, task_type=task_type, created=created)
        assert self.result_of(self.store.blacklist.add(line)) == (kind not in self.model.bans)
        self.model.bans.setdefault(kind, created)

    @rule(kind=kinds)
    def unban(self, kind: tuple[str, str, str]) -> None:
        """Remove a line of the blacklist, which may not be there."""
        assert self.result_of(self.store.blacklist.remove(*kind)) == (kind in self.model.bans)
        self.model.bans.pop(kind, None)

    @invariant()
    def tasks_agree(self) -> None:
        """Every task is as the model has it, and stands as the model's does."""
        standing = self.result_of(self.store.tasks.standing(TASKS))
        for task_id in TASKS:
            assert standing[task_id].task == self.model.tasks.get(task_id)
            assert self.result_of(self.store.tasks.get(task_id)) == self.model.tasks.get(task_id)
            waiting = [update for update, _ in self.model.queue if update.task_id == task_id]
            assert standing[task_id].waiting == bool(waiting)
            assert standing[task_id].final_waits == any(update.status in FINISHED for update in waiting)

    @invariant()
    def candidates_agree(self) -> None:
        """Every worker is given what the model gives it."""
        for worker in WORKERS:
            for types in (("a",), ("b", "a")):
                for skip in SKIPPED:
                    since = float(len(skip) + 1)
                    task = self.result_of(self.store.tasks.candidate(worker, types, skip, since))
                    assert (task and task.id) == self.model.candidate(worker, types, skip, since)

    @invariant()
    def failures_agree(self) -> None:
        """Every worker failed at so many tasks of each kind as the model says."""
        for worker, job, task_type in KINDS:
            failed = [
                task
                for task in self.model.tasks.values()
                if (task.job, task.task_type) == (job, task_type) and worker in {one.id for one in task.failed_by}
            ]
            assert self.result_of(self.store.tasks.failures(worker, job, task_type)) == len(failed)

    @invariant()
    def counts_agree(self) -> None:
        """As many tasks are counted as the model has, altogether and of each job."""
        overview = self.store.overview
        self.result_of(overview.recount())
        assert self.result_of(overview.counts()).by_status == self.model.counts()
        for job in JOBS:
            found = self.result_of(overview.job(job))
            assert (found.by_status if found else {}) == self.model.counts(job)

    @invariant()
    def history_agrees(self) -> None:
        """What happened to each task is recorded once, in its order."""
        self.result_of(self.store.lease.look())
        page = self.result_of(self.store.history.events(EventsAsked(), None, 1000, newest_first=False))
        found = [(one.event.task, one.event.before, one.event.after, one.event.worker) for one in page.items]
        assert sorted(found, key=_of_which) == sorted(self.model.happened, key=_of_which)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """A repair never finds anything."""
        assert self.result_of(self.store.repair()) == 0

    @invariant()
    def queues_agree(self) -> None:
        """What waits for the Server is what the model has, in its order."""
        queue = self.result_of(self.store.updates.oldest(0, 1 << 30))
        assert [(queued.update, queued.version) for queued in queue] == self.model.queue
        assert self.result_of(self.store.updates.waiting()) == len(self.model.queue)


def _of_which(happened: tuple[Any, ...]) -> Any:
    return happened[0]


class MachineContract(StoreCase):
    examples = 200
    steps = 40

    def test_model(self) -> None:
        """After any history, the store gives, holds and tells what a naive model does."""
        machine = type("Machine", (StoreMachine,), {"case": self})
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
        profile = settings(
            max_examples=self.examples,
            stateful_step_count=self.steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=checks,
        )
        run_state_machine_as_test(machine, settings=profile)
