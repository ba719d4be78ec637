"""What is built from what: the farm around a store, with or without a Server."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import field, frozen
from bson import ObjectId
from twisted.application.service import IService
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.downloading import DownloadMode
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.cancels import TaskCanceller
from flamenco_mgr.farm.credentials import WorkerCredentials
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.leased import WhereLeased
from flamenco_mgr.farm.log_reading import LogReader
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.outputs import OutputQueue
from flamenco_mgr.farm.registration import RegistrationGuard
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.running import RunningTasks
from flamenco_mgr.farm.scheduler import TaskScheduler
from flamenco_mgr.farm.shared_logs import SharedLogs
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.farm.updates import UpdateReceiver
from flamenco_mgr.farm.wishes import WishedNotice, WishedTurn, Wishes
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.breaker import CircuitBreaker
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.downloader import Downloader, DownloadRules
from flamenco_mgr.server.exchange import ServerExchange
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.interfaces import ICancels, IKickable, INotifier, ITaskChecker
from flamenco_mgr.server.no_server import NoServer
from flamenco_mgr.server.notifier import Notifier, Profile
from flamenco_mgr.server.pusher import UpdatePusher
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.server.recheck import TaskChecker
from flamenco_mgr.server.waiting import WaitingTasks
from flamenco_mgr.service import LAST_TIME, Farm
from flamenco_mgr.settings import Settings, variables_document
from flamenco_mgr.store.interfaces import IStore, Wish
from flamenco_mgr.threads import InThread
from flamenco_mgr.web.log_pages import LogPages
from flamenco_mgr.web.table import routing_table
from flamenco_mgr.web.worker_api import WorkerAPI

HEARTBEATS_EVERY = 1.0
"""Seconds between two batches of signs of life."""

CHECKPOINT_EVERY = 1.0
"""Seconds between two looks at what the store needs beside its data."""

LAST_PUSH = LAST_TIME - 0.5
"""Seconds for the last push; it must be over before the store is closed."""

CANCELS_EVERY = 5.0
"""Seconds between two looks for workers that do not stop."""

SHARING_EVERY = 60.0
"""Seconds between two looks whether the Managers of a store share the directory of the task logs."""


def an_id() -> str:
    """Return a new id as MongoDB makes them: unique in the world, and greater than earlier ones."""
    return str(ObjectId())


@frozen(eq=False, kw_only=True)
class Surroundings:
    """
    What a Manager is built in: the same for real, on a clock that stands still, or in a simulation.

    ``treq`` is the client towards the Server. ``platform`` is this machine's, as Workers name theirs; ``own_url`` is
    what the Server is told as this Manager's URL.
    """

    clock: IReactorTime
    store: IStore
    treq: Any
    in_thread: InThread
    platform: str
    own_url: str
    new_id: Callable[[], str] = an_id
    chance: random.Random = field(factory=random.SystemRandom)


@frozen(eq=False, kw_only=True)
class _Links:
    """
    The ways to the Server.

    ``everywhere`` runs in each Manager, ``once`` in one of those that share the store.
    """

    checker: ITaskChecker
    downloads: IKickable
    pushes: IKickable
    notifier: INotifier
    last_push: Callable[[float], Awaitable[None]]
    everywhere: Sequence[IService] = ()
    once: Sequence[IService] = ()


def wire(settings: Settings, around: Surroundings) -> Farm:
    """Return a Manager that is ready to be started."""
    store, clock = around.store, around.clock
    variables = Variables(settings.variables)
    logs = TaskLogs(directory=settings.task_logs_path, in_thread=around.in_thread, clock=clock)
    changes = TaskChanges(tasks=store.tasks, logs=logs)
    heartbeats = Heartbeats(workers=store.workers, clock=clock)
    canceller = TaskCanceller(
        changes=changes, updates=store.updates, lease=store.lease, clock=clock, new_id=around.new_id
    )
    links = _links(settings, around, canceller)
    wishes = Wishes(
        lease=store.lease,
        fulfil={
            Wish.DOWNLOAD: links.downloads.kick,
            Wish.PUSH: links.pushes.kick,
            Wish.TASK_TYPES: links.notifier.task_types_changed,
        },
    )
    returner = TaskReturner(changes=changes, clock=clock, new_id=around.new_id)
    registry = WorkerRegistry(
        store=store.workers,
        credentials=WorkerCredentials(in_thread=around.in_thread),
        heartbeats=heartbeats,
        returner=returner,
        notifier=WishedNotice(wishes=wishes),
        clock=clock,
        new_id=around.new_id,
    )
    api = WorkerAPI(
        registry=registry,
        guard=RegistrationGuard(secret=settings.worker_registration_secret, clock=clock),
        scheduler=TaskScheduler(
            changes=changes,
            registry=registry,
            heartbeats=heartbeats,
            returner=returner,
            checker=links.checker,
            downloads=WishedTurn(wishes=wishes, wish=Wish.DOWNLOAD),
            pushes=WishedTurn(wishes=wishes, wish=Wish.PUSH),
            variables=variables,
            clock=clock,
            new_id=around.new_id,
        ),
        updates=UpdateReceiver(changes=changes, heartbeats=heartbeats, clock=clock, new_id=around.new_id),
        returner=returner,
        running=RunningTasks(tasks=store.tasks, registry=registry, heartbeats=heartbeats),
        outputs=OutputQueue(variables=variables, platform=around.platform),
    )
    pages = LogPages(
        reader=LogReader(directory=settings.task_logs_path, in_thread=around.in_thread),
        open_to_all=settings.user_authentication.disable_security,
        server_url=settings.flamenco if settings.manager_id else "",
    )

    async def last_words() -> None:
        await logs.written()
        await heartbeats.flush()
        if store.lease.held:
            await links.last_push(LAST_PUSH)

    overdue = Periodic(action=canceller.confirm_overdue, interval=CANCELS_EVERY, first=CANCELS_EVERY, clock=clock)
    return Farm(
        store=store,
        duties=[
            Periodic(action=heartbeats.flush, interval=HEARTBEATS_EVERY, first=HEARTBEATS_EVERY, clock=clock),
            Periodic(action=store.checkpoint, interval=CHECKPOINT_EVERY, first=CHECKPOINT_EVERY, clock=clock),
            *links.everywhere,
            *_shared_logs(settings, around),
            WhereLeased(lease=store.lease, duties=[overdue, *links.once], wishes=wishes, clock=clock),
        ],
        workers_api=routing_table(api, pages, clock).resource(),
        last_words=last_words,
    )


def _shared_logs(settings: Settings, around: Surroundings) -> Sequence[IService]:
    mark, directory = around.store.farm_mark, settings.task_logs_path
    if mark is None:
        return ()
    sharing = SharedLogs(mark=mark, directory=directory, in_thread=around.in_thread, new_value=around.new_id)
    return (Periodic(action=sharing.look, interval=SHARING_EVERY, clock=around.clock),)


def _links(settings: Settings, around: Surroundings, cancels: ICancels) -> _Links:
    if not settings.manager_id:
        nobody = NoServer()
        return _Links(checker=nobody, downloads=nobody, pushes=nobody, notifier=nobody, last_push=nobody.last_push)
    store, clock = around.store, around.clock
    exchange = ServerExchange(
        treq=around.treq,
        clock=clock,
        url=settings.flamenco,
        secret=settings.manager_secret,
        reachability=Reachability(clock=clock),
        offset=ClockOffset(clock=clock),
    )
    client = FlamencoServerClient(exchange=exchange, manager_id=settings.manager_id)
    importer = TaskImporter(tasks=store.tasks, clock=clock)
    breaker = CircuitBreaker(clock=clock)
    pusher = UpdatePusher(
        sender=BatchSender(client=client, updates=store.updates, cancels=cancels, lease=store.lease, clock=clock),
        updates=store.updates,
        clock=clock,
        rules=PushRules(
            max_interval=settings.task_update_push_max_interval,
            max_count=settings.task_update_push_max_count,
            cancel_interval=settings.cancel_task_fetch_max_interval,
        ),
        chance=around.chance.random,
    )
    downloader = Downloader(
        client=client,
        store=store,
        importer=importer,
        waiting=WaitingTasks(tasks=store.tasks, in_thread=around.in_thread),
        clock=clock,
        rules=DownloadRules(
            interval=settings.download_task_sleep,
            throttle=settings.download_task_recheck_throttle,
            mode=DownloadMode(settings.download_mode),
        ),
    )
    profile = Profile(manager_url=around.own_url, variables=variables_document(settings.variables))
    notifier = Notifier(client=client, workers=store.workers, lease=store.lease, profile=lambda: profile, clock=clock)
    return _Links(
        checker=TaskChecker(client=client, store=store, importer=importer, breaker=breaker, clock=clock),
        downloads=downloader,
        pushes=pusher,
        notifier=notifier,
        last_push=pusher.last_push,
        everywhere=(breaker,),
        once=(downloader, pusher, notifier),
    )
