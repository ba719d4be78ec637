"""Who may see and steer the farm (until users can log in)."""

from http import HTTPStatus

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.web.resource import IResource
from twisted.web.server import Request

from flamenco_mgr.web.auth import WorkerAuth
from flamenco_mgr.web.operator_access import OperatorAccess
from flamenco_mgr.web.replies import json_reply
from flamenco_mgr.web.routes import Routes
from tests.web import fakes
from tests.web.wires import AS_WORKER, Answer, WireTestCase

LOCAL = IPv4Address("TCP", "127.0.0.1", 1)
ELSEWHERE = IPv4Address("TCP", "10.0.0.7", 1)


async def _done(request: Request) -> bytes:
    return json_reply(request, HTTPStatus.OK, {})


class AccessTestCase(WireTestCase):
    """Has one route for operators, of a Manager on a machine named ``render-boss``."""

    open_to_all = False

    def resource(self) -> IResource:
        access = OperatorAccess(
            open_to_all=self.open_to_all, own_url="https://manager.example:8443/", machine="Render-Boss.farm.example"
        )
        registry = fakes.RegistryOfOne()
        routes = Routes(WorkerAuth(registry), self.clock, access)  # type: ignore[arg-type]  # a stand-in
        for method in ("GET", "POST"):
            routes.operator(method, "/steer", _done)
        return routes.resource()

    def steer(self, peer: IAddress = LOCAL, *, method: str = "POST", **headers: str) -> Answer:
        """Ask from somewhere, with these headers."""
        named = {"Host": "localhost:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} /steer HTTP/1.1", *(f"{name}: {value}" for name, value in named.items() if value)]
        wire = self.connect(peer)
        wire.send("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode("latin-1"))
        (answer,) = wire.answers()
        wire.hang_up()
        return answer

    def refused(self, peer: IAddress = LOCAL, **headers: str) -> str:
        """Return why somebody is refused, the empty text for nobody; it is the same for reading and for acts."""
        answers = [self.steer(peer, method=method, **headers) for method in ("GET", "POST")]
        self.assertEqual(answers[0], answers[1])
        if answers[0].status == HTTPStatus.OK:
            return ""
        self.assertEqual((answers[0].status, list(answers[0].json)), (403, ["error"]))
        return str(answers[0].json["error"])


class PlaceTests(AccessTestCase):
    def test_loopback(self) -> None:
        """Requests from the machine itself are served, by whatever address it calls itself."""
        for host in ("127.0.0.1", "127.9.8.7"):
            self.assertEqual(self.refused(IPv4Address("TCP", host, 1)), "")
        for host in ("::1", "::ffff:127.0.0.1"):
            self.assertEqual(self.refused(IPv6Address("TCP", host, 1)), "")

    def test_elsewhere(self) -> None:
        """Requests from other machines are refused with the reason, a worker's with its credentials, too."""
        why = "the farm is shown and steered on the Manager's own machine only"
        for host in ("10.0.0.7", "0.0.0.0", "128.0.0.1"):  # noqa: S104 nobody listens here
            self.assertEqual(self.refused(IPv4Address("TCP", host, 1), Authorization=AS_WORKER["Authorization"]), why)
        for host in ("fe80::1", "::ffff:10.0.0.7"):
            self.assertEqual(self.refused(IPv6Address("TCP", host, 1)), why)
        self.assertEqual(self.refused(UNIXAddress(None)), why)

    def test_forwarded(self) -> None:
        """What a proxy on the machine forwards comes from elsewhere, whatever it says."""
        self.assertIn("own machine only", self.refused(Forwarded="for=127.0.0.1"))
        self.assertIn("own machine only", self.refused(X_Forwarded_For="127.0.0.1"))
        self.assertIn("own machine only", self.refused(X_Real_IP="127.0.0.1"))
        self.assertIn("own machine only", self.refused(Via="1.1 localhost"))


class PageTests(AccessTestCase):
    """No web page of somebody else's sees or steers the farm, wherever its reader sits."""

    def test_host(self) -> None:
        """The names of the Manager are IP addresses, localhost, its machine's name, and that of its own_url."""
        for host in (
            *("localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1", "10.0.0.1:8080", "[::1]:8080", "[fd00::1]"),
            *("render-boss", "RENDER-BOSS:80", "render-boss.farm.example", "manager.example", "Manager.Example.:9"),
        ):
            self.assertEqual(self.refused(Host=host), "", host)

    def test_foreign_host(self) -> None:
        """By any other name, as an attacker's page can give it to this machine, nobody is served."""
        for host in (
            *(
                "evil.example",
                "localhost.evil.example",
                "evil.example:8080",
                "127.0.0.1.evil.example",
                "render-boss.evil",
            ),
            *(
                "evil@localhost",
                "localhost/..",
                "localhost?",
                "[::1",
                "::1",
                "127.0.0.1:x",
                "a b",
                "1.2.3",
                "\xe9",
                ".",
            ),
            "x" * 10_000,
        ):
            why = self.refused(Host=host)
            self.assertIn("this Manager is not known as", why)
            self.assertLess(len(why), 300)
        self.assertIn("not known as ''", self.refused(Host=""))

    def test_several_hosts(self) -> None:
        """A request with several names for us is refused if one of them is foreign, wherever it stands."""
        for first, second in (("evil.example", "localhost"), ("localhost", "evil.example")):
            self.assertIn("'evil.example'", self.refused(Host=f"{first}\r\nHost: {second}"))

    def test_origin(self) -> None:
        """Our own pages may send their origin: that of the request, or of own_url behind a proxy."""
        for host, origin in (
            ("localhost:8080", "http://localhost:8080"),
            ("127.0.0.1", "http://127.0.0.1:80"),
            ("LOCALHOST:8080", "http://localhost:8080/"),
            ("localhost:8080", "https://manager.example:8443"),
        ):
            self.assertEqual(self.refused(Host=host, Origin=origin), "", (host, origin))

    def test_foreign_origin(self) -> None:
        """Others may not: of another host, port or scheme, ``null``, or what is none at all."""
        for origin in (
            *("null", "http://evil.example", "http://localhost", "http://localhost:8081", "https://localhost:8080"),
            *(
                "https://manager.example",
                "http://manager.example:8443",
                "localhost:8080",
                "file://",
                "http://[",
                "\xe9",
            ),
            "http://127.0.0.1:8080",
        ):
            self.assertIn("a page that is not this Manager's", self.refused(Origin=origin), origin)

    def test_without_origin(self) -> None:
        """What a browser fetches for another site's page without an origin is told by another header."""
        for site, fine in (("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)):
            self.assertEqual(self.refused(Sec_Fetch_Site=site) == "", fine)
        self.assertIn("not this Manager's", self.refused(Sec_Fetch_Site="cross-site\r\nSec-Fetch-Site: none"))


class OpenToAllTests(AccessTestCase):
    """Security is switched off."""

    open_to_all = True

    def test_elsewhere(self) -> None:
        """Other machines are served, through proxies as well."""
        self.assertEqual(self.refused(ELSEWHERE), "")
        self.assertEqual(self.refused(ELSEWHERE, X_Forwarded_For="9.9.9.9", Forwarded="for=9.9.9.9"), "")

    def test_pages(self) -> None:
        """Even then no foreign page is, and nobody under a foreign name."""
        for peer in (ELSEWHERE, LOCAL):
            self.assertIn("not this Manager's", self.refused(peer, Origin="http://evil.example"))
            self.assertIn("not this Manager's", self.refused(peer, Origin="null"))
            self.assertIn("not known as", self.refused(peer, Host="evil.example"))
