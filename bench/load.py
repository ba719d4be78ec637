"""
The load: many Workers in one process, each on a connection of its own.

``python -m bench.load PLAN`` runs one round: PLAN is the JSON of a `Plan`, that of a `Round` goes to standard output.
One that has no end ends with its standard input.
"""

import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import Callable

import attrs
from attrs import Factory, define, frozen

from bench.http_client import Unexpected, cut
from bench.mix import Kind, Requests, a_worker, again_and_again, steps

_SLOWEST_ANSWER = 30.0
_NOTHING_TO_DO = 0.2
_ID_LENGTH = 24


@frozen(kw_only=True)
class Plan:
    """
    What one round is.

    ``pace`` is the seconds between two requests of a Worker on average, 0 for none. ``warm_up`` seconds are not
    measured; in ``arrival`` seconds all Workers have come. ``only`` is a kind of request to be sent instead of the mix.
    ``seconds`` are infinite for a round that goes on until somebody ends it.
    """

    port: int
    workers: int
    seconds: float
    first_worker: int = 0
    warm_up: float = 1.0
    pace: float = 0.0
    arrival: float = 0.0
    seed: int = 1
    only: str = ""


@define(kw_only=True)
class Round:
    """
    What came of a round.

    ``took`` has seconds per answer by kind, of every request that was sent in the measured time, and ``answered`` is
    how many answers came in it; ``statuses`` counts all answers by kind and status; ``dropped`` counts connections that
    ended. ``sent`` is when each request of ``took`` was sent, by the machine's steady clock, which is the same in all
    processes. ``completed`` are the tasks whose completion was acknowledged, ``tokens`` mark the log lines that were,
    by task. ``cpu`` is the generator's own time, in seconds.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    answered: int = 0
    dropped: int = 0
    took: dict[str, list[float]] = Factory(lambda: {kind.value: [] for kind in Kind})
    sent: dict[str, list[float]] = Factory(lambda: {kind.value: [] for kind in Kind})
    statuses: dict[str, int] = Factory(dict)
    completed: list[str] = Factory(list)
    tokens: list[tuple[str, str]] = Factory(list)

    @property
    def answers(self) -> list[float]:
        """How many seconds every answer took."""
        return [seconds for kind in self.took.values() for seconds in kind]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds

    def unexpected(self) -> str:
        """Return what should not have happened, for people; empty if all went as it should."""
        good = {f"{Kind.TASK.value} 200", f"{Kind.MAY_I_RUN.value} 200"}
        good |= {f"{kind.value} 204" for kind in (Kind.PROGRESS, Kind.COMPLETION)}
        found = [f"{count} × {status}" for status, count in sorted(self.statuses.items()) if status not in good]
        if self.dropped:
            found.append(f"{self.dropped} connections dropped")
        return ", ".join(found)


class Load:
    """One round in progress."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Round()
        self.began = self.ends = 0.0

    async def run(self) -> Round:
        """Let the Workers work, and return what came of it."""
        loop = asyncio.get_running_loop()
        self.began = time.perf_counter() + self.plan.warm_up
        self.ends = self.began + self.plan.seconds
        chance = random.Random(self.plan.seed)  # noqa: S311
        workers = [WorkerConnection(self, number) for number in range(self.plan.workers)]
        for worker in workers:
            loop.call_later(chance.uniform(0, self.plan.arrival), worker.connect)
        await asyncio.sleep(self.plan.warm_up)
        cpu = time.process_time()
        await self._until_over(loop)
        self.result.cpu = time.process_time() - cpu
        self.result.seconds = time.perf_counter() - self.began
        patience = time.perf_counter() + _SLOWEST_ANSWER
        while any(worker.waits for worker in workers) and time.perf_counter() < patience:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for worker in workers:
            worker.close()
        return self.result

    async def _until_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.plan.seconds != float("inf"):
            await asyncio.sleep(self.plan.seconds)
            return
        told = asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), told.set)
        await told.wait()
        loop.remove_reader(sys.stdin.fileno())
        self.ends = time.perf_counter()


class WorkerConnection(asyncio.Protocol):
    """One Worker of a round."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._plan = load.plan
        worker = a_worker(load.plan.first_worker + number)
        self._requests = Requests(worker, load.plan.seed * 1_000_000)
        only = load.plan.only
        self._steps = again_and_again(Kind(only)) if only else steps(load.plan.seed * 100_003 + number)
        self._chance = random.Random(load.plan.seed * 100_003 + number)  # noqa: S311
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[object] | None = None
        self._task = b""
        self._kind = next(self._steps)
        self._sent = 0.0
        self._closed = False
        self.waits = False

    def connect(self) -> None:
        """Come to work."""
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self._plan.port))

    def close(self) -> None:
        """Go."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a task; where a connection broke, ask again what was not answered."""
        if not isinstance(transport, asyncio.Transport):
            raise Unexpected("a transport of another kind")
        self._transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Come again, if that was not us."""
        if not self._closed:
            self._load.result.dropped += 1
            self.waits = False
            self._buffer.clear()
            asyncio.get_running_loop().call_later(_NOTHING_TO_DO, self.connect)

    def data_received(self, data: bytes) -> None:
        """Note the answer, and send the next request when it is time."""
        self._buffer += data
        answer = cut(self._buffer)
        if answer is None:
            return
        now = time.perf_counter()
        self.waits = False
        self._note(answer.status, now)
        if self._kind is Kind.TASK:
            if answer.status != 200:
                self._later(self._plan.pace or _NOTHING_TO_DO, self._send)
                return
            at = answer.body.index(b'"_id"')
            self._task = answer.body[at : at + 64].split(b'"')[3]
            if len(self._task) != _ID_LENGTH:
                raise Unexpected(f"no id of a task: {self._task!r}")
        self._kind = next(self._steps)
        if self._plan.pace:
            self._later(self._plan.pace * self._chance.uniform(0.5, 1.5), self._send)
        else:
            self._send()

    @staticmethod
    def _later(seconds: float, send: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, send)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        if self._closed or self._transport is None or self._sent >= self._load.ends:
            return
        self.waits = True
        self._transport.write(self._requests.of(self._kind, self._task))

    def _note(self, status: int, now: float) -> None:
        result = self._load.result
        if self._sent >= self._load.began:
            result.took[self._kind.value].append(now - self._sent)
            result.sent[self._kind.value].append(self._sent)
        if self._load.began <= now < self._load.ends:
            result.answered += 1
        key = f"{self._kind.value} {status}"
        result.statuses[key] = result.statuses.get(key, 0) + 1
        if status == 204 and self._kind is not Kind.TASK:
            task = self._task.decode()
            if self._kind is Kind.COMPLETION:
                result.completed.append(task)
            if self._requests.has_log(self._kind):
                result.tokens.append((task, self._requests.token()))


def main() -> None:
    """Run the round that the command line names."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    result = asyncio.run(Load(Plan(**json.loads(sys.argv[1]))).run())
    json.dump(attrs.asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
