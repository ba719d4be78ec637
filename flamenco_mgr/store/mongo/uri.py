"""What ``database_url`` says, as far as this store can do what it says; all else is refused in one line."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from attrs import field, frozen
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from flamenco_mgr.store.interfaces import StoreRefused

SCRAM = "SCRAM-SHA-1"
X509 = "MONGODB-X509"

_SRV = "mongodb+srv://"
_MECHANISMS = {"": SCRAM, "DEFAULT": SCRAM, SCRAM: SCRAM, X509: X509}
_INSTEAD = (
    f"use a user with {SCRAM} (leave authMechanism out, and let the user have {SCRAM} among its mechanisms) or a"
    f" certificate ({X509})"
)


@frozen(kw_only=True)
class TLSWishes:
    """How the connections are to be encrypted; files that are not named are None."""

    ca_file: Path | None = None
    certificate_key_file: Path | None = None
    password: str | None = field(default=None, repr=False)
    any_certificate: bool = False
    any_name: bool = False


@frozen(kw_only=True)
class Login:
    """Who logs in; an X.509 user that is not named is the certificate's subject."""

    mechanism: str
    user: str
    password: str = field(default="", repr=False)
    source: str


@frozen(kw_only=True)
class MongoAddress:
    """A database and the way to it; ``hosts`` are the members of a replica set, or one server."""

    hosts: Sequence[tuple[str, int]]
    database: str
    replica_set: str = ""
    login: Login | None = None
    tls: TLSWishes | None = None

    @classmethod
    def from_text(cls, text: str) -> "MongoAddress":
        """Return what a URI says; `StoreRefused` if it cannot be understood or done. Files are not opened yet."""
        if text.startswith(_SRV):
            raise StoreRefused(
                "database_url: mongodb+srv:// is not supported; write the servers themselves, as in"
                " mongodb://host1,host2,host3/database?replicaSet=NAME&tls=true (your provider shows it for older"
                " drivers)"
            )
        parsed, options = _parsed(text)
        if not parsed["database"]:
            raise StoreRefused("database_url does not say which database; add its name: mongodb://host/flamenco")
        if parsed["collection"]:
            raise StoreRefused("database_url: the name of a database has no dot in it")
        if not str(parsed["database"]).isprintable():
            raise StoreRefused("database_url: the name of the database has characters that MongoDB does not allow")
        if any(port is None for _, port in parsed["nodelist"]):
            raise StoreRefused("database_url names a Unix socket, which is not supported; name a host")
        if options.get("readpreference", "primary") != "primary":
            raise StoreRefused("database_url: the Manager reads from the primary alone; remove readPreference")
        if options.get("loadbalanced"):
            raise StoreRefused("database_url: loadBalanced is not supported; name the servers themselves")
        tls = _tls(options)
        return cls(
            hosts=[(str(host), int(port)) for host, port in parsed["nodelist"]],
            database=str(parsed["database"]),
            replica_set=str(options.get("replicaset", "")),
            login=_login(parsed, options, tls),
            tls=tls,
        )

    @property
    def shown(self) -> str:
        """The database and its servers, in words for people; without secrets."""
        return f"{self.database} on {', '.join(_authority(*host) for host in self.hosts)}"

    @property
    def driver_uri(self) -> str:
        """What the driver has to know; TLS is not its business. It has the password in it."""
        login, options = self.login, {}
        if self.replica_set:
            options["replicaSet"] = self.replica_set
        user = ""
        if login is not None and login.mechanism == SCRAM:
            user = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@"
            options |= {"authSource": login.source, "authMechanism": SCRAM}
        hosts = ",".join(_authority(*host) for host in self.hosts)
        return f"mongodb://{user}{hosts}/{self.database}" + (f"?{urlencode(options)}" if options else "")


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parsed(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of options that need no mention here
            parsed = parse_uri(text)
    except OSError as e:
        raise StoreRefused(f"database_url: cannot read {e.filename}: {e.strerror}") from e
    except (PyMongoError, ValueError) as e:
        raise StoreRefused(f"database_url: {_without_secrets(text, str(e))}") from None
    return parsed, {name.lower(): value for name, value in parsed["options"].items()}


def _without_secrets(text: str, reason: str) -> str:
    """Return what is wrong, unless it is the user or the password: a piece of that may be in the reason."""
    if "@" in text and ("@" in reason or '"' in reason or reason.startswith("Username")):
        return "user and password must be percent-encoded, for example %40 for @ and %2F for /"
    if reason.startswith("authmechanism"):
        return f"its authMechanism is not known; {_INSTEAD}"
    return " ".join(reason.partition(" Hint:")[0].removesuffix(" Refer to docstring.").split()).rstrip(".")


def _login(parsed: Mapping[str, Any], options: Mapping[str, Any], tls: TLSWishes | None) -> Login | None:
    asked, user, password = str(options.get("authmechanism", "")), parsed["username"] or "", parsed["password"] or ""
    mechanism = _MECHANISMS.get(asked)
    if mechanism is None:
        raise StoreRefused(f"database_url: authMechanism={asked} is not supported; {_INSTEAD}")
    if mechanism == X509:
        if tls is None or tls.certificate_key_file is None:
            raise StoreRefused(f"database_url: {X509} needs tls=true and tlsCertificateKeyFile")
        return Login(mechanism=X509, user=user, source="$external")
    if not user and not asked:
        return None
    if not user or not password:
        raise StoreRefused("database_url: a login needs both a user and a password")
    source = str(options.get("authsource") or parsed["database"])
    return Login(mechanism=SCRAM, user=user, password=password, source=source)


def _tls(options: Mapping[str, Any]) -> TLSWishes | None:
    named = sorted(name for name in options if name.startswith("tls") and name != "tls")
    if not options.get("tls", options.get("ssl", False)):
        if named:
            raise StoreRefused("database_url has options for TLS but not tls=true; without it nothing is encrypted")
        return None
    if "tlscrlfile" in options:
        raise StoreRefused("database_url: tlsCRLFile is not supported; remove it")
    insecure = bool(options.get("tlsinsecure"))
    if options.get("tlscertificatekeyfilepassword") and "tlscertificatekeyfile" not in options:
        raise StoreRefused("database_url has tlsCertificateKeyFilePassword but no tlsCertificateKeyFile")
    return TLSWishes(
        ca_file=_path(options.get("tlscafile")),
        certificate_key_file=_path(options.get("tlscertificatekeyfile")),
        password=options.get("tlscertificatekeyfilepassword"),
        any_certificate=insecure or bool(options.get("tlsallowinvalidcertificates")),
        any_name=insecure or bool(options.get("tlsallowinvalidhostnames")),
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
