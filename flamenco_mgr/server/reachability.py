"""Whether the Server can be reached and accepts our credentials, as people want to know it."""

from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.server.trouble import CredentialsRefused


@frozen(kw_only=True)
class ServerStatus:
    """
    How it stands with the Server.

    ``reachable`` is None before anything was asked; ``since`` is when that began, in seconds since 1970, UTC.
    ``reason`` says why it cannot be reached, ``refusal`` how it refuses our credentials; both are empty if all is well.
    """

    reachable: bool | None = None
    since: float | None = None
    reason: str = ""
    refusal: str = ""


@define(eq=False, kw_only=True)
class Reachability:
    """
    Hears how every exchange with the Server went, and tells people when that changes, not each time.

    Refusals are kept apart by what was asked (``what``), since the Server may refuse one thing and not another.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    _reachable: bool | None = field(init=False, default=None)
    _since: float | None = field(init=False, default=None)
    _reason: str = field(init=False, default="")
    _refusals: dict[str, str] = field(init=False, factory=dict)

    @property
    def status(self) -> ServerStatus:
        """How it stands now."""
        return ServerStatus(
            reachable=self._reachable,
            since=self._since,
            reason=self._reason,
            refusal="; ".join(self._refusals.values()),
        )

    def answered(self) -> None:
        """Note that the Server answered, whatever it said."""
        if self._reachable is False:
            away = self.clock.seconds() - (self._since or 0.0)
            self._log.info("The Server is back after {away:.0f} seconds", away=away)
        elif self._reachable is None:
            self._log.info("The Server can be reached")
        self._change(reachable=True, reason="")

    def unreachable(self, reason: str) -> None:
        """Note that no answer came."""
        if self._reachable is not False:
            self._log.warn(
                "The Server cannot be reached: {reason}. Workers go on, and what it has to hear is kept", reason=reason
            )
        self._change(reachable=False, reason=reason)

    def refused(self, what: str, refusal: CredentialsRefused) -> None:
        """Note that the Server refused our credentials when it was asked for ``what``."""
        if what not in self._refusals:
            self._log.error(
                "The Server refuses our credentials for {what}: {refusal}. Are flamenco, manager_id and manager_secret "
                "right? Nothing changes here, and it is asked again",
                what=what,
                refusal=str(refusal),
            )
        self._refusals[what] = str(refusal)

    def accepted(self, what: str) -> None:
        """Note that the Server did what it was asked for."""
        if self._refusals.pop(what, None) is not None:
            self._log.info("The Server accepts our credentials for {what} again", what=what)

    def _change(self, *, reachable: bool, reason: str) -> None:
        if self._reachable is not reachable:
            self._reachable = reachable
            self._since = self.clock.seconds()
        self._reason = reason
