"""Addresses to listen on, and URLs (configuration.md 2, 7, 8)."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from attrs import frozen

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.settings.problems import Unfit

_HIGHEST_PORT = 65535

_ADDRESS = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:]*)")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")
_SERVICE = re.compile(r"[A-Za-z0-9-]{1,15}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DATABASE = re.compile(r"[^/\\. \"$*<>:|?#]{1,63}")
_NOT_OURS = {"admin", "config", "local"}

_MONGO = "mongodb://"
_MONGO_BY_DNS = "mongodb+srv://"
_STORES = "leave it empty for the embedded store, or write 'mongodb://host/database'"
_SERVERS = (
    "write the servers themselves, as in 'mongodb://host1,host2,host3/database?replicaSet=NAME&tls=true' (your provider"
    " shows it for older drivers)"
)
_ADDRESSES = "write ':port' for all interfaces, 'host:port' or '[v6]:port'"


@frozen
class Address:
    """Where to listen: an empty host means all interfaces, port 0 any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the address as the configuration has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address that a text means; raise `Unfit` if it means none."""
    match = _ADDRESS.fullmatch(text)
    if not match:
        if _PORT.fullmatch(text):
            raise Unfit("is no address", f"write ':{text}'")
        raise Unfit("is no address", _ADDRESSES)
    v6, host, port = match.groups()
    if v6 is not None:
        return Address(_checked_v6(v6), _port(port))
    if host and not _HOST_NAME.fullmatch(host):
        raise Unfit("has no host name before the colon", _ADDRESSES)
    return Address(host, _port(port))


def parse_web_url(text: str) -> str:
    """Return an absolute ``http`` or ``https`` URL as it is; raise `Unfit` if the text is none."""
    if not _SCHEME.match(text):
        raise Unfit("is no URL", f"write 'http://{text}' or 'https://{text}'" if text.isprintable() else "")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as e:
        raise Unfit("is no URL: its host or port is wrong") from e
    if parts.scheme not in ("http", "https"):
        raise Unfit(f"is a URL of {parts.scheme!r}, not of http or https")
    if not parts.hostname or port == 0 or not text.isprintable() or " " in text:
        raise Unfit("is no URL: it has no host, port 0, or a space")
    if "@" in parts.netloc:
        raise Unfit("has a user or password, which have no place in this URL")
    if parts.query or parts.fragment:
        raise Unfit("has more than a path behind the host", "leave out what begins with ? or #")
    return text


def parse_database_url(text: str) -> str:
    """Return the URL of a MongoDB database as it is, empty for the embedded store; raise `Unfit` for anything else."""
    text = text.strip()
    if not text:
        return ""
    if text.startswith(_MONGO_BY_DNS):
        raise Unfit("leaves the servers to DNS, which is not supported", _SERVERS)
    if not text.startswith(_MONGO):
        raise Unfit("is no database that is known", _STORES)
    authority, _, rest = text.removeprefix(_MONGO).partition("/")
    hosts = authority.rpartition("@")[2]
    if not text.isprintable() or " " in text or not all(hosts.split(",")):
        raise Unfit("names no host", _STORES)
    database = rest.partition("?")[0]
    if not database:
        raise Unfit("does not say which database", "add its name, such as 'mongodb://host/flamanager'")
    if not _DATABASE.fullmatch(database):
        raise Unfit(
            "has no name of a database behind the host", "it has up to 63 characters, without / \\ . and spaces"
        )
    if database in _NOT_OURS:
        raise Unfit(f"names MongoDB's own database {database!r}", "name another one, such as 'flamanager'")
    return text


def parse_id(text: str) -> str:
    """Return an id in lower case, or the empty text as it is; raise `Unfit` for anything else."""
    if not text:
        return ""
    found = normal_id(text)
    if found is None:
        raise Unfit("is no id, which has 24 hexadecimal digits", "copy it from the Server's page of this Manager")
    return found


def _checked_v6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError as e:
        raise Unfit("has no IPv6 address in its brackets", _ADDRESSES) from e


def _port(text: str) -> int:
    if _PORT.fullmatch(text):
        if int(text) > _HIGHEST_PORT:
            raise Unfit(f"has a port above {_HIGHEST_PORT}")
        return int(text)
    try:
        if _SERVICE.fullmatch(text):
            return socket.getservbyname(text, "tcp")
    except OSError:
        pass  # answered below
    raise Unfit(f"has no port after the colon: {text[:20]!r} is no number and no known service", _ADDRESSES)
