"""Workers' secrets: hashed slowly once, then known by a keyed digest."""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import bcrypt
from attrs import define, field

from flamenco_mgr.farm.single_flight import SingleFlight
from flamenco_mgr.farm.turns import TooBusy, Turns
from flamenco_mgr.threads import InThread

__all__ = ["COST", "LONGEST_SECRET", "TooBusy", "WorkerCredentials"]

T = TypeVar("T")

COST = 7
"""bcrypt's cost for new secrets: near 10 ms. Secrets are 64 random characters, so that guessing is hopeless anyway."""

LONGEST_SECRET = 72
"""Bytes that bcrypt looks at."""

_THREADS = 2
_QUEUE = 100
_QUEUE_OF_ONE = 4


@define(eq=False, kw_only=True)
class WorkerCredentials:
    """
    Checks the secrets of workers.

    A slow hash only at the first request of a worker; from then on a digest under a key of this process decides, in
    constant time (``same``). A wrong secret never takes a worker's digest away, and is refused without the slow hash,
    else anybody who knows a worker's id could throw it out.
    """

    in_thread: InThread
    same: Callable[[bytes, bytes], bool] = field(default=hmac.compare_digest, repr=False)
    _key: bytes = field(init=False, factory=lambda: secrets.token_bytes(32), repr=False)
    _verified: dict[str, bytes] = field(init=False, factory=dict, repr=False)
    _checking: SingleFlight[tuple[str, bytes], bool] = field(init=False, factory=SingleFlight, repr=False)
    _waiting_for: Counter[tuple[str, str]] = field(init=False, factory=Counter)
    _checks: Turns = field(init=False, factory=lambda: Turns(slots=_THREADS, most=_QUEUE))
    _hashes: Turns = field(init=False, factory=lambda: Turns(slots=1, most=_QUEUE))

    def digest(self, *parts: bytes) -> bytes:
        """Return a digest of some texts that only this process can make."""
        text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.blake2b(text, key=self._key, digest_size=32).digest()

    def known(self, worker_id: str, secret: bytes) -> bool | None:
        """Whether a secret is right, or None if only the slow hash can tell."""
        verified = self._verified.get(worker_id)
        if verified is None:
            return None
        return self.same(verified, self.digest(secret))

    def remember(self, worker_id: str, secret: bytes) -> None:
        """Trust this secret of this worker from now on."""
        self._verified[worker_id] = self.digest(secret)

    def forget(self, worker_id: str) -> None:
        """Trust no secret of this worker until it has been checked again."""
        self._verified.pop(worker_id, None)

    async def hashed(self, secret: bytes, address: str = "") -> bytes:
        """Return the slow hash of a new secret of 1 to 72 bytes, for the store."""
        return await self._slowly(self._hashes, address, lambda: bcrypt.hashpw(secret, bcrypt.gensalt(COST)))

    async def check(self, worker_id: str, hashed_secret: bytes, secret: bytes, address: str = "") -> bool:
        """
        Check a secret that came from some address against its slow hash, and remember it if it is right.

        Fails with `TooBusy` when too many checks are on their way from there, of all workers or of this one, or from
        everywhere; addresses take turns, so that guesses from one do not keep a worker at another out. Registrations
        wait in a queue of their own. The same check asked for twice at one address is done once.
        """
        if not 0 < len(secret) <= LONGEST_SECRET:
            return False
        here = address, worker_id

        async def slowly() -> bool:
            if self._waiting_for[here] >= _QUEUE_OF_ONE:
                # Somebody guesses; the others must not wait behind it.
                raise TooBusy("too many secrets are being checked for this worker; ask again later")
            self._waiting_for[here] += 1
            try:
                right = await self._slowly(self._checks, address, lambda: _matches(secret, hashed_secret))
            finally:
                self._waiting_for[here] -= 1
                if not self._waiting_for[here]:
                    del self._waiting_for[here]
            if right:
                self.remember(worker_id, secret)
            return right

        # At each address by itself: who waits behind others' guesses must not be waited for by a worker elsewhere.
        return await self._checking.run((worker_id, self.digest(secret, address.encode())), slowly)

    async def _slowly(self, turns: Turns, address: str, work: Callable[[], T]) -> T:
        await turns.take(address)
        try:
            return await self.in_thread(work)
        finally:
            turns.give_back()


def _matches(secret: bytes, hashed_secret: bytes) -> bool:
    try:
        return bcrypt.checkpw(secret, hashed_secret)
    except ValueError:  # a hash that is none: of a damaged document
        return False
