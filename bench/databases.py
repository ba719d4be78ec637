"""Databases of their own for the Managers of a run, on a MongoDB that somebody runs."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import define, field
from bson import ObjectId
from pymongo import MongoClient


@define(eq=False)
class Databases:
    """
    New databases on the server that ``url`` names, and their removal.

    Their names begin with the name in the URL, so that a user's rights can be limited to them.
    """

    url: str
    _names: list[str] = field(init=False, factory=list)

    def new(self) -> str:
        """Return the URL of a database that nobody has used."""
        parts = urlsplit(self.url)
        name = parts.path.strip("/")
        options = dict(parse_qsl(parts.query))
        if parts.password:  # whose is looked for in the database of the URL, unless that says otherwise
            options.setdefault("authSource", name)
        self._names.append(f"{name}_bench_{ObjectId()}")
        return urlunsplit(parts._replace(path=f"/{self._names[-1]}", query=urlencode(options)))

    def remove(self) -> None:
        """Remove all that were made."""
        if not self._names:
            return
        client: MongoClient[dict[str, Any]] = MongoClient(self.url)
        with client:
            while self._names:
                client.drop_database(self._names.pop())
