"""What is built from what: the farm around a store, with or without a Server."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen
from twisted.application.service import IService

from flamenco_mgr.domain.downloading import DownloadMode
from flamenco_mgr.domain.failing import UNSEEN_AFTER, FailureRules
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.cancels import TaskCanceller
from flamenco_mgr.farm.credentials import WorkerCredentials
from flamenco_mgr.farm.crews import Crews
from flamenco_mgr.farm.failing import TaskFailures
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.leased import WhereLeased
from flamenco_mgr.farm.log_archive import LogArchive
from flamenco_mgr.farm.log_reading import LogReader
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.outputs import OutputQueue
from flamenco_mgr.farm.registration import RegistrationGuard
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.running import RunningTasks
from flamenco_mgr.farm.scheduler import TaskScheduler
from flamenco_mgr.farm.shared_logs import SharedLogs
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.stranded import LOOK_EVERY as STRANDED_EVERY
from flamenco_mgr.farm.stranded import StrandedTasks
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.farm.updates import UpdateReceiver
from flamenco_mgr.farm.wishes import WishedNotice, WishedTurn, Wishes
from flamenco_mgr.farm.worker_removal import WorkerRemover
from flamenco_mgr.periodic import IKickable, Periodic
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.breaker import CircuitBreaker
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.downloader import Downloader, DownloadRules
from flamenco_mgr.server.exchange import ServerExchange
from flamenco_mgr.server.health import LinkHealth
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.interfaces import ICancels, ILogArchive, INotifier, IServerHealth, ITaskChecker
from flamenco_mgr.server.log_upload import LogUploader
from flamenco_mgr.server.no_server import NoServer
from flamenco_mgr.server.notifier import Notifier, Profile
from flamenco_mgr.server.pusher import UpdatePusher
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.server.recheck import TaskChecker
from flamenco_mgr.server.waiting import WaitingTasks
from flamenco_mgr.service import LAST_TIME, Farm
from flamenco_mgr.settings import Settings, variables_document
from flamenco_mgr.steering import Steering
from flamenco_mgr.store.interfaces import Wish
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.upkeep import Upkeep
from flamenco_mgr.watching import Watching
from flamenco_mgr.web.log_pages import LogPages
from flamenco_mgr.web.operator_access import OperatorAccess
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


@frozen(eq=False, kw_only=True)
class _Links:
    """
    The ways to the Server.

    ``everywhere`` runs in each Manager, ``once`` in one of those that share the store.
    """

    checker: ITaskChecker
    downloads: IKickable
    download_now: Callable[[], None]
    pushes: IKickable
    notifier: INotifier
    health: IServerHealth
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
    sharing = _sharing(settings, around)
    archive = LogArchive(
        directory=settings.task_logs_path,
        in_thread=around.in_thread,
        written=logs.written,
        is_ours=lambda: sharing is None or sharing.is_ours,
        new_id=around.new_id,
    )
    links = _links(settings, around, canceller, archive)
    wishes = Wishes(
        lease=store.lease,
        fulfil={
            Wish.DOWNLOAD: links.downloads.kick,
            Wish.DOWNLOAD_NOW: links.download_now,
            Wish.PUSH: links.pushes.kick,
            Wish.TASK_TYPES: links.notifier.task_types_changed,
        },
    )
    returner = TaskReturner(changes=changes, clock=clock, new_id=around.new_id)
    rules = FailureRules(
        blacklist_threshold=settings.blacklist_threshold,
        softfail_count=settings.task_fail_after_softfail_count,
        sick_threshold=settings.sick_worker_threshold,
        unseen_after=settings.worker_cleanup_max_age or UNSEEN_AFTER,
    )
    crews = Crews(workers=store.workers, blacklist=store.blacklist, rules=rules, clock=clock)
    stranded = StrandedTasks(
        changes=changes,
        blacklist=store.blacklist,
        crews=crews,
        slices=Slices(lease=store.lease, clock=clock),
        clock=clock,
        new_id=around.new_id,
    )
    stranding = Periodic(action=stranded.look, interval=STRANDED_EVERY, first=STRANDED_EVERY, clock=clock)
    failures = TaskFailures(
        changes=changes,
        workers=store.workers,
        blacklist=store.blacklist,
        returner=returner,
        crews=crews,
        stranded=stranding,
        rules=rules,
        clock=clock,
        new_id=around.new_id,
    )
    credentials = WorkerCredentials(in_thread=around.in_thread)
    remover = WorkerRemover(
        workers=store.workers,
        credentials=credentials,
        returner=returner,
        notifier=WishedNotice(wishes=wishes),
        stranded=stranding,
        clock=clock,
    )
    registry = WorkerRegistry(
        store=store.workers,
        credentials=credentials,
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
        updates=UpdateReceiver(
            changes=changes, failures=failures, heartbeats=heartbeats, clock=clock, new_id=around.new_id
        ),
        returner=returner,
        running=RunningTasks(tasks=store.tasks, registry=registry, heartbeats=heartbeats),
        outputs=OutputQueue(variables=variables, platform=around.platform),
    )
    access = OperatorAccess(
        open_to_all=settings.user_authentication.disable_security, own_url=around.own_url, machine=around.machine
    )
    pages = LogPages(
        reader=LogReader(directory=settings.task_logs_path, in_thread=around.in_thread),
        access=access,
        server_url=settings.flamenco if settings.manager_id else "",
    )

    steering = Steering(
        settings=settings,
        around=around,
        variables=variables,
        remover=remover,
        downloads=WishedTurn(wishes=wishes, wish=Wish.DOWNLOAD_NOW),
    )
    listing, operating = steering.listing(), steering.operating()
    operators = steering.pages(operating, listing)
    watching = Watching(
        settings=settings,
        around=around,
        changes=changes,
        pushes=WishedTurn(wishes=wishes, wish=Wish.PUSH),
        server=links.health,
        listing=listing,
        operating=operating,
        facts=operators.facts,
        claims=lambda: api.scheduler.claims,
    )
    upkeep = Upkeep(
        settings=settings,
        around=around,
        changes=changes,
        heartbeats=heartbeats,
        returner=returner,
        remover=remover,
        fails=failures.timed_out,
    )

    async def last_words() -> None:
        await logs.written()
        await heartbeats.flush()
        if store.lease.held:
            await links.last_push(LAST_PUSH)

    overdue = Periodic(action=canceller.confirm_overdue, interval=CANCELS_EVERY, first=CANCELS_EVERY, clock=clock)
    routes = routing_table(api, pages, access, clock, [operators, *watching.desks()])
    return Farm(
        store=store,
        duties=[
            Periodic(action=heartbeats.flush, interval=HEARTBEATS_EVERY, first=HEARTBEATS_EVERY, clock=clock),
            Periodic(action=store.checkpoint, interval=CHECKPOINT_EVERY, first=CHECKPOINT_EVERY, clock=clock),
            *links.everywhere,
            *watching.duties(),
            *([] if sharing is None else [Periodic(action=sharing.look, interval=SHARING_EVERY, clock=clock)]),
            WhereLeased(
                lease=store.lease,
                duties=[overdue, stranding, *links.once, *upkeep.duties(), *steering.duties()],
                wishes=wishes,
                clock=clock,
            ),
        ],
        workers_api=routes.resource(),
        last_words=last_words,
        vouches=routes.auth.vouches,
    )


def _sharing(settings: Settings, around: Surroundings) -> SharedLogs | None:
    mark, directory = around.store.farm_mark, settings.task_logs_path
    if mark is None:
        return None
    return SharedLogs(mark=mark, directory=directory, in_thread=around.in_thread, new_value=around.new_id)


def _links(settings: Settings, around: Surroundings, cancels: ICancels, archive: ILogArchive) -> _Links:
    if not settings.manager_id:
        nobody = NoServer()
        return _Links(
            checker=nobody,
            downloads=nobody,
            download_now=nobody.download_now,
            pushes=nobody,
            notifier=nobody,
            health=nobody,
            last_push=nobody.last_push,
        )
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
    uploader = LogUploader(client=client, archive=archive, lease=store.lease, in_thread=around.in_thread, clock=clock)
    sender = BatchSender(
        client=client,
        updates=store.updates,
        cancels=cancels,
        want_logs=uploader.want,
        lease=store.lease,
        clock=clock,
    )
    pusher = UpdatePusher(
        sender=sender,
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
        download_now=downloader.download_now,
        pushes=pusher,
        notifier=notifier,
        health=LinkHealth(reachability=exchange.reachability, breaker=breaker, offset=exchange.offset, sender=sender),
        last_push=pusher.last_push,
        everywhere=(breaker,),
        once=(downloader, pusher, uploader, notifier),
    )
