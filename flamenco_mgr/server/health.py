"""How it stands with the Server, of all who talk to it."""

from attrs import frozen
from zope.interface import implementer

from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.breaker import CircuitBreaker
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.interfaces import IServerHealth, ServerHealth
from flamenco_mgr.server.reachability import Reachability


@implementer(IServerHealth)
@frozen(eq=False, kw_only=True)
class LinkHealth:
    """Provides `IServerHealth` of a Manager that is linked to a Server."""

    reachability: Reachability
    breaker: CircuitBreaker
    offset: ClockOffset
    sender: BatchSender

    def health(self) -> ServerHealth | None:
        """See `IServerHealth.health`."""
        status = self.reachability.status
        return ServerHealth(
            reachable=status.reachable,
            since=status.since,
            reason=status.reason,
            refusal=status.refusal,
            is_asked=not self.breaker.is_open,
            last_push=self.sender.last_success,
            clock_offset=self.offset.seconds,
            pushes=self.sender.counts,
        )
