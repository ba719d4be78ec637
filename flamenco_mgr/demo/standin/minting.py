"""The ids and etags that the Server makes, all from the injected chance."""

import base64
from random import Random
from typing import Final

from attrs import define, field

from flamenco_mgr.demo.standin.instants import ServerTime

_COUNTER: Final = 0xFFFFFF


@define(eq=False, kw_only=True)
class Mint:
    """Makes ids that grow, as a database's do, and etags in the Server's three forms (server-api.md 3.4)."""

    random: Random
    time: ServerTime
    _machine: int = field(init=False)
    _made: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Draw what all ids of this Server have in common."""
        self._machine = self.random.getrandbits(40)
        self._made = self.random.getrandbits(16)

    def id(self) -> str:
        """Return a new id."""
        self._made += 1
        return f"{self.time.now() // 1000 & 0xFFFFFFFF:08x}{self._machine:010x}{self._made & _COUNTER:06x}"

    def etag_of_new(self) -> str:
        """Return the etag of a task that was just created: 40 hexadecimal digits."""
        return f"{self.random.getrandbits(160):040x}"

    def etag_of_status(self) -> str:
        """Return the etag that goes with a status which the Server has set: 32 hexadecimal digits."""
        return f"{self.random.getrandbits(128):032x}"

    def etag_of_update(self) -> str:
        """Return the etag that goes with an update or a new priority: 43 characters, maybe with ``+`` and ``/``."""
        return base64.b64encode(self.random.getrandbits(256).to_bytes(32, "big")).decode().rstrip("=")
