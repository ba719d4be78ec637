"""A Worker makes itself known: it registers, or signs on."""

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Mapping
from http import HTTPStatus
from random import Random
from typing import Final

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.worker.answers import Malformed, worker_id
from flamenco_mgr.demo.worker.connection import Answer, ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.disk import WorkerDisk
from flamenco_mgr.demo.worker.journal import Endpoint
from flamenco_mgr.demo.worker.process import WorkerProcess

RETRY = 30.0
"""Seconds before a registration or sign-on is sent again."""

TOKEN_LIFETIME = 900.0
"""Seconds for which a registration token is good."""

_SECRET_LENGTH = 64
_REFUSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@frozen(kw_only=True)
class WorkerProfile:
    """
    Who a worker is: its configuration file.

    ``failure_chance`` is how probably, from 0 to 1, it fails at tasks of a type.
    """

    nickname: str
    platform: str = "linux"
    supported_task_types: tuple[str, ...] = ("sleep",)
    registration_secret: str = field(default="", repr=False)
    failure_chance: Mapping[str, float] = field(factory=dict, hash=False)


class Refused(Exception):
    """The Manager does not want this worker; its process ends."""


def registration_token(secret: str, now: float) -> str:
    """Return the token of a registration at ``now``, seconds since 1970 (worker-api.md 3.2)."""
    claims = {"exp": now + TOKEN_LIFETIME, "iat": now}
    signed = f"{_segment({'typ': 'JWT', 'alg': 'HS256'})}.{_segment(claims)}"
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64(signature)}"


@define(eq=False, kw_only=True)
class Enlistment:
    """What comes before a worker's first question for a task (worker-api.md 3, 4.1, 4.2)."""

    profile: WorkerProfile
    disk: WorkerDisk
    connection: ManagerConnection
    process: WorkerProcess
    clock: IReactorTime
    random: Random

    async def enlist(self) -> None:
        """
        Sign on, or register when there are no credentials; raises `Refused`.

        One whose credentials are not good any more registers anew, and signs on once more.
        """
        if not self.disk.worker_id:
            await self._register()
        elif await self._sign_on() == HTTPStatus.UNAUTHORIZED:
            await self._register()
            if await self._sign_on() == HTTPStatus.UNAUTHORIZED:
                raise Refused

    async def _register(self) -> None:
        secret = "".join(self.random.choices(string.ascii_letters + string.digits, k=_SECRET_LENGTH))
        preshared = self.profile.registration_secret
        token = registration_token(preshared, self.clock.seconds()) if preshared else ""
        body = {
            "secret": secret,
            "platform": self.profile.platform,
            "supported_task_types": self.profile.supported_task_types,
            "nickname": self.profile.nickname,
        }
        answer = await self._introduce(json.dumps(body).encode(), token)
        try:
            self.disk.worker_id = worker_id(answer.body)
        except Malformed as e:
            self.connection.offended(Endpoint.REGISTER, f"{e}: the Worker's process ends")
            raise Refused from e
        self.disk.secret = secret
        self.connection.identify(self.disk.worker_id, secret)

    async def _introduce(self, body: bytes, token: str) -> Answer:
        while True:
            try:
                answer = await self.connection.introduce(body, token)
            except NoAnswer:
                pass
            else:
                if answer.accepted:
                    return answer
                if answer.status in _REFUSED:
                    raise Refused
            await self.process.pause(RETRY)

    async def _sign_on(self) -> int:
        self.connection.identify(self.disk.worker_id, self.disk.secret)
        body = {"supported_task_types": self.profile.supported_task_types, "nickname": self.profile.nickname}
        while True:
            try:
                answer = await self.connection.post(Endpoint.SIGN_ON, "/sign-on", json.dumps(body).encode())
            except NoAnswer:
                pass
            else:
                if answer.accepted or answer.status == HTTPStatus.UNAUTHORIZED:
                    return answer.status
                if answer.status == HTTPStatus.FORBIDDEN:
                    raise Refused
            await self.process.pause(RETRY)


def _segment(value: object) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
