"""Who is asking, and what the Server says to those who should not (server-api.md 2)."""

import base64
from http import HTTPStatus

from attrs import define, field
from twisted.web.iweb import IRequest

from flamenco_mgr.demo.standin.replies import Refused, stranger_reply
from flamenco_mgr.domain.ids import normal_id


@define(eq=False)
class Credentials:
    """The Managers that are linked, by each of the two headers that a secret can be sent in."""

    _managers: dict[str, str] = field(init=False, factory=dict, repr=False)

    def add(self, manager_id: str, secret: str) -> None:
        """Link a Manager."""
        basic = base64.b64encode(f"{secret}:".encode()).decode()
        self._managers[f"Basic {basic}"] = manager_id
        self._managers[f"Bearer {secret}"] = manager_id

    def caller(self, request: IRequest) -> str:
        """Return which Manager asks; raises Refused for anybody else, people included."""
        manager_id = self._managers.get(request.getHeader("Authorization") or "")
        if manager_id is None:
            raise Refused(HTTPStatus.FORBIDDEN, "unknown caller", stranger_reply())
        return manager_id

    def owner(self, request: IRequest, manager_id: str) -> str:
        """Return the Manager of a URL if it is the one that asks, else raise Refused."""
        caller = self.caller(request)
        wanted = normal_id(manager_id)
        if wanted is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "Invalid ObjectId")
        if wanted not in self._managers.values():
            raise Refused(HTTPStatus.NOT_FOUND, "No such Manager")
        if wanted != caller:
            raise Refused(HTTPStatus.UNAUTHORIZED, "This is another Manager's")
        return caller
