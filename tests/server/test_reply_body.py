"""The body of an answer of the Server's, bounded, and not faster than it is taken."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from flamenco_mgr.server.reply_body import ReplyBody
from flamenco_mgr.server.trouble import BadReply


class ReplyBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.body = ReplyBody(100)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self.body
        self.body.makeConnection(self.transport)

    def next(self) -> "Deferred[bytes | None]":
        return Deferred.fromCoroutine(self.body.next())

    def test_pieces(self) -> None:
        """Pieces are taken one by one, and then it is over."""
        first = self.next()
        self.assertNoResult(first)
        self.body.dataReceived(b"one")
        self.assertEqual(self.successResultOf(first), b"one")
        self.body.dataReceived(b"two")
        self.body.connectionLost(Failure(ResponseDone()))
        self.assertEqual(self.successResultOf(self.next()), b"two")
        self.assertIsNone(self.successResultOf(self.next()))
        self.assertIsNone(self.successResultOf(self.next()))

    def test_not_faster_than_taken(self) -> None:
        """While a piece waits to be taken the connection is not read."""
        self.body.dataReceived(b"one")
        self.assertEqual(self.transport.producerState, "paused")
        self.successResultOf(self.next())
        self.assertEqual(self.transport.producerState, "paused")
        taking = self.next()
        self.assertEqual(self.transport.producerState, "producing")
        self.body.dataReceived(b"two")
        self.successResultOf(taking)

    def test_too_long(self) -> None:
        """A body that is longer than it may be is cut, and is none."""
        whole = Deferred.fromCoroutine(self.body.whole())
        self.body.dataReceived(b"x" * 101)
        self.failureResultOf(whole, BadReply)
        self.assertFalse(self.transport.connected)

    def test_broken(self) -> None:
        """A connection that breaks breaks the body off."""
        whole = Deferred.fromCoroutine(self.body.whole())
        self.body.dataReceived(b"x")
        self.body.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(whole, ConnectionLost)

    def test_unknown_length(self) -> None:
        """A body of unknown length ends with its connection."""
        self.body.dataReceived(b"x")
        self.body.connectionLost(Failure(PotentialDataLoss()))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.body.whole())), b"x")

    def test_beginning(self) -> None:
        """Of what is only looked at the beginning is enough; the rest is cut."""
        self.body.dataReceived(b"x" * 30)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.body.beginning(20))), b"x" * 20)
        self.assertFalse(self.transport.connected)

    def test_cancelled(self) -> None:
        """Who no longer waits for the next piece ends the connection."""
        taking = self.next()
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        self.assertFalse(self.transport.connected)
