"""Connections to a Manager, and what goes wrong with them as a line for people."""

import hashlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from flamenco_mgr import __version__
from flamenco_mgr.cli.address import ManagerAddress
from flamenco_mgr.cli.outcome import Unreachable, WrongUsage
from flamenco_mgr.cli.texts import shortened

CONNECT_WITHIN: Final = 5.0
"""Seconds."""

ANSWER_WITHIN: Final = 15.0
"""Seconds until something comes."""

AGENT: Final = f"flamenco-manager/{__version__}"
"""Who asks; logs are not abridged for it."""


def connected(address: ManagerAddress) -> urllib3.PoolManager:
    """
    Return what sends requests to a Manager.

    One of the configuration has to show the very certificate that stands there: it is found by an address of this
    machine, which no certificate names. Proxies of the environment are not used. Raises `WrongUsage` if the
    certificate cannot be read.
    """
    pinned: Mapping[str, Any] = {}
    if address.certificate is not None:
        pinned = {"cert_reqs": "CERT_NONE", "assert_fingerprint": _fingerprint(address.certificate)}
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_WITHIN, read=ANSWER_WITHIN),
        retries=False,
        headers={"User-Agent": AGENT, "Accept-Encoding": "gzip"},
        **pinned,
    )


@contextmanager
def told_apart(url: str) -> Iterator[None]:
    """Raise `Unreachable` for whatever goes wrong with a connection to ``url`` inside."""
    try:
        yield
    except (HTTPError, OSError) as e:
        raise Unreachable(f"The Manager at {url} {_why(e, is_https=url.startswith('https:'))}") from e


def _why(error: Exception, *, is_https: bool) -> str:
    match error:
        case NameResolutionError():
            return "cannot be reached: its host name is unknown"
        case NewConnectionError():
            return f"cannot be reached: {_reason(error)}; does it run?"
        case ConnectTimeoutError():
            return f"cannot be reached: no connection within {CONNECT_WITHIN:g} s"
        case ReadTimeoutError():
            return f"does not answer within {ANSWER_WITHIN:g} s; does it serve {'HTTPS' if is_https else 'HTTP'}?"
        case SSLError():
            return _why_not_trusted(error)
    return _why_not_understood(error, is_https=is_https)


def _why_not_understood(error: Exception, *, is_https: bool) -> str:
    if isinstance(error, IncompleteRead):
        return "hung up in the middle of its answer"
    return f"cannot be understood: {_reason(error)}" + ("" if is_https else "; does it serve HTTPS?")


def _why_not_trusted(error: SSLError) -> str:
    text = str(error)
    if "Fingerprints did not match" in text:
        return (
            "shows another certificate than the tlscert of the configuration; is it another program, or not restarted?"
        )
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {shortened(cause.verify_message)}"
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text:
        return "does not serve HTTPS: write http://"
    return f"cannot be reached by HTTPS: {_reason(error)}"


def _reason(error: BaseException) -> str:
    """Return the words of the operating system, or of what is nearest to it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, ssl.SSLError | socket.gaierror):
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return shortened(str(error.args[-1] if error.args else error))


def _fingerprint(certificate: Path) -> str:
    """Return the digest of the first certificate of a file, which is the one that a server shows as its own."""
    try:
        text = certificate.read_text(encoding="ascii", errors="replace")
    except OSError as e:
        raise WrongUsage(f"The Manager's certificate {certificate} cannot be read: {e.strerror}") from e
    begin, end = text.find(ssl.PEM_HEADER), text.find(ssl.PEM_FOOTER)
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])).hexdigest()
    except ValueError as e:
        raise WrongUsage(f"The Manager's certificate {certificate} holds no certificate in the PEM format") from e
