"""Certificates for tests: an authority, and what it signs."""

import datetime as dt
import ipaddress
from pathlib import Path

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_NOT_BEFORE = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
_NOT_AFTER = dt.datetime(2049, 12, 31, tzinfo=dt.timezone.utc)


def _a_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@define(eq=False)
class Authority:
    """A certificate authority of a test's own; ``directory`` is where its files are."""

    directory: Path
    name: str = "authority"
    _key: rsa.RSAPrivateKey = field(init=False, factory=_a_key)
    _certificate: x509.Certificate = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._certificate = self._signed(_named(self.name), self._key.public_key(), authority=True)

    @property
    def file(self) -> Path:
        """A file with the authority's certificate."""
        path = self.directory / f"{self.name}.pem"
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def signed(self, name: str, *hosts: str, password: str = "") -> Path:
        """Return a file with a new key and its certificate, for hosts by name or number."""
        key = _a_key()
        certificate = self._signed(_named(name), key.public_key(), hosts=hosts)
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            encryption = serialization.BestAvailableEncryption(password.encode())
        form = serialization.PrivateFormat.PKCS8
        path = self.directory / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, form, encryption)
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def _signed(
        self, subject: x509.Name, key: rsa.RSAPublicKey, *, hosts: tuple[str, ...] = (), authority: bool = False
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_named(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_NOT_BEFORE)
            .not_valid_after(_NOT_AFTER)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Render Farm"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
