"""An operator of the demonstration's farm, who sees and steers it over HTTP."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin

from attrs import frozen
from treq.client import HTTPClient
from twisted.internet.error import ConnectError
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from flamenco_mgr.demo.manager_process import ManagerIsSilent, ManagerProcess
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.wire.operator_json import sleep_schedule_document

_AN_ERROR: Final = 400
_JSON: Final = Headers({"Content-Type": ["application/json"]})
_HALF_A_NIGHT: Final = timedelta(hours=2)


@frozen(eq=False, kw_only=True)
class Operator:
    """Somebody at the machine of the Managers, who asks the first of them that can be reached."""

    client: HTTPClient
    managers: Sequence[ManagerProcess]

    @classmethod
    def at(cls, managers: Sequence[ManagerProcess], reactor: Any) -> "Operator":
        """Return an operator of these Managers."""
        return cls(client=HTTPClient(Agent(reactor)), managers=managers)

    async def banned(self) -> frozenset[tuple[str, str]]:
        """Return which worker (its id) is not given which task type any more; raises `ManagerIsSilent`."""
        lines = json.loads(await self._ask("GET", "/api/v1/blacklist"))["items"]
        return frozenset((line["worker"], line["task_type"]) for line in lines)

    async def set_schedule(self, worker_id: str, schedule: SleepSchedule) -> None:
        """Say when a worker sleeps; raises `ManagerIsSilent`."""
        await self._ask("POST", f"/set-sleep-schedule/{worker_id}", sleep_schedule_document(schedule))

    async def _ask(self, method: str, path: str, document: object = None) -> bytes:
        for manager in self.managers:
            body = None if document is None else json.dumps(document).encode()
            try:
                response = await self.client.request(method, urljoin(manager.url, path), data=body, headers=_JSON)
            except ConnectError:
                continue
            content: bytes = await response.content()
            if response.code >= _AN_ERROR:
                raise ManagerIsSilent(f"{manager.name} answers {method} {path} with {response.code}: {content!r}")
            return content
        raise ManagerIsSilent(f"no Manager answers {method} {path}")


def night_around(now: datetime) -> SleepSchedule:
    """Return a night, every day's, in whose middle it is now (the local time)."""
    return _night(now - _HALF_A_NIGHT, now + _HALF_A_NIGHT)


def night_after(now: datetime) -> SleepSchedule:
    """Return a night as long that comes later."""
    return _night(now + _HALF_A_NIGHT, now + 3 * _HALF_A_NIGHT)


def _night(start: datetime, end: datetime) -> SleepSchedule:
    return SleepSchedule(active=True, start=f"{start:%H:%M}", end=f"{end:%H:%M}")
