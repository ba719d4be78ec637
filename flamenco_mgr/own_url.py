"""What the Server is told as this Manager's URL when the operator has not said it."""

import socket
from collections.abc import Callable

_ANY = frozenset({"", "0.0.0.0", "::", "::0"})  # noqa: S104 compared with, not listened on

# Of the addresses that are set apart for documentation: a datagram socket that "connects" to one sends nothing, but
# learns which of this machine's addresses would be used towards other networks.
_ELSEWHERE = "192.0.2.1"


def own_address() -> str:
    """Return this machine's address in its network, or its name if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def derived_own_url(host: str, port: int, *, tls: bool, address: Callable[[], str] = own_address) -> str:
    """Return the URL under which Workers reach a Manager that listens on this host (empty: all) and port."""
    named = address() if host in _ANY else host
    bracketed = f"[{named}]" if ":" in named else named
    return f"{'https' if tls else 'http'}://{bracketed}:{port}/"
