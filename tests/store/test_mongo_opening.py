"""What is looked for before a database is used, and what is said when it is found."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.interfaces import StoreRefused, StoreUnavailable
from flamenco_mgr.store.mongo.connection import POOL_SIZE, Conversation, NotMongoDB, host_of
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.opening import open_database
from flamenco_mgr.store.mongo.tls import authorities, own_certificate
from flamenco_mgr.store.mongo.uri import TLSWishes
from tests.mongo.certificates import Authority
from tests.mongo.linked import LinkTestCase, url_of
from tests.mongo.scripted import HELLO, ScriptedServer
from tests.mongo.server import StandIn, a_database

NO_COLLECTIONS: Mapping[str, Any] = {"cursor": {"id": 0, "ns": "flamenco.$cmd", "firstBatch": []}}
NOT_PERMITTED: Mapping[str, Any] = {"ok": 0, "code": 13, "errmsg": "not authorized on flamenco"}
SOMEBODY: Mapping[str, Any] = {"authInfo": {"authenticatedUsers": [{"user": "u", "db": "flamenco"}]}}


class OpeningCase(LinkTestCase):
    """Databases that are opened, or not."""

    def setUp(self) -> None:
        self.prepared: list[MongoLink] = []

    async def prepare(self, link: MongoLink) -> None:
        self.prepared.append(link)

    async def opened(self, url: str) -> MongoLink:
        """Open a database; what is missing is made then, and only then."""
        link = self.linked(url)
        await open_database(link, {"flamenco_tasks", "settings"}, self.prepare)
        self.assertEqual(self.prepared, [link])
        return link

    async def refused(self, url: str) -> str:
        """Return why a database is not opened."""
        failed = await self.assertFailure(Deferred.fromCoroutine(self.opened(url)), StoreRefused)
        self.assertEqual(self.prepared, [])
        self.assertNotIn("\n", str(failed))
        return str(failed)

    def server(self, **script: Any) -> ScriptedServer:
        """Return a server that is in order, but for what the script says."""
        return self.scripted(**{"listcollections": NO_COLLECTIONS, "delete": {"n": 0}, **script})


class OpeningTests(OpeningCase):
    async def test_new_database(self) -> None:
        """A database that is not there yet is opened, and what is missing is made."""
        server, name, _ = self.on_stand_in()
        await self.opened(server.url(name))

    async def test_nothing_is_written(self) -> None:
        """Nothing is in the database that was not there before."""
        server, name, _ = self.on_stand_in()
        await self.opened(server.url(name))
        listed = server.command({"listCollections": 1}, name)
        self.assertEqual(listed["cursor"]["firstBatch"], [])

    async def test_unreachable(self) -> None:
        """A server that is not there may come: this is no reason to give up."""
        server = self.server()
        await server.stop()
        opening = Deferred.fromCoroutine(self.opened(url_of(server)))
        failed = await self.assertFailure(opening, StoreUnavailable)
        self.assertIn("nobody listens there", str(failed))

    async def test_later(self) -> None:
        """An opening that was in vain may be tried again on the same link."""
        server = self.server()
        await server.stop()
        link = self.linked(url_of(server))
        await self.unavailable(open_database(link, (), self.prepare))
        server.start()
        await open_database(link, (), self.prepare)
        self.assertEqual(self.prepared, [link])

    async def test_not_mongodb(self) -> None:
        """A server that speaks HTTP is refused, however long one waits."""
        listening: Any = reactor
        port = listening.listenTCP(0, Factory.forProtocol(Web), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        url = f"mongodb://127.0.0.1:{port.getHost().port}/flamenco"
        self.assertIn("not MongoDB", await self.refused(url))

    async def test_too_old(self) -> None:
        """A MongoDB before 4.2 is refused."""
        server = self.server(ismaster={**HELLO, "maxWireVersion": 7})
        self.assertIn("too old", await self.refused(url_of(server)))

    async def test_other_replica_set(self) -> None:
        """A server of another replica set, or of none, than the URI names is refused."""
        self.assertIn("replica set", await self.refused(url_of(self.server(), options="?replicaSet=farm")))

    async def test_no_primary_yet(self) -> None:
        """Members that have no primary yet are waited for."""
        server = self.server(ismaster={**HELLO, "ismaster": False, "secondary": True})
        self.assertIn("primary", await self.unavailable(self.opened(url_of(server))))

    async def test_login_needed(self) -> None:
        """A server that permits nothing without a login is refused."""
        server = self.server(listcollections=NOT_PERMITTED)
        self.assertIn("does not permit", await self.refused(url_of(server)))

    async def test_read_only_user(self) -> None:
        """A user that may only read is refused, with the role that is needed."""
        server = self.server(delete=NOT_PERMITTED)
        self.assertIn("readWrite", await self.refused(url_of(server)))

    async def test_no_journal(self) -> None:
        """A server without a journal, on which nothing is durable, is refused in its own words."""
        server = self.server(delete={"ok": 0, "code": 2, "errmsg": "cannot use 'j' option without journaling"})
        self.assertIn("without journaling", await self.refused(url_of(server)))

    async def test_full_disk(self) -> None:
        """A server whose disk is full is waited for."""
        server = self.server(delete={"ok": 0, "code": 14031, "errmsg": "not enough space"})
        self.assertIn("disk of MongoDB is full", await self.unavailable(self.opened(url_of(server))))

    async def test_view(self) -> None:
        """A view in the place of a collection is refused by name; others' views are not asked for."""
        view = {"name": "flamenco_tasks", "type": "view", "options": {"viewOn": "x"}}
        listed = {"cursor": {"id": 0, "ns": "flamenco.$cmd", "firstBatch": [view]}}
        server = self.server(listcollections=listed)
        self.assertIn("flamenco_tasks", await self.refused(url_of(server)))
        (asked,) = server.sent("listCollections")
        self.assertEqual(asked["filter"], {"name": {"$in": ["flamenco_tasks", "settings"]}})


class LoginTests(OpeningCase):
    """Servers that want to know who comes."""

    async def test_login(self) -> None:
        """A user and its password are taken, on every connection before it is used."""
        scram = Scram(user="u@x", password="p/w")
        server = self.server(
            saslstart=scram.start, saslcontinue=scram.go_on, connectionstatus=SOMEBODY, ping=scram.only_then
        )
        await self.opened(url_of(server, user="u%40x:p%2Fw@"))
        self.assertEqual({command["$db"] for command in server.sent("ping")}, {"flamenco"})

    async def test_wrong_password(self) -> None:
        """A login that is refused is noticed, and nothing is done without one."""
        scram = Scram(user="u", password="another")
        server = self.server(saslstart=scram.start, saslcontinue=scram.go_on)
        self.assertIn("refuses the login", await self.refused(url_of(server, user="u:pw@")))
        self.assertEqual(server.sent("ping"), [])

    async def test_unknown_user(self) -> None:
        """A user that is not there is noticed, and not asked for again and again by every connection."""
        server = self.server(saslstart={"ok": 0, "code": 18, "errmsg": "Authentication failed."})
        refusal = await self.refused(url_of(server, user="u:geheim@"))
        self.assertIn("refuses the login", refusal)
        self.assertNotIn("geheim", refusal)
        self.assertLessEqual(len(server.sent("saslStart")), 2 * POOL_SIZE)

    async def test_login_without_effect(self) -> None:
        """A login that leaves nobody logged in is refused."""
        scram = Scram(user="u", password="pw")
        nobody: Mapping[str, Any] = {"authInfo": {"authenticatedUsers": []}}
        server = self.server(saslstart=scram.start, saslcontinue=scram.go_on, connectionstatus=nobody)
        self.assertIn("no effect", await self.refused(url_of(server, user="u:pw@")))


class TLSTests(OpeningCase):
    """Servers with a certificate of the test's own authority."""

    def setUp(self) -> None:
        super().setUp()
        directory = Path(self.mktemp())
        directory.mkdir()
        self.authority = Authority(directory)
        self.options = f"?tls=true&tlsCAFile={self.authority.file}"

    def encrypted(self, *hosts: str, clients: bool = False, **script: Any) -> ScriptedServer:
        """Return a server with a certificate for these hosts, that perhaps wants one of its clients as well."""
        own = own_certificate(TLSWishes(certificate_key_file=self.authority.signed("server", *hosts)))
        trust = {"trustRoot": authorities(self.authority.file)} if clients else {}
        return self.server(ssl=CertificateOptions(**own, **trust), **script)

    async def test_encrypted(self) -> None:
        """With tls=true the connection is encrypted."""
        server = StandIn.start(tls=self.authority.signed("server", "127.0.0.1"))
        self.addCleanup(server.stop)
        await self.opened(server.url(a_database(), tls="true", tlsCAFile=str(self.authority.file)))

    async def test_by_name(self) -> None:
        """The certificate may be for the host's name; the driver's pings, which go to its number, know the name."""
        link = await self.opened(url_of(self.encrypted("localhost"), host="localhost", options=self.options))
        pings = Pings("127.0.0.1")
        self.assertEqual(host_of(link._connections, pings), "localhost")

    async def test_wrong_name(self) -> None:
        """A certificate for another host is refused."""
        server = self.encrypted("db1.example")
        self.assertIn("another host", await self.refused(url_of(server, options=self.options)))

    async def test_unknown_authority(self) -> None:
        """A certificate that nobody known has signed is refused."""
        server = self.encrypted("127.0.0.1")
        self.assertIn("certificate", await self.refused(url_of(server, options="?tls=true")))

    async def test_any_name(self) -> None:
        """A certificate for another host does when names are not to be checked, if it is signed."""
        server = self.encrypted("db1.example")
        await self.opened(url_of(server, options=f"{self.options}&tlsAllowInvalidHostnames=true"))
        self.prepared.clear()
        self.assertIn(
            "certificate", await self.refused(url_of(server, options="?tls=true&tlsAllowInvalidHostnames=true"))
        )

    async def test_any_certificate(self) -> None:
        """Any certificate does when none is to be checked."""
        server = self.encrypted("db1.example")
        await self.opened(url_of(server, options="?tls=true&tlsAllowInvalidCertificates=true"))

    async def test_certificate_logs_in(self) -> None:
        """With MONGODB-X509 the Manager shows its certificate, and logs in as its subject."""
        server = self.encrypted("127.0.0.1", clients=True, connectionstatus=SOMEBODY)
        own = self.authority.signed("manager")
        login = f"&tlsCertificateKeyFile={own}&authMechanism=MONGODB-X509"
        await self.opened(url_of(server, options=self.options + login))
        (command, *_) = server.sent("authenticate")
        self.assertEqual(command["user"], "CN=manager,O=Render Farm")
        self.assertEqual(command["mechanism"], "MONGODB-X509")

    async def test_encrypted_key(self) -> None:
        """A key with a password is read with it."""
        server = self.encrypted("127.0.0.1", clients=True)
        own = self.authority.signed("manager", password="key's")
        login = f"&tlsCertificateKeyFile={own}&tlsCertificateKeyFilePassword=key%27s"
        await self.opened(url_of(server, options=self.options + login))

    async def test_unreadable_files(self) -> None:
        """Files that have no certificate, or no key that can be read, are refused by name."""
        encrypted = self.authority.signed("manager", password="key's")
        for options, name in {
            f"&tlsCertificateKeyFile={encrypted}": "manager.pem",
            f"&tlsCertificateKeyFile={encrypted}&tlsCertificateKeyFilePassword=wrong": "manager.pem",
            f"&tlsCertificateKeyFile={self.authority.file}": "authority.pem",
            f"&tlsCertificateKeyFile={__file__}": Path(__file__).name,
        }.items():
            refusal = self.assertRaises(StoreRefused, self.linked, f"mongodb://127.0.0.1/x{self.options}{options}")
            self.assertIn(name, str(refusal))

    async def test_plain_towards_tls(self) -> None:
        """A server that wants TLS is not understood in plain text, and the operator is asked about it."""
        server = self.encrypted("127.0.0.1")
        self.assertIn("TLS", await self.unavailable(self.opened(url_of(server))))
        self.assertEqual(server.commands, [])

    async def test_tls_towards_plain(self) -> None:
        """A server without TLS is not spoken to in plain text when TLS is wished for."""
        server = self.server()
        self.assertIn("does not answer", await self.unavailable(self.opened(url_of(server, options=self.options))))
        self.assertEqual(server.commands, [])


class FirstWordsTests(SynchronousTestCase):
    """What arrives first on a connection."""

    def met(self, *pieces: bytes) -> list[type[Exception]]:
        """Return for what the connection is given up on which these arrive."""
        reasons: list[type[Exception]] = []
        conversation = Conversation()
        conversation.told = lambda reason: reasons.append(type(reason))
        conversation.transport = StringTransport()
        for piece in pieces:
            conversation.dataReceived(piece)
        return reasons

    def test_in_pieces(self) -> None:
        """A message is waited for, in however small pieces it arrives."""
        head = (300).to_bytes(4, "little") + 8 * b"\0" + b"\xdd\x07\0\0"
        self.assertEqual(self.met(*(bytes([one]) for one in head)), [])

    def test_few_words(self) -> None:
        """What cannot become a message is not waited for, though it is shorter than the head of one."""
        for pieces in ((b"220 ready\r\n",), (b"SS", b"H-"), (b"HTTP/1.1 400 Bad Request\r\n",)):
            self.assertEqual(self.met(*pieces), [NotMongoDB])


class Web(Protocol):
    """An HTTP server that does not understand."""

    def dataReceived(self, _data: bytes) -> None:
        transport: Any = self.transport
        transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        transport.loseConnection()


@define
class Pings:
    """What the driver watches a host with, as far as it names it."""

    host: str

    @property
    def connector(self) -> "Pings":
        return self


@define(eq=False, kw_only=True)
class Scram:
    """The server's side of SCRAM-SHA-1 (RFC 5802), for one user."""

    user: str
    password: str
    _first: str = field(init=False, default="")
    _passed: bool = field(init=False, default=False)

    _SALT = b64encode(b"salt" * 4).decode()
    _ROUNDS = 4096

    def start(self, command: dict[str, Any]) -> dict[str, Any]:
        asked = bytes(command["payload"]).decode().removeprefix("n,,")
        user, nonce = (part[2:] for part in asked.split(","))
        assert user == self.user
        offer = f"r={nonce}ours,s={self._SALT},i={self._ROUNDS}"
        self._first = f"{asked},{offer}"
        return {"conversationId": 1, "done": False, "payload": offer.encode()}

    def go_on(self, command: dict[str, Any]) -> dict[str, Any]:
        payload = bytes(command["payload"]).decode()
        if not payload:
            return {"conversationId": 1, "done": True, "payload": b""}
        bare, _, proof = payload.rpartition(",p=")
        digest = hashlib.md5(f"{self.user}:mongo:{self.password}".encode()).hexdigest()  # noqa: S324 so it is defined
        salted = hashlib.pbkdf2_hmac("sha1", digest.encode(), b64decode(self._SALT), self._ROUNDS)
        client = hmac.digest(salted, b"Client Key", "sha1")
        message = f"{self._first},{bare}".encode()
        stored = hashlib.sha1(client).digest()  # noqa: S324 as above
        signature = hmac.digest(stored, message, "sha1")
        if bytes(a ^ b for a, b in zip(client, signature, strict=True)) != b64decode(proof):
            return {"ok": 0, "code": 18, "errmsg": "Authentication failed."}
        self._passed = True
        ours = hmac.digest(hmac.digest(salted, b"Server Key", "sha1"), message, "sha1")
        return {"conversationId": 1, "done": False, "payload": b"v=" + b64encode(ours)}

    def only_then(self, _command: dict[str, Any]) -> Mapping[str, Any]:
        return {} if self._passed else NOT_PERMITTED
