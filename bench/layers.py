"""
To which layer a function belongs, by its module: what a request costs is told by these.

A sample counts for the innermost function that has a layer. Those of Python's own library have none, but for JSON's, so
they count for whoever called them.
"""

from collections.abc import Sequence
from typing import Final

SOCKETS: Final = "sockets, reactor"
HTTP: Final = "HTTP"
DISPATCH: Final = "routes, handlers"
AUTHENTICATION: Final = "authentication"
JSON: Final = "JSON"
RULES: Final = "rules, duties"
DEFERREDS: Final = "Deferreds"
STORE: Final = "store: queries"
COMMIT: Final = "store: COMMIT"
DRIVER: Final = "MongoDB's driver, new ids"
SERVER: Final = "towards the Server"
LOG: Final = "log, task logs"
OTHER: Final = "other"

LAYERS: Final = (
    SOCKETS,
    HTTP,
    DISPATCH,
    AUTHENTICATION,
    JSON,
    RULES,
    DEFERREDS,
    STORE,
    COMMIT,
    DRIVER,
    SERVER,
    LOG,
    OTHER,
)
"""In the order in which a request meets them."""

PLACES: Sequence[tuple[str, str]] = (
    ("__main__:_known", AUTHENTICATION),
    ("__main__:_answer", HTTP),
    ("__main__:task", DISPATCH),
    ("__main__:update", DISPATCH),
    ("__main__:may_i_run", DISPATCH),
    ("flamenco_mgr.web.auth", AUTHENTICATION),
    ("flamenco_mgr.farm.registry", AUTHENTICATION),
    ("flamenco_mgr.farm.credentials", AUTHENTICATION),
    ("flamenco_mgr.web.connections", HTTP),
    ("flamenco_mgr.web.requests", HTTP),
    ("flamenco_mgr.web.replies", HTTP),
    ("flamenco_mgr.web.site", HTTP),
    ("flamenco_mgr.web.", DISPATCH),
    ("flamenco_mgr.deadline", DISPATCH),
    ("flamenco_mgr.wire.", JSON),
    ("flamenco_mgr.store.sqlite.commits", COMMIT),
    ("flamenco_mgr.store.sqlite.checkpoints", COMMIT),
    ("flamenco_mgr.store.", STORE),
    ("flamenco_mgr.server.", SERVER),
    ("flamenco_mgr.farm.logs", LOG),
    ("flamenco_mgr.farm.log_", LOG),
    ("flamenco_mgr.log_output", LOG),
    ("flamenco_mgr.", RULES),
    ("twisted.logger.", LOG),
    ("twisted.python.log", LOG),
    ("twisted.web.client", SERVER),
    ("twisted.web._newclient", SERVER),
    ("treq.", SERVER),
    ("hyperlink.", SERVER),
    ("twisted.web.", HTTP),
    ("twisted.internet.defer", DEFERREDS),
    ("twisted.", SOCKETS),
    ("klein.", DISPATCH),
    ("werkzeug.", DISPATCH),
    ("txmongo.", DRIVER),
    ("pymongo.", DRIVER),
    ("bson.", DRIVER),
    ("json.", JSON),
)
"""Beginnings of a module's and a function's name; the first that fits counts. ``__main__`` is the bare app."""


def layer_of(module: str, function: str) -> str | None:
    """Return the layer of a function, or None if it counts for whoever called it."""
    place = f"{module}:{function}"
    return next((layer for beginning, layer in PLACES if place.startswith(beginning)), None)
