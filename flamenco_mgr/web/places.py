"""Who keeps a connection when there are too many of them."""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import define, field, frozen

Vouching = Callable[[bytes | None], str | None]
"""Returns the id of the Worker that an ``Authorization`` header is known to be of, if it is known to be one's."""

MOST_OF_WORKER = 16
"""Connections that one Worker's credentials vouch for; a Worker has two or three."""

_NETWORK_BITS = 64


@frozen(kw_only=True)
class ConnectionLimits:
    """
    What clients may take: connections in all, and of one address those without a Worker's credentials (0: any number).

    ``head`` and ``request`` are the seconds from a request's first byte to the end of its head, and to its last byte;
    a connection may be ``idle`` for so many seconds (a sleeping Worker asks every 30).
    """

    most: int = 10_000
    most_of_address: int = 5_000
    head: float = 10.0
    request: float = 60.0
    idle: int = 60


@define
class Places:
    """
    The connections that there are.

    Newcomers are always let in, as one of them may be a Worker that has just been started. When that makes too many, a
    connection is cut on which no request had a Worker's credentials: the oldest one of the address that has most of
    these. So a flood pushes itself out, and neither the Workers that are served nor the few connections of others.
    """

    limits: ConnectionLimits
    _strangers: dict[str, dict[Any, None]] = field(init=False, factory=dict, repr=False)
    _crowds: dict[int, dict[str, None]] = field(init=False, factory=dict, repr=False)
    """Addresses by how many strangers they have."""
    _of: dict[Any, str] = field(init=False, factory=dict, repr=False)
    _workers: dict[Any, str] = field(init=False, factory=dict, repr=False)
    _of_worker: Counter[str] = field(init=False, factory=Counter, repr=False)

    @property
    def taken(self) -> int:
        """How many connections there are."""
        return len(self._of) + len(self._workers)

    def arrive(self, connection: Any, host: str) -> Any | None:
        """Give a new connection from some host its place; return the one that has to go for it, or None."""
        address = neighbourhood(host)
        self._of[connection] = address
        strangers = self._strangers.setdefault(address, {})
        strangers[connection] = None
        self._counted(address, len(strangers) - 1, len(strangers))
        if 0 < self.limits.most_of_address < len(strangers):
            return self._sent_away(address)
        if 0 < self.limits.most < self.taken:
            return self._sent_away(next(iter(self._crowds[max(self._crowds)])))
        return None

    def vouch(self, connection: Any, worker_id: str) -> bool:
        """Let a connection stay, as a Worker uses it; return whether it does, which has an end for each Worker."""
        if connection not in self._of or self._of_worker[worker_id] >= MOST_OF_WORKER:
            return False
        self._leave_strangers(connection)
        self._workers[connection] = worker_id
        self._of_worker[worker_id] += 1
        return True

    def leave(self, connection: Any) -> None:
        """Give the place of a connection to others."""
        if connection in self._of:
            self._leave_strangers(connection)
        worker_id = self._workers.pop(connection, None)
        if worker_id is not None:
            self._of_worker[worker_id] -= 1
            if not self._of_worker[worker_id]:
                del self._of_worker[worker_id]

    def _sent_away(self, address: str) -> Any:
        oldest = next(iter(self._strangers[address]))
        self._leave_strangers(oldest)
        return oldest

    def _leave_strangers(self, connection: Any) -> None:
        address = self._of.pop(connection)
        strangers = self._strangers[address]
        del strangers[connection]
        self._counted(address, len(strangers) + 1, len(strangers))
        if not strangers:
            del self._strangers[address]

    def _counted(self, address: str, before: int, now: int) -> None:
        if before:
            crowd = self._crowds[before]
            del crowd[address]
            if not crowd:
                del self._crowds[before]
        if now:
            self._crowds.setdefault(now, {})[address] = None


def vouched_for_by_nobody(authorization: bytes | None) -> str | None:  # noqa: ARG001 nobody is known yet
    """Know no Worker."""
    return None


def neighbourhood(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the network of an IPv6 one, which is one customer's."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        bits = 128 - _NETWORK_BITS
        return f"{IPv6Address(int(address) >> bits << bits)}/{_NETWORK_BITS}"
    return host
