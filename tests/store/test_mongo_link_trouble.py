"""Servers that are silent, gone or in trouble: how long that is waited for, and what the log is told."""

import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from flamenco_mgr.deadline import unhurried, within
from flamenco_mgr.store.mongo.connection import POOL_SIZE
from tests.mongo.linked import LinkTestCase, ping, url_of
from tests.mongo.scripted import CUT, HELLO, SILENT


class TimeTests(LinkTestCase):
    """Servers that are silent, or gone."""

    async def test_silent_connection(self) -> None:
        """A connection that died unnoticed costs a part of the time, and is not used again."""
        answers = iter([{}, SILENT, {}])
        server = self.scripted(ping=lambda _: next(answers))
        link = self.linked(url_of(server))
        await ping(link)
        await self.until(lambda: len(server.clients) == POOL_SIZE)
        before = set(server.clients)
        self.assertLess(await self.seconds_of(ping(link)), 1.7)
        self.assertEqual(len(before - set(server.clients)), 1)

    async def test_silent_server(self) -> None:
        """A server that does not answer is given up on within the time of a request."""
        link = self.linked(url_of(self.scripted(ping=SILENT)))
        begun = time.monotonic()
        self.assertIn("does not answer in time", await self.unavailable(ping(link)))
        self.assertLess(time.monotonic() - begun, 2.3)

    async def test_one_deadline(self) -> None:
        """All calls of a request share its deadline, also those that begin when it is over."""
        link = self.linked(url_of(self.scripted(ping=SILENT)))
        begun = time.monotonic()
        with within(IReactorTime(reactor), 0.5):
            await self.unavailable(ping(link))
            self.assertIn("no time is left", await self.unavailable(ping(link)))
        self.assertLess(time.monotonic() - begun, 1.2)

    async def test_work_that_outlives_the_request(self) -> None:
        """Work that a request only begins has its own time."""
        link = self.linked(url_of(self.scripted()))
        with within(IReactorTime(reactor), 0.0), unhurried():
            await ping(link)

    async def test_back(self) -> None:
        """A server that is there again is used within a second, and nothing but it has to be waited for."""
        server = self.scripted()
        link = self.linked(url_of(server))
        await ping(link)
        await server.stop()
        self.assertIn("nobody listens there", await self.unavailable(ping(link)))
        server.start()
        self.assertLess(await self.seconds_of(ping(link)), 1.0)

    async def test_cut_again_and_again(self) -> None:
        """A server that closes every connection is no reason to wait longer than a request may."""
        link = self.linked(url_of(self.scripted(ping=CUT)))
        begun = time.monotonic()
        await self.unavailable(ping(link))
        self.assertLess(time.monotonic() - begun, 2.5)

    async def test_no_primary(self) -> None:
        """While no member is the primary that is told; when one is again, it is used."""
        hello: dict[str, Any] = {**HELLO, "ismaster": False, "secondary": True, "me": "db1"}
        link = self.linked(url_of(self.scripted(ismaster=lambda _: hello)))
        self.assertIn("not the primary", await self.unavailable(ping(link)))
        hello["ismaster"] = True
        self.assertLess(await self.seconds_of(ping(link)), 1.0)

    async def test_closed(self) -> None:
        """After the end nothing is begun; what is on its way may end."""
        server = self.scripted()
        link = self.linked(url_of(server))
        await ping(link)
        asked = Deferred.fromCoroutine(ping(link))
        await link.close()
        self.assertEqual((await asked)["ok"], 1)
        self.assertIn("closed", await self.unavailable(ping(link)))
        self.assertEqual(len(server.sent("ping")), 2)


class NewsTests(LinkTestCase):
    """What the log is told."""

    def setUp(self) -> None:
        self.events: list[LogEvent] = []
        heard: Any = self.events.append
        globalLogPublisher.addObserver(heard)
        self.addCleanup(globalLogPublisher.removeObserver, heard)

    def told(self, level: Any) -> list[LogEvent]:
        """Return what the link told on a level."""
        return [event for event in self.events if event.get("log_level") == level and "database" in event]

    async def test_once(self) -> None:
        """Trouble is told when it begins, and not again while it lasts."""
        link = self.linked(url_of(self.scripted(ping={"ok": 0, "code": 14031, "errmsg": "full"})))
        for _ in range(3):
            await self.unavailable(ping(link))
        (event,) = self.told(LogLevel.critical)
        self.assertIn("full", event["words"])
        self.assertIn("flamenco on 127.0.0.1", event["database"])

    async def test_over(self) -> None:
        """The end of the trouble is told, when nothing has failed for a while."""
        full = {"ok": 0, "code": 14031, "errmsg": "full"}
        clock = Clock()
        link = self.linked(url_of(self.scripted(insert=full)), clock)
        await self.unavailable(link.call(lambda db, timeout: db.tasks.insert_one({"_id": 1}, timeout=timeout)))
        await ping(link)
        self.assertEqual(self.told(LogLevel.warn), [])
        clock.advance(6.0)
        await ping(link)
        self.assertEqual(len(self.told(LogLevel.warn)), 1)

    async def test_driver_is_quiet(self) -> None:
        """The driver's own lines do not fill the log while a server cannot be used."""
        hello = {**HELLO, "ismaster": False, "secondary": True}
        link = self.linked(url_of(self.scripted(ismaster=hello)))
        await self.unavailable(ping(link))
        self.assertEqual([event for event in self.events if event.get("isError") and "database" not in event], [])
