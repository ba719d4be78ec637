"""Duties that one Manager does for all that share its store run where the lease is (design.md 3.6)."""

from collections.abc import Sequence
from typing import ClassVar

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from flamenco_mgr.farm.wishes import Wishes
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.store.interfaces import LOOK_EVERY, ILease, StoreUnavailable, Wish


@define(eq=False, kw_only=True)
class WhereLeased(Service):
    """
    Starts ``duties`` when the lease is obtained, and stops them when it is lost; in between it keeps the lease.

    Duties that stop because the lease was lost may still be in the middle of something: their next step finds out by
    `ILease.confirm`. They are started again, with the next term, only when all of them have stopped.
    """

    _log: ClassVar[Logger] = Logger()

    lease: ILease
    duties: Sequence[IService]
    wishes: Wishes
    clock: IReactorTime
    _loop: Periodic = field(init=False)
    _term: int | None = field(init=False, default=None)
    _stopped: "Deferred[None]" = field(init=False, factory=lambda: succeed(None))
    _trouble: str = field(init=False, default="")

    def __attrs_post_init__(self) -> None:
        """Prepare the loop."""
        self._loop = Periodic(action=self._look, interval=LOOK_EVERY, clock=self.clock, name="lease")

    def startService(self) -> None:
        """Begin to look; a lease that is held from the beginning is followed at once."""
        super().startService()
        # Which task types there are may have changed without anybody having been told, in a process that died.
        self.wishes.want(Wish.TASK_TYPES)
        self._follow()
        self._loop.startService()

    def stopService(self) -> "Deferred[list[None]]":
        """Look no more, and stop the duties; the lease is kept for the last words, and freed with the store."""
        super().stopService()
        looked = self._loop.stopService()
        self._stop()
        return gatherResults([looked, self._stopped])

    async def _look(self) -> None:
        try:
            wishes = await self.lease.look()
        except StoreUnavailable as e:
            self._tell(str(e))
            wishes = frozenset()
        else:
            self._trouble = ""
        if not self.running:
            return
        self._follow()
        if self._term is None:
            await self._pass_on()
        else:
            self.wishes.heard(wishes)

    def _follow(self) -> None:
        ours = self.lease.fence if self.lease.held else None
        if self._term is not None and self._term != ours:
            self._stop()
        if ours is not None and self._term is None and self._stopped.called:
            self._term = ours
            self.wishes.forget()
            for duty in self.duties:
                duty.startService()

    def _stop(self) -> None:
        if self._term is None:
            return
        self._term = None
        stopping = [maybeDeferred(duty.stopService).addErrback(self._not_in_order) for duty in self.duties]
        self._stopped = gatherResults(stopping).addCallback(lambda _: None)

    def _not_in_order(self, failure: Failure) -> None:
        self._log.failure("A duty could not be stopped in order", failure=failure)

    async def _pass_on(self) -> None:
        try:
            await self.wishes.tell()
        except StoreUnavailable as e:
            self._tell(str(e))

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.debug("Nobody can say which Manager has the duties: {trouble}", trouble=trouble)
