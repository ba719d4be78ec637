"""What Prometheus is told (docs/api.md)."""

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from attrs import frozen
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from twisted.web.server import Request

from flamenco_mgr.domain.tasks import KNOWN
from flamenco_mgr.domain.workers import WorkerStatus
from flamenco_mgr.durations import Durations
from flamenco_mgr.farm.condition import Condition, FarmCondition
from flamenco_mgr.farm.disk_space import DiskSpace
from flamenco_mgr.farm.lag import ReactorLag
from flamenco_mgr.web.meter import RequestMeter
from flamenco_mgr.web.metric_families import by_status, counters, gauge, gauges, histograms
from flamenco_mgr.web.replies import reply
from flamenco_mgr.web.routes import Routes

FRESH = 5.0
"""Seconds; what the store says of the farm may be so old."""

_TASK_STATUSES = sorted(KNOWN)
_WORKER_STATUSES = sorted(status.value for status in WorkerStatus)
_CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
"""The format that every Prometheus reads; our names need no later one."""


@frozen(eq=False, kw_only=True)
class Metrics:
    """
    Tells all numbers, each time anew; nothing of it is the process's, so that several Managers can be in one.

    ``claims`` returns how many tasks were given out, ``commits`` are how long it took until changes were durable.
    """

    condition: FarmCondition
    lag: ReactorLag
    disks: DiskSpace
    commits: Durations
    claims: Callable[[], int]
    version: str

    def add_to(self, routes: Routes) -> None:
        """Add the route."""

        async def page(request: Request) -> bytes:
            return await self._page(request, routes.meter)

        for method in ("GET", "HEAD"):
            routes.open(method, "/metrics", page)

    async def _page(self, request: Request, meter: RequestMeter) -> bytes:
        condition, reachable = await self.condition.latest(FRESH)
        registry = CollectorRegistry()
        registry.register(_Told([*self._all(condition, meter, reachable=reachable)]))
        ProcessCollector(namespace="flamenco", registry=registry)
        return reply(request, HTTPStatus.OK, _CONTENT_TYPE, generate_latest(registry))

    def _all(self, condition: Condition | None, meter: RequestMeter, *, reachable: bool) -> Iterator[Metric]:
        yield gauges("build_info", "The version of the Manager.", ("version",), [((self.version,), 1)])
        yield gauge(
            "start_time_seconds", "When the Manager was started, in seconds since 1970.", self.condition.started
        )
        yield gauge("reactor_lag_seconds", "The longest delay of the reactor in the last half minute.", self.lag.worst)
        yield from _of_requests(meter)
        yield counters("claims", "Tasks that were given to Workers.", (), [((), self.claims())])
        yield from self._of_server()
        yield from self._of_duties()
        yield from self._of_disks()
        yield gauge("store_reachable", "Whether the store can be asked and written to.", reachable)
        yield histograms("commit_duration_seconds", "How long changes took to be durable.", (), [((), self.commits)])
        if condition is not None:
            yield from _of_farm(condition, self.condition.clock.seconds())

    def _of_server(self) -> Iterator[Metric]:
        health = self.condition.server_health
        yield gauge("server_linked", "Whether the Manager is linked to a Server.", health is not None)
        if health is None:
            return
        yield gauge(
            "server_reachable", "Whether the Server answered last; absent before it was asked.", health.reachable
        )
        yield gauge("server_refuses_credentials", "Whether the Server refuses our credentials.", bool(health.refusal))
        yield gauge(
            "server_breaker_open", "Whether tasks are handed out without asking the Server.", not health.is_asked
        )
        yield gauge("server_clock_offset_seconds", "By how much the Server's clock is ahead.", health.clock_offset)
        yield gauge("last_push_timestamp_seconds", "When updates were last pushed, since 1970.", health.last_push)
        pushes = health.pushes
        outcomes = [(("succeeded",), pushes.succeeded), (("failed",), pushes.failed)]
        yield counters("pushes", "Requests that told the Server updates.", ("outcome",), outcomes)
        yield counters("push_splits", "Batches that were halved as the Server refused them.", (), [((), pushes.split)])
        yield counters("updates_put_aside", "Updates parked as the Server refuses them.", (), [((), pushes.parked)])

    def _of_duties(self) -> Iterator[Metric]:
        duties = self.condition.duties
        yield gauge("duties_here", "Whether this Manager does what one does for all.", duties.here)
        yield gauge("duties_held", "Whether some Manager is known to do what one does for all.", bool(duties.holder))
        there = [((name, str(name == duties.holder).lower()), 1.0) for name in duties.managers]
        yield gauges("manager_there", "The Managers on this database.", ("manager", "has_duties"), there)

    def _of_disks(self) -> Iterator[Metric]:
        rooms = self.disks.rooms
        free = [((name,), room.free) for name, room in rooms.items()]
        size = [((name,), room.size) for name, room in rooms.items()]
        yield gauges("disk_free_bytes", "Room on the disk of a directory.", ("directory",), free)
        yield gauges("disk_size_bytes", "Size of the disk of a directory.", ("directory",), size)


def _of_requests(meter: RequestMeter) -> Iterator[Metric]:
    routes = [*meter.routes()]
    answered = [
        ((method, route, f"{digit}xx"), count)
        for method, route, series in routes
        for digit, count in enumerate(series.answered)
        if count
    ]
    yield counters("requests", "Requests by route and class of status.", ("method", "route", "status"), answered)
    taken = [((method, route), series.durations) for method, route, series in routes]
    yield histograms("request_duration_seconds", "How long requests took.", ("method", "route"), taken)


def _of_farm(condition: Condition, now: float) -> Iterator[Metric]:
    backlog = condition.backlog
    tasks, workers = condition.tasks, condition.workers
    yield gauges("tasks", "Tasks by status.", ("status",), by_status(_TASK_STATUSES, tasks.by_status))
    yield gauge("tasks_age_seconds", "How long ago the tasks were counted.", tasks.age + now - condition.at)
    yield gauges("workers", "Workers by status.", ("status",), by_status(_WORKER_STATUSES, workers.by_status))
    yield gauge("workers_sick", "Workers kept from working as they failed at too many jobs.", workers.sick)
    yield gauge("updates_waiting", "Updates that the Server has yet to hear.", backlog.waiting)
    oldest = 0.0 if backlog.oldest is None else max(0.0, now - backlog.oldest)
    yield gauge("updates_oldest_age_seconds", "How long the oldest update has waited; 0 for none.", oldest)
    yield gauge("updates_parked", "Updates that are put aside as the Server refuses them.", backlog.parked)


@frozen(eq=False)
class _Told(Collector):
    """What is told this time."""

    families: Sequence[Metric]

    def collect(self) -> Sequence[Metric]:
        """See `Collector.collect`."""
        return self.families
