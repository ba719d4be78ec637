"""Addresses, URLs and ids (configuration.md 2, 3, 7, 8)."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.settings.addresses import Address, parse_address, parse_database_url, parse_id, parse_web_url
from flamenco_mgr.settings.problems import Unfit


class AddressTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """An address is a port, or a host or IPv6 address in brackets and a port; no host means all interfaces."""
        for text, host, port in (
            (":8080", "", 8080),
            ("localhost:0", "localhost", 0),
            ("192.168.1.20:8080", "192.168.1.20", 8080),
            ("render-manager.local:65535", "render-manager.local", 65535),
            ("[::1]:8080", "::1", 8080),
            ("[::0]:8083", "::", 8083),
            (":http", "", 80),
            ("localhost:https", "localhost", 443),
        ):
            self.assertEqual(parse_address(text), Address(host, port))

    def test_written(self) -> None:
        """An address is written as it is read."""
        for text in (":8080", "localhost:0", "[::1]:8080"):
            self.assertEqual(str(parse_address(text)), text)

    def test_refused(self) -> None:
        """Anything else is refused, with the form it should have."""
        for text, part in (
            ("", "':port'"),
            ("8080", "':8080'"),
            ("localhost", "'host:port'"),
            ("::1:8080", "'[v6]:port'"),
            ("[::x]:8080", "'[v6]:port'"),
            ("http://localhost:8080", "'host:port'"),
            ("a b:8080", "'host:port'"),
            (":", "':port'"),
            (":no-such-service", "':port'"),
            (":-1", "':port'"),
            (":٣", "':port'"),
        ):
            self.assertIn(part, self.assertRaises(Unfit, parse_address, text).suggestion, text)
        self.assertIn("65535", self.assertRaises(Unfit, parse_address, ":65536").reason)


class WebURLTests(SynchronousTestCase):
    def test_kept(self) -> None:
        """URLs of http and https stay as they are."""
        for text in ("http://a/", "https://a:8443/x/", "http://[::1]:8080/", "HTTP://a"):
            self.assertEqual(parse_web_url(text), text)

    def test_refused(self) -> None:
        """Other texts are refused, and so is what does not belong into a base URL."""
        for text in (
            "a",
            "server.example:80",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://a:port/",
            "http://a:99999/",
            "http://a:0/",
            "http://[::/",
            "http://a b/",
            "http://a/\n",
            "http://user:secret@a/",
            "http://a/?x=1",
            "http://a/#x",
        ):
            self.assertRaises(Unfit, parse_web_url, text)

    def test_scheme_is_missing(self) -> None:
        """A text without a scheme is answered with the URL that may be meant."""
        self.assertIn("'http://server.example/'", self.assertRaises(Unfit, parse_web_url, "server.example/").suggestion)


class DatabaseURLTests(SynchronousTestCase):
    def test_blank(self) -> None:
        """Nothing, or blanks, mean the embedded store."""
        self.assertEqual([parse_database_url(text) for text in ("", "  ")], ["", ""])

    def test_mongodb(self) -> None:
        """URLs of MongoDB with a database's name are kept, with users, several hosts and options."""
        for text in (
            "mongodb://localhost/flamanager",
            "mongodb://user:pass@a:27017,b:27018/flamanager?replicaSet=rs0",
        ):
            self.assertEqual(parse_database_url(text), text)

    def test_anything_else(self) -> None:
        """Anything else is refused with both forms named."""
        for text in ("db.sqlite3", "sqlite:///x", "postgres://a/b", "MONGODB://a/b"):
            suggestion = self.assertRaises(Unfit, parse_database_url, text).suggestion
            self.assertIn("empty for the embedded store", suggestion)
            self.assertIn("mongodb://host/database", suggestion)

    def test_servers_from_dns(self) -> None:
        """A URL whose servers DNS knows is refused, with what to write instead."""
        suggestion = self.assertRaises(Unfit, parse_database_url, "mongodb+srv://u:p@a.example/b").suggestion
        self.assertIn("mongodb://host1,host2,host3/database?replicaSet=", suggestion)

    def test_database_of_its_own(self) -> None:
        """The databases that MongoDB needs for itself, and names that it does not allow, are refused as such."""
        for name in ("admin", "config", "local"):
            self.assertIn(name, str(self.assertRaises(Unfit, parse_database_url, f"mongodb://a/{name}?w=1")))
        self.assertIn(
            "63 characters", self.assertRaises(Unfit, parse_database_url, f"mongodb://a/{'b' * 64}").suggestion
        )

    def test_incomplete(self) -> None:
        """A URL of MongoDB without a host or a database's name is refused."""
        for text in (
            "mongodb:///a",
            "mongodb://a,,b/c",
            "mongodb://a",
            "mongodb://a/",
            "mongodb://a/?x=1",
            "mongodb://a/b/c",
        ):
            self.assertRaises(Unfit, parse_database_url, text)


class IdTests(SynchronousTestCase):
    def test_ids(self) -> None:
        """An id has 24 hexadecimal digits, and is kept in small letters; it may be missing."""
        self.assertEqual(parse_id("5D7B9F3AE4B0C83A1F2D6E11"), "5d7b9f3ae4b0c83a1f2d6e11")
        self.assertEqual(parse_id(""), "")
        for text in ("5d7b9f3ae4b0c83a1f2d6e1", "5d7b9f3ae4b0c83a1f2d6e111", "5d7b9f3ae4b0c83a1f2d6e1g"):
            self.assertRaises(Unfit, parse_id, text)
