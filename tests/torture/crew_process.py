"""
Simulated Workers as a process of their own.

``python -m tests.torture.crew_process <its starter's pid> <directory> <Workers> <speed> <seed> <URL>... <starts>`` has
all of them ask the Managers at the URLs.
"""

import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define
from twisted.internet.defer import Deferred

from flamenco_mgr.demo.bound_twistd import bind
from flamenco_mgr.demo.crew import Crew
from flamenco_mgr.demo.plan import Plan
from flamenco_mgr.demo.standin.jobs import render_job, video_chunks_job
from flamenco_mgr.demo.worker.obeying import WorkerState
from tests.torture.crew_books import CrewBooks
from tests.torture.talk import Desk

TASK_TYPES = sorted({task.task_type for draft in (render_job(), video_chunks_job()) for task in draft.tasks})


@define(eq=False, kw_only=True)
class Hands:
    """The verbs."""

    crew: Crew
    dismissed: bool = False

    def start(self) -> None:
        """Have all begin."""
        self.crew.start()

    def sight(self) -> dict[str, int]:
        """Tell what is in the hands of Workers."""
        journals = self.crew.journals.values()
        return {
            "busy": sum(worker.running is not None for worker in self.crew.workers),
            "unsent": sum(self.crew.unsent.values()),
            "awake": sum(worker.state is WorkerState.AWAKE for worker in self.crew.workers),
            "answers": sum(len(times) for journal in journals for times in journal.latencies.values()),
            "acknowledged": sum(len(journal.acknowledged) for journal in journals),
            "runs": sum(len(journal.runs) for journal in journals),
        }

    def replace(self, number: int) -> None:
        """Have a Worker die as upon SIGKILL, and start again on its machine."""
        dead = self.crew.workers[number % len(self.crew.workers)]
        dead.kill()
        self.crew.resurrect(dead)

    def dismiss(self) -> None:
        """Have all sign off."""
        _ = Deferred.fromCoroutine(self._dismiss())

    def gone(self) -> bool:
        """Tell whether all have signed off."""
        return self.dismissed

    def save(self, path: str) -> None:
        """Write down what all have done."""
        books = CrewBooks(journals=self.crew.journals, names=self.crew.names, unsent=self.crew.unsent)
        Path(path).write_bytes(pickle.dumps(books))

    async def _dismiss(self) -> None:
        await self.crew.dismiss()
        self.dismissed = True


def main(directory: Path, workers: int, speed: float, seed: int, urls: list[str]) -> None:
    """Work until standard input closes."""
    from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor

    plan = Plan(directory=directory, workers=workers, speed=speed, seed=seed, accidents=False)
    hands = Hands(crew=Crew.hired(plan, reactor, managers=urls, task_types=TASK_TYPES))
    verbs: Mapping[str, Callable[..., object]] = {
        "start": hands.start,
        "sight": hands.sight,
        "replace": hands.replace,
        "dismiss": hands.dismiss,
        "gone": hands.gone,
        "save": hands.save,
    }
    Desk.open(verbs, reactor)
    reactor.run()


if __name__ == "__main__":
    bind(int(sys.argv[1]))
    main(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]), sys.argv[6:-1])
