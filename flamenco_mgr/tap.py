"""What twistd is given: the Manager, or a one-shot operation, on the real reactor."""

import gc
import platform
import random
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO, TypeVar

from attrs import field, frozen
from OpenSSL import SSL
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from flamenco_mgr import __version__
from flamenco_mgr.clock_watch import ClockWatch
from flamenco_mgr.domain.local_time import Offset
from flamenco_mgr.exit_status import StartError, end_with
from flamenco_mgr.one_shots import Console, OneShotService, TerminalLine
from flamenco_mgr.options import Options
from flamenco_mgr.own_url import derived_own_url
from flamenco_mgr.server.exchange import http_client
from flamenco_mgr.service import Farm, ManagerService
from flamenco_mgr.settings import Address, Settings
from flamenco_mgr.store.interfaces import IStore, StoreRefused
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.lease import since_boot, this_process
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.store.sqlite.commits import commit
from flamenco_mgr.surroundings import Surroundings, an_id
from flamenco_mgr.threads import InThread
from flamenco_mgr.under_twistd import UnderTwistd
from flamenco_mgr.web.gate import Gate
from flamenco_mgr.web.places import ConnectionLimits
from flamenco_mgr.web.site import WorkersSite
from flamenco_mgr.wiring import wire

__all__ = ["Options", "makeService"]

_log = Logger()

T = TypeVar("T")

Committing = Callable[[sqlite3.Connection], None]

_YOUNG = 20_000
"""Objects that may be made, and not freed, until the collector looks for cycles among them."""

BACKLOG = 1024
"""Connections that may wait to be accepted: after a restart all Workers come at once."""

_OWN_FILES = 256
"""Descriptors that are kept for the store, the logs and the Server, when connections take all others."""


def _wall_clock_offset(instant: float) -> float:
    return time.localtime(instant).tm_gmtoff


def _allow_connections() -> None:
    """Let a thousand Workers keep their connections open, as far as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leave_what_stays() -> None:
    """Take what was made while starting out of the collector's sight: it stays, and need not be looked at again."""
    # Requests leave no cycles behind but for a few objects when the Server is asked: no need to look often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


def _hurry_on_signals(hurry: Callable[[], None], reactor: Any) -> None:
    """Let a second signal end the Manager without waiting for anything."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(hurry))


@frozen(eq=False, kw_only=True)
class Machine:
    """
    What a Manager takes from the machine and the process that it runs in: the real ones, if nothing else is said.

    ``commit`` makes the embedded store's changes durable. ``prepare`` is done before the store is opened, ``started``
    when the Manager serves, and ``stopping`` when it begins to stop.
    """

    name: str = field(factory=platform.node)
    platform: str = field(factory=lambda: platform.system().lower())
    offset: Offset = _wall_clock_offset
    steady: Callable[[], float] = since_boot
    new_id: Callable[[], str] = an_id
    chance: random.Random = field(factory=random.SystemRandom)
    commit: Committing = commit
    prepare: Callable[[], None] = _allow_connections
    started: Callable[[], None] = _leave_what_stays
    stopping: Callable[[Callable[[], None], Any], None] = _hurry_on_signals


def makeService(options: Options) -> IService:
    """Return what twistd shall run."""
    from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor, which is up to twistd

    parent: Mapping[str, object] = options.parent or {}
    daemon = not (parent.get("nodaemon") or parent.get("debug"))
    settings: Settings = options["settings"]
    process = UnderTwistd(options["log-output"], daemon=daemon)
    if options["one-shot"] is None:
        service: IService = manager_service(settings, options["warnings"], reactor, process)
        ClockWatch(reactor=reactor).setServiceParent(process)
    else:
        service = OneShotService(
            one_shot=options["one-shot"],
            export=options["export"],
            console=_console(reactor, ask=not options["yes"]),
            open_store=lambda: _store(settings, reactor),
            clock=reactor,
            end=end_with,
        )
    service.setServiceParent(process)
    return process


def manager_service(
    settings: Settings, warnings: Sequence[str], reactor: Any, process: UnderTwistd, machine: Machine | None = None
) -> ManagerService:
    """Return the Manager as a service of a reactor, in a process of twistd's; on this ``machine`` if not another."""
    machine = Machine() if machine is None else machine
    gate = Gate()
    site = WorkersSite(gate, reactor, _limits(settings))

    def open_farm() -> Farm:
        farm = _farm(settings, warnings, reactor, machine)
        site.vouches = farm.vouches
        return farm

    service = ManagerService(
        clock=reactor,
        gate=gate,
        listen=lambda: [_listen(settings, site, reactor)],
        open_farm=open_farm,
        begun=process.begun,
        ready=lambda: _ready(settings, machine),
        stopping=lambda: machine.stopping(service.hurry, reactor),
        give_up=process.give_up,
    )
    return service


def _limits(settings: Settings) -> ConnectionLimits:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = settings.max_connections if hard == resource.RLIM_INFINITY else max(1, hard - _OWN_FILES)
    return ConnectionLimits(
        most=min(settings.max_connections or room, room),
        most_of_address=settings.max_connections_per_address,
        head=settings.request_head_timeout,
        request=settings.request_timeout,
    )


def _listen(settings: Settings, site: WorkersSite, reactor: Any) -> IListeningPort:
    address = _address(settings)
    try:
        if not settings.tls:
            port: IListeningPort = reactor.listenTCP(address.port, site, BACKLOG, address.host)
        else:
            context = DefaultOpenSSLContextFactory(str(settings.tlskey), str(settings.tlscert))
            port = reactor.listenSSL(address.port, site, context, BACKLOG, address.host)
    except CannotListenError as e:
        raise StartError(f"cannot listen on {address}: {_words(e.socketError)}") from e
    except (OSError, SSL.Error) as e:
        raise StartError(f"cannot use tlskey and tlscert: {_words(e)}") from e
    host: Any = port.getHost()
    _log.info("Listening on {host}, port {port}", host=host.host, port=host.port)
    return port


def _address(settings: Settings) -> Address:
    return settings.listen_https if settings.tls else settings.listen


def _farm(settings: Settings, warnings: Sequence[str], reactor: Any, machine: Machine) -> Farm:
    for warning in warnings:
        _log.warn("Configuration: {warning}", warning=warning)
    if not settings.manager_id:
        _log.warn("Not linked to a Flamenco Server: manager_id is not set. Workers get what is in the store")
    if not settings.worker_registration_secret:
        _log.warn("Anybody may register as a Worker: worker_registration_secret is not set")
    machine.prepare()
    try:
        store = _store(settings, reactor, machine.commit)
    except StoreRefused as e:
        raise StartError(str(e)) from e
    address = _address(settings)
    around = Surroundings(
        clock=reactor,
        store=store,
        treq=http_client(reactor),
        in_thread=_in_thread(reactor),
        platform=machine.platform,
        machine=machine.name,
        offset=machine.offset,
        steady=machine.steady,
        new_id=machine.new_id,
        chance=machine.chance,
        own_url=settings.own_url or derived_own_url(address.host, address.port, tls=settings.tls),
    )
    return wire(settings, around)


def _store(settings: Settings, reactor: Any, committing: Committing = commit) -> IStore:
    if settings.database_url:
        address = MongoAddress.from_text(settings.database_url)
        return MongoStore.connect(address, reactor, reactor, this_process(), since_boot)
    return SQLiteStore.open(settings.database_path, reactor, _in_thread(reactor), commit=committing)


def _in_thread(reactor: Any) -> InThread:
    def run(work: Callable[[], T], /) -> "Deferred[T]":
        return deferToThreadPool(reactor, reactor.getThreadPool(), work)

    return run


def _ready(settings: Settings, machine: Machine) -> None:
    machine.started()
    _log.info("Flamenco Manager {version} is ready ({name})", version=__version__, name=settings.manager_name)


def _console(reactor: Any, *, ask: bool) -> Console:
    out: TextIO = sys.__stdout__ or sys.stdout
    errors: TextIO = sys.__stderr__ or sys.stderr
    answer = TerminalLine(reactor, sys.stdin.fileno()).read if ask else None
    return Console(out=out, errors=errors, answer=answer)


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
