"""TLS towards MongoDB: the driver would connect in plain text, whatever its URI says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import Factory, define, field
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import TLSWishes

_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)


@implementer(IOpenSSLClientConnectionCreator)
@define(eq=False)
class MongoTLS:
    """
    Begins TLS on each of the driver's connections, with the name of the host that this one goes to.

    ``host_of`` returns that name for the factory of a connection: all members of a replica set share one of these.
    """

    _options: dict[str, Any]
    _trust: Any
    _any_name: bool
    _any_certificate: bool
    _host_of: Callable[[Any], str]
    _by_host: dict[str, Any] = field(init=False, factory=dict)
    _unnamed: Any = field(init=False, default=Factory(lambda self: self._without_names(), takes_self=True), repr=False)

    @classmethod
    def wished(cls, wishes: TLSWishes, host_of: Callable[[Any], str]) -> "MongoTLS":
        """Read the files; `StoreRefused` if one of them cannot be used."""
        return cls(
            own_certificate(wishes),
            platformTrust() if wishes.ca_file is None else authorities(wishes.ca_file),
            wishes.any_name,
            wishes.any_certificate,
            host_of,
        )

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Return what encrypts one connection."""
        host = self._host_of(protocol.factory.wrappedFactory)
        if self._any_name or self._any_certificate:
            connection = SSL.Connection(self._unnamed, None)
            connection.set_tlsext_host_name(host.encode("idna"))
            return connection
        options = self._by_host.get(host)
        if options is None:
            options = optionsForClientTLS(host, trustRoot=self._trust, extraCertificateOptions=self._options)
            self._by_host[host] = options
        made: SSL.Connection = options.clientConnectionForTLS(protocol)
        return made

    def _without_names(self) -> SSL.Context:
        trust = {} if self._any_certificate else {"trustRoot": self._trust}
        context: SSL.Context = CertificateOptions(**self._options, **trust).getContext()
        return context


def subject_of(path: Path) -> str:
    """Return whose certificate a file begins with, as MongoDB names its X.509 users; `StoreRefused` if it has none."""
    return x509.load_pem_x509_certificate(_read(path, b"CERTIFICATE")).subject.rfc4514_string()


def own_certificate(wishes: TLSWishes) -> dict[str, Any]:
    """Return the certificate to show and its key, as Twisted's options for TLS; `StoreRefused` if it cannot be read."""
    path = wishes.certificate_key_file
    if path is None:
        return {}
    content = _read(path, b"CERTIFICATE")
    try:
        own, *chain = x509.load_pem_x509_certificates(content)
        (key,) = _KEY.findall(content)
        password = (wishes.password or "").encode() if b"ENCRYPTED" in key else None
        return {"privateKey": load_pem_private_key(key, password), "certificate": own, "extraCertChain": chain}
    except (ValueError, TypeError) as e:
        raise StoreRefused(
            f"database_url: {path} has no private key that can be read; it must hold the key and the certificate, and"
            " tlsCertificateKeyFilePassword be right if the key is encrypted"
        ) from e


def authorities(path: Path) -> Any:
    """Return whom to trust, as Twisted's option for TLS; `StoreRefused` if a file does not say it."""
    try:
        found = x509.load_pem_x509_certificates(_read(path, b"CERTIFICATE"))
    except ValueError as e:
        raise StoreRefused(f"database_url: {path} has a certificate that cannot be read") from e
    return trustRootFromCertificates([Certificate(crypto.X509.from_cryptography(one)) for one in found])


def _read(path: Path, marker: bytes) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as e:
        raise StoreRefused(f"database_url: cannot read {path}: {e.strerror}") from e
    if b"-----BEGIN " + marker not in content:
        raise StoreRefused(f"database_url: {path} has no certificate in PEM")
    return content
