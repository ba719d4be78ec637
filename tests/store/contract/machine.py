"""A store and a naive model of it go the same way, whatever happens to them in whatever order."""

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

from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, FailedBy, Task
from flamenco_mgr.domain.updates import TaskUpdate, Transition, merged
from flamenco_mgr.store.interfaces import Import, SetAside
from tests.builders import a_task, an_update
from tests.store.contract.case import StoreCase, an_id

TASKS = [an_id(number) for number in range(5)]
WORKERS = [an_id(0xA0 + number) for number in range(2)]
SKIPPED = [frozenset[str](), frozenset(TASKS[:2]), frozenset(TASKS[1:4])]

task_ids = st.sampled_from(TASKS)
no_ids: tuple[str, ...] = ()
parents = st.one_of(st.just(no_ids), st.lists(task_ids, min_size=1, max_size=2).map(tuple))
statuses = st.sampled_from(["queued", "completed", "claimed-by-manager", "soft-failed", "active", "failed"])
described = st.fixed_dictionaries(
    {
        "status": statuses,
        "job": st.sampled_from([an_id(0xB0), an_id(0xB1)]),
        "task_type": st.sampled_from(["a", "b"]),
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

    def change(self, task: Task) -> None:
        """Put a task in the place of the one that was there."""
        before = self.tasks[task.id]
        if evolve(task, revision=before.revision) != before:
            self.tasks[task.id] = evolve(task, revision=before.revision + 1)

    def apply(self, task: Task) -> None:
        """Put a task in the place of the one that was there; the revision moves also if it is the same."""
        self.tasks[task.id] = evolve(task, revision=task.revision + 1)

    def tell(self, update: TaskUpdate) -> None:
        """Queue an update, or merge it into the task's last one."""
        places = [place for place, (waiting, _) in enumerate(self.queue) if waiting.task_id == update.task_id]
        both = merged(self.queue[places[-1]][0], update) if places else None
        if both is None:
            self.queue.append((update, 1))
        else:
            self.queue[places[-1]] = (both, self.queue[places[-1]][1] + 1)

    def candidate(self, worker: str, types: tuple[str, ...], skip: frozenset[str]) -> str | None:
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
            and worker not in {failed.id for failed in task.failed_by}
            and not any(self.is_waited_for(parent) for parent in task.parents)
        ]
        return min(good)[2] if good else None

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
                    task = self.result_of(self.store.tasks.candidate(worker, types, skip))
                    assert (task and task.id) == self.model.candidate(worker, types, skip)

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
