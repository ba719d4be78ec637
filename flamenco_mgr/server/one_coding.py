"""Answers of the Server that are compressed once at most, so that a few KB of them are never a GB."""

from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from flamenco_mgr.server.reply_body import ReplyBody
from flamenco_mgr.server.trouble import BadReply


@implementer(IAgent)
@frozen(eq=False)
class OneCodingAgent:
    """
    Asks by another agent, and takes no answer that is to be decompressed again and again.

    The HTTP client would do so as often as the answer says, each time with all that one piece becomes: a thousand times
    as much. Once is bounded by what is read from a socket at a time.
    """

    agent: Any  # an IAgent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> "Deferred[IResponse]":
        """Ask, and return the answer; fails with `BadReply` if it has several codings."""
        answer: Deferred[IResponse] = self.agent.request(method, uri, headers, bodyProducer)
        return answer.addCallback(_compressed_once)


def _compressed_once(response: IResponse) -> IResponse:
    codings = ",".join(response.headers.getRawHeaders("Content-Encoding", [])).split(",")
    if len(codings) > 1:
        unread = ReplyBody(0)
        response.deliverBody(unread)
        unread.abort()
        raise BadReply("the answer is compressed more than once")
    return response
