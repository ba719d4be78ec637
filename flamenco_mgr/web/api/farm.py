"""The farm as a whole."""

from http import HTTPStatus

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.farm.condition import Condition, FarmCondition
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.web.api.asked import Asked
from flamenco_mgr.web.operator_pages import ManagerFacts, server_document
from flamenco_mgr.web.replies import json_reply
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.wire import api_json

_FRESH = 0.5
"""Seconds; whoever asks more often gets the same numbers again."""


@frozen(eq=False)
class FarmStatus:
    """Tells how the farm is, and has the Server asked for tasks."""

    _condition: FarmCondition
    _operating: Operating
    _facts: ManagerFacts

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.operator("GET", "/api/v1/status", self.status)
        routes.operator("POST", "/api/v1/kick", self.kick)

    async def status(self, request: Request) -> bytes:
        """Tell how the farm is."""
        Asked.of(request)
        condition = await self._condition.look(_FRESH)
        facts, duties = self._facts, self._condition.duties
        document = {
            "version": facts.version,
            "name": facts.name,
            "mode": facts.mode,
            "now": api_json.instant(self._condition.clock.seconds()),
            "started": api_json.instant(self._condition.started),
            "server": self._server(),
            "duties": {"here": duties.here, "holder": duties.holder, "managers": list(duties.managers)},
            **_numbers(condition, self._condition.clock.seconds()),
        }
        return json_reply(request, HTTPStatus.OK, document)

    async def kick(self, request: Request) -> bytes:
        """Have the Server asked for tasks, and tell where in the event log the outcome will be (dashboard.md W17)."""
        Asked.of(request)
        place = await self._operating.kick()
        is_asked = self._condition.server_health is not None
        return json_reply(request, HTTPStatus.ACCEPTED, {"linked": is_asked, "after": place})

    def _server(self) -> dict[str, object]:
        health = self._condition.server_health
        document: dict[str, object] = {"linked": health is not None, **server_document(self._facts.server_url)}
        if health is None:
            nothing = dict.fromkeys(("reachable", "since", "is_asked", "last_push", "clock_offset"))
            return {**document, "reason": "", "refusal": "", **nothing}
        return {
            **document,
            "reachable": health.reachable,
            "since": api_json.instant(health.since),
            "reason": health.reason,
            "refusal": health.refusal,
            "is_asked": health.is_asked,
            "last_push": api_json.instant(health.last_push),
            "clock_offset": round(health.clock_offset, 3),
        }


def _numbers(condition: Condition, now: float) -> dict[str, object]:
    backlog, workers = condition.backlog, condition.workers
    return {
        "workers": {
            "total": sum(workers.by_status.values()),
            "by_status": dict(workers.by_status),
            "sick": workers.sick,
        },
        "tasks": api_json.counts(condition.tasks.by_status, condition.tasks.age + now - condition.at),
        "updates": {
            "waiting": backlog.waiting,
            "oldest_age": None if backlog.oldest is None else api_json.age(now - backlog.oldest),
            "parked": backlog.parked,
        },
    }
