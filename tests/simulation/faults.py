"""What goes wrong, and what people do meanwhile: a schedule that is made from a seed, and can be shortened."""

from collections.abc import Sequence
from enum import Enum
from random import Random

from attrs import frozen

from tests.simulation.plan import Plan


class Kind(str, Enum):
    """What may happen."""

    KILL = "kill"
    RESTART = "restart"
    HANDOVER = "handover"
    SECOND_MANAGER = "second manager"
    MANAGER_AWAY = "manager away"
    COMMIT_FAILS = "commit fails"
    SLOW_DISK = "slow disk"
    CLOCK_JUMPS = "clock jumps"
    WORKER_KILLED = "worker killed"
    WORKER_NEW = "worker set up anew"
    WORKER_STOPPED = "worker stopped"
    WORKER_VANISHES = "worker vanishes"
    WORKER_CLOCK = "worker's slow clock"
    SLEEP = "operator: sleep"
    SHUTDOWN = "operator: shut down"
    SERVER_SLOW = "server slow"
    SERVER_SILENT = "server silent"
    SERVER_REFUSES = "server refuses"
    SERVER_LOSES_ANSWERS = "server loses answers"
    SERVER_TALKS_RUBBISH = "server talks rubbish"
    SERVER_RESTARTS = "server restarts"
    CANCEL_TASK = "user: cancel a task"
    CANCEL_JOB = "user: cancel a job"
    REQUEUE_TASK = "user: requeue a task"
    REQUEUE_JOB = "user: requeue a job"
    PRIORITY = "user: other priority"
    NEW_JOB = "user: new job"
    WANT_LOG = "user: want a log"
    SLOW_NETWORK = "slow network"
    LOST_ANSWERS = "lost answers"
    LOST_REQUESTS = "lost requests"
    CUT_SERVER = "cut from server"

    __str__ = str.__str__


WEIGHTS: dict[Kind, int] = dict.fromkeys(Kind, 2) | {
    Kind.KILL: 24,
    Kind.COMMIT_FAILS: 6,
    Kind.RESTART: 3,
    Kind.WORKER_KILLED: 4,
    Kind.WORKER_VANISHES: 4,
    Kind.SERVER_LOSES_ANSWERS: 4,
    Kind.CANCEL_TASK: 5,
    Kind.CANCEL_JOB: 3,
    Kind.REQUEUE_TASK: 5,
    Kind.REQUEUE_JOB: 3,
    Kind.LOST_ANSWERS: 5,
}

DISTURBING = frozenset(kind for kind in Kind if kind.name.startswith(("SERVER_", "LOST_", "SLOW_", "CUT_")))
"""What may keep an answer of the Server from the Manager as long as it lasts."""

_GENTLE = (Kind.WORKER_KILLED, Kind.CANCEL_TASK, Kind.CANCEL_JOB, Kind.NEW_JOB, Kind.WANT_LOG)
"""What goes wrong on a farm whose Manager is let live, so that its times of grace come to an end."""

REPORTED = "before a report's COMMIT"

TRAPS = (
    REPORTED,
    REPORTED,
    "before a COMMIT",
    "after a COMMIT",
    "before a delivery",
    "before a thread's work",
    "after a thread's work",
    "between two turns",
)
"""Where a Manager is killed: the last is as soon as may be, the others are at the ``count``th of these."""


@frozen(kw_only=True)
class Fault:
    """
    Something that happens ``at`` so many seconds after the beginning.

    ``number`` is its place in the schedule. ``lasts`` is in seconds. ``place``, ``count`` and ``share`` (0 to 1) choose
    what it is done to and how.
    """

    number: int
    at: float
    kind: Kind
    lasts: float
    place: str
    count: int
    share: float

    def __str__(self) -> str:
        place = f" {self.place}" if self.kind is Kind.KILL else ""
        return f"#{self.number} {self.kind}{place}"


def schedule(chance: Random, plan: Plan) -> Sequence[Fault]:
    """Return the faults of a seed, in their order."""
    weights = dict.fromkeys(_GENTLE, 1) if plan.lingers else WEIGHTS
    kinds = chance.choices(list(weights), list(weights.values()), k=plan.faults)
    instants = sorted(chance.uniform(1.0, plan.seconds) for _ in kinds)
    return [
        Fault(
            number=number,
            at=at,
            kind=kind,
            lasts=chance.choice((0.5, 2.0, 4.0, 10.0, 45.0, 200.0)),
            place=chance.choice(TRAPS),
            count=chance.choice((1, 1, 2, 3, 5, 8, 13)),
            share=chance.random(),
        )
        for number, (at, kind) in enumerate(zip(instants, kinds, strict=True))
    ]
