"""Opening a database: what can be wrong with the server, the login, the collections is looked for before it is used."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from pymongo.errors import OperationFailure

from flamenco_mgr.store.interfaces import StoreRefused, StoreUnavailable
from flamenco_mgr.store.mongo.failures import in_words
from flamenco_mgr.store.mongo.link import MongoLink

_BAD_VALUE = 2
_FINAL = frozenset({_BAD_VALUE, 13, 18, 31, 8000})
"""Codes of what stays as it is until somebody changes something: no permission, no login, no journal to wait for."""

_WHERE = "settings"
_NOBODY = {"_id": "nobody"}


async def open_database(
    link: MongoLink, collections: Collection[str], prepare: Callable[[MongoLink], Awaitable[None]]
) -> None:
    """
    See that a database can be used, then let ``prepare`` make what is missing in it.

    ``collections`` are those that the Manager uses. Raises `StoreRefused` when waiting does not help, and
    `StoreUnavailable` when the database cannot be used now; then this may be called again. Changes nothing itself.
    """
    await _reached(link)
    await _logged_in(link)
    await _without_views(link, collections)
    await _may_write(link)
    await prepare(link)


async def _reached(link: MongoLink) -> None:
    try:
        await _asked(link, {"ping": 1})
    except StoreUnavailable as e:
        obstacles = await link.obstacles()
        if obstacles and all(obstacle.for_good for obstacle in obstacles):
            raise StoreRefused(f"database_url: {'; '.join(obstacle.words for obstacle in obstacles)}") from e
        if not obstacles:  # each side waits for the other, or hangs up without a word
            raise StoreUnavailable(f"{e} (is it the server that wants TLS, or that does not?)") from e
        raise


async def _logged_in(link: MongoLink) -> None:
    login = link.address.login
    if login is None:
        return
    status = await _asked(link, {"connectionStatus": 1})
    if not status.get("authInfo", {}).get("authenticatedUsers"):
        raise StoreRefused(f"database_url: {link.address.shown}: the login of {login.user!r} has no effect")


async def _without_views(link: MongoLink, collections: Collection[str]) -> None:
    listed = await _asked(link, {"listCollections": 1, "filter": {"name": {"$in": sorted(collections)}}})
    for one in listed["cursor"]["firstBatch"]:
        if one.get("type", "collection") != "collection":
            raise StoreRefused(
                f"database_url: {one['name']} in {link.address.shown} is a {one['type']}, and the Manager needs a"
                " collection of this name; remove it, or use another database"
            )


async def _may_write(link: MongoLink) -> None:
    await _final(link, lambda db, timeout: db[_WHERE].delete_one(_NOBODY, timeout=timeout))


async def _asked(link: MongoLink, command: Mapping[str, Any]) -> Mapping[str, Any]:
    # The driver adds to the command that it is given, and it may be sent more than once.
    answer: Mapping[str, Any] = await _final(link, lambda db, timeout: db.command(dict(command), timeout=timeout))
    return answer


async def _final(link: MongoLink, operation: Callable[[Any, float], Awaitable[Any]]) -> Any:
    """Return what an operation gives; `StoreRefused` if the server will never do it."""
    try:
        return await link.call(operation, theirs=_FINAL)
    except OperationFailure as e:
        raise StoreRefused(f"database_url: {link.address.shown}: {in_words(e)}") from e
