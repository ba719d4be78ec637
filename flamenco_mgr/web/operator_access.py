"""
Who may see and steer the farm, until users can log in.

Whoever sits at the Manager's machine may, and nobody else unless the operator says so. Even then no web page of
somebody else's may: a browser says where a page comes from (``Origin``, ``Sec-Fetch-Site``), and by which name it knows
the machine that it talks to (``Host``), which a page of an attacker's can make point here.
"""

from ipaddress import ip_address

from attrs import field, frozen
from hyperlink import URL
from twisted.web.server import Request

from flamenco_mgr.web.auth import peer_address
from flamenco_mgr.web.errors import NotForYou

_FORWARDED = (b"Forwarded", b"X-Forwarded-For", b"X-Real-IP", b"Via")
_MORE_THAN_A_HOST = frozenset("/?#@\\")
_OUR_OWN_PAGES = (b"same-origin", b"none")
_PORTS = {"http": 80, "https": 443}


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine; what a proxy on it forwards comes from elsewhere."""
    if any(request.requestHeaders.hasHeader(name) for name in _FORWARDED):
        return False
    address = peer_address(request)
    return bool(address) and ip_address(address).is_loopback


def _url(named: str | URL) -> URL:
    return URL.from_text(named) if isinstance(named, str) else named


@frozen(eq=False, kw_only=True)
class OperatorAccess:
    """
    Tells operators from others.

    ``open_to_all``: requests from other machines are served, too. ``own_url`` is where people and Workers find this
    Manager, ``machine`` this machine's name in its network.
    """

    open_to_all: bool = False
    own_url: URL = field(factory=lambda: URL.from_text("http://localhost/"), converter=_url)
    machine: str = ""
    _names: frozenset[str] = field(init=False)

    @_names.default
    def _known_names(self) -> frozenset[str]:
        machine = self.machine.lower()
        return frozenset({"localhost", machine, machine.partition(".")[0], self.own_url.host.lower().rstrip(".")})

    def check(self, request: Request) -> None:
        """Return if whoever sends a request is an operator; raises `NotForYou` otherwise."""
        host = self.check_place(request)
        if not self._is_own_page(request, host):
            raise NotForYou("the request comes from a page that is not this Manager's")

    def check_place(self, request: Request) -> str:
        """Return the host that a request from an operator's place names; raises `NotForYou` for one from elsewhere."""
        if not (self.open_to_all or is_local(request)):
            raise NotForYou("the farm is shown and steered on the Manager's own machine only")
        named = [_text(name) for name in request.requestHeaders.getRawHeaders(b"Host", [b""])]
        host = next((name for name in named if not self._is_known(name)), named[0])
        if not self._is_known(host):
            raise NotForYou(
                f"this Manager is not known as {host[:100]!r}: use its IP address, its machine's name, or its own_url"
            )
        return host

    def _is_known(self, host: str) -> bool:
        try:
            url = URL.from_text(f"http://{host}")
        except ValueError:
            return False
        if _MORE_THAN_A_HOST.intersection(host):
            return False
        name = url.host.lower().rstrip(".")
        return bool(name) and (_is_address(name) or name in self._names)

    def _is_own_page(self, request: Request, host: str) -> bool:
        if not set(request.requestHeaders.getRawHeaders(b"Sec-Fetch-Site", [])).issubset(_OUR_OWN_PAGES):
            return False
        asked = f"{'https' if request.isSecure() else 'http'}://{host}"
        ours = {_site(asked), _site(self.own_url.to_text())} - {None}
        return all(_site(_text(origin)) in ours for origin in request.requestHeaders.getRawHeaders(b"Origin", []))


def _site(text: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of a URL; None if it has none, which is like no other."""
    try:
        url = URL.from_text(text)
    except ValueError:
        return None
    if not (url.scheme and url.host):
        return None
    return url.scheme.lower(), url.host.lower(), url.port or _PORTS.get(url.scheme.lower())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _text(header: bytes | None) -> str:
    return "" if header is None else header.decode("latin-1")
