"""Which worker sends a request (worker-api.md 3.1)."""

import binascii
from base64 import b64decode
from functools import lru_cache

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.web.connections import peer_host
from flamenco_mgr.web.errors import Unauthorized
from flamenco_mgr.wire.strict_json import harmless

_LONGEST_SOFTWARE = 200


@frozen(eq=False)
class WorkerAuth:
    """Tells workers by their id and secret."""

    registry: WorkerRegistry

    async def worker(self, request: Request, address: str) -> Worker:
        """
        Return the worker that sends a request from an address.

        Raises `Unauthorized`, or `StoreUnavailable` if nobody can tell.
        """
        worker_id, secret = credentials(request.getHeader(b"Authorization"))
        worker = await self.registry.authenticate(worker_id, secret, address)
        if worker is None:
            raise Unauthorized("unknown worker or wrong secret")
        return worker

    def vouches(self, authorization: bytes | None) -> str | None:
        """Return whose credentials these are, if that is known already; at once, and without a look into the store."""
        try:
            worker_id, secret = credentials(authorization)
        except Unauthorized:
            return None
        return worker_id if self.registry.credentials.known(worker_id, secret) else None

    def seen(self, request: Request, worker: Worker, address: str) -> None:
        """Note that a worker was heard from an address."""
        software = request.getHeader(b"User-Agent") or b""
        self.registry.seen(
            worker,
            address=address,
            software=harmless(software[:_LONGEST_SOFTWARE].decode("utf-8", "replace")),
        )


@lru_cache(maxsize=4096)
def credentials(header: bytes | None) -> tuple[str, bytes]:
    """Return the worker's id and secret out of an ``Authorization`` header; raises `Unauthorized`."""
    if header is None:
        raise Unauthorized("no credentials were sent")
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise Unauthorized("the credentials are not of the Basic scheme")
    try:
        user, colon, secret = b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        raise Unauthorized("the credentials are not base64") from None
    worker_id = normal_id(user.decode("latin-1"))
    if not colon or worker_id is None:
        raise Unauthorized("the credentials are not a worker's id and secret")
    return worker_id, secret


def peer_address(request: Request) -> str:
    """Return the address of the direct peer without its port, or the empty text if it has none."""
    return peer_host(request.getClientAddress())
