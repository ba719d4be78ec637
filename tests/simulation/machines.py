"""The simulated Workers: each on a host of its own, which may be switched off, cut off, or set up anew."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field

from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.worker.answers import HandedCommand, HandedTask
from flamenco_mgr.demo.worker.disk import WorkerDisk
from flamenco_mgr.demo.worker.enlisting import WorkerProfile
from flamenco_mgr.demo.worker.journal import Journal
from flamenco_mgr.demo.worker.obeying import WorkerState
from tests.simulation.reactor import SimulatedReactor
from tests.simulation.watch import Exchange, WatchedClient, client_of


@define(eq=False, repr=False, kw_only=True)
class Machine:
    """
    A host with a Worker; ``lives`` are all that were ever registered there.

    ``clumsiness`` is how probably it fails at a task.
    """

    name: str
    reactor: SimulatedReactor
    chance: Random
    task_types: tuple[str, ...]
    longest_task: float
    clumsiness: float
    asking: Callable[[str], None]
    seen: Callable[[Exchange], None]
    worker: SimulatedWorker = field(init=False)
    _begun: bool = field(init=False, default=False)
    journals: list[Journal] = field(init=False, factory=list)
    disks: list[WorkerDisk] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.install()

    @property
    def is_on(self) -> bool:
        """Whether its Worker's process runs."""
        return self.worker.state is not WorkerState.ENDED

    @property
    def worker_id(self) -> str:
        """The id under which it is known now; empty before it is registered."""
        return self.disks[-1].worker_id

    @property
    def journal_name(self) -> str:
        """How the journal is called in which its Worker writes now."""
        return f"{self.name}/{len(self.journals) - 1}"

    def install(self) -> None:
        """Set it up anew: nobody knows it, and what it had not sent is gone."""
        self._begun = False
        self.journals.append(Journal())
        self.disks.append(WorkerDisk())
        client: Any = WatchedClient(client_of(self.reactor), self.reactor, self.asking, self.seen)
        self.worker = SimulatedWorker(
            profile=WorkerProfile(
                nickname=self.name,
                supported_task_types=self.task_types,
                failure_chance=dict.fromkeys(self.task_types, self.clumsiness),
            ),
            client=client,
            clock=self.reactor,
            random=self.chance,
            manager_url="http://manager:8080/",
            duration=self._duration,
            disk=self.disks[-1],
            journal=self.journals[-1],
        )

    @property
    def doing(self) -> str:
        """What it is about, in a word or two."""
        return str(self.worker.state) if self.worker.running is None else "at work"

    def start(self) -> None:
        """Start the process, anew if there was one, unless it runs."""
        if self._begun and self.is_on:
            return
        if self._begun:
            self.worker = self.worker.restarted()
        self._begun = True
        self.worker.start()

    def _duration(self, task: HandedTask, command: HandedCommand) -> float:
        _ = task, command
        return self.chance.uniform(0.5, self.longest_task)
