"""
Task documents, one by one, from a long JSON text that is still arriving.

A whole-text parser would stand still for seconds on a large farm's answer, and a streaming one gives up at the first
document that is not JSON (a NaN in one job's settings is enough). So the text is only cut here: each document is
handed out as it stands, to be parsed alone, and what is around the documents is checked at the end. Strings and
brackets are all that must be understood for that.
"""

import re

from attrs import define, field

from flamenco_mgr.wire.server_json import BadDocument, parsed

LARGEST_DOCUMENT = 16 << 20
"""Bytes of one task."""

_LARGEST_FRAME = 4 << 20
_DEEPEST_FRAME = 32

# Up to the next bracket, or to the beginning of a string that has not arrived whole.
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"\[\]{}]*)*', re.DOTALL)
# Up to the end of the string that has begun, or of what has arrived of it.
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_STAND_IN = b"0"
_LONGEST_KEY = 100
_OVER = -1


@define(eq=False)
class DocumentStream:
    """
    Cuts a JSON text into the objects of one list.

    ``key`` names the list in the object that the text is; None if the text is the list itself. `feed` and `end` raise
    `BadDocument` for a text that cannot be that.
    """

    key: str | None
    _text: bytearray = field(init=False, factory=bytearray)
    _at: int = field(init=False, default=0)
    _in_string: bool = field(init=False, default=False)
    _depth: int = field(init=False, default=0)
    _list_depth: int | None = field(init=False, default=None)
    _begin: int | None = field(init=False, default=None)
    _frame: bytearray = field(init=False, factory=bytearray)
    _framed: int = field(init=False, default=0)
    _count: int = field(init=False, default=0)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece of the text, and return the documents that have become complete."""
        self._text += data
        documents: list[bytes] = []
        while self._find_bracket():
            if self._text[self._at] in b"[{":
                self._open(self._text[self._at])
            else:
                self._close(documents)
        self._forget()
        return documents

    def end(self) -> int:
        """Check that the text was complete and well formed; return how many members of the list were no objects."""
        if self._begin is not None:
            raise BadDocument("", "ends in the middle")
        frame = parsed(bytes(self._frame + self._text))
        if self.key is not None:
            frame = frame.get(self.key) if isinstance(frame, dict) else None
        if not isinstance(frame, list):
            raise BadDocument(self.key or "", "is not a list")
        if len(frame) < self._count:
            # Its name was spelt otherwise, with escapes.
            raise BadDocument(self.key or "", "is there twice")
        return len(frame) - self._count

    def _find_bracket(self) -> bool:
        while True:
            pattern = _IN_STRING if self._in_string else _TO_BRACKET
            found = pattern.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at == len(self._text):
                return False
            if self._text[self._at] != ord('"'):
                return not self._in_string  # in a string it is the first half of an escape
            self._in_string = not self._in_string
            self._at += 1

    def _open(self, bracket: int) -> None:
        if self._begin is None:
            if self._depth == _DEEPEST_FRAME:
                raise BadDocument("", "is nested too deeply")
            if bracket == ord("{") and self._depth == self._list_depth:
                self._frame += self._text[self._framed : self._at] + _STAND_IN
                self._begin = self._at
            elif bracket == ord("[") and self._list_depth in {None, _OVER} and self._is_the_list():
                if self._list_depth == _OVER:
                    # JSON takes the last one, whose documents would be lost.
                    raise BadDocument(self.key or "", "is there twice")
                self._list_depth = self._depth + 1
        self._depth += 1
        self._at += 1

    def _is_the_list(self) -> bool:
        if self.key is None:
            return self._depth == 0
        before = bytes(self._frame[-_LONGEST_KEY:] + self._text[self._framed : self._at]).rstrip()
        name, colon = before[:-1].rstrip(), before[-1:]
        quoted = b'"%b"' % self.key.encode()
        # A backslash before it would make the first quote a part of a longer name.
        is_named = name.endswith(quoted) and not name.endswith(b"\\" + quoted)
        return self._depth == 1 and colon == b":" and is_named

    def _close(self, documents: list[bytes]) -> None:
        self._depth -= 1
        self._at += 1
        if self._depth < 0:
            raise BadDocument("", "closes what was never opened")
        if self._begin is not None and self._depth == self._list_depth:
            documents.append(bytes(self._text[self._begin : self._at]))
            self._framed = self._at
            self._begin = None
            self._count += 1
        elif self._begin is None and self._list_depth is not None and self._depth < self._list_depth:
            self._list_depth = _OVER

    def _forget(self) -> None:
        """Let go of what was handed out, and keep the frame apart."""
        if self._begin is None:
            self._frame += self._text[self._framed : self._at]
            gone = self._at
        else:
            gone = self._begin
            self._begin = 0
        del self._text[:gone]
        self._at -= gone
        self._framed = 0
        if len(self._text) > LARGEST_DOCUMENT or len(self._frame) > _LARGEST_FRAME:
            raise BadDocument("", "is too long")
