"""Task documents are cut out of a long JSON text while it arrives."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.wire.server_json import BadDocument
from flamenco_mgr.wire.server_stream import DocumentStream

TRICKY = st.sampled_from(['"', "\\", "\\\\", '\\"', "{", "}", "[", "]", ",", ":", "depsgraph", "é", "😀", "\n", ""])
TEXTS = st.lists(TRICKY, max_size=5).map("".join)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


def cut(key: str | None, text: bytes, size: int) -> tuple[list[bytes], int]:
    """Return the documents of a text that arrives in pieces of this size, and how many members were no objects."""
    stream = DocumentStream(key)
    documents = [
        document for start in range(0, len(text), size) for document in stream.feed(text[start : start + size])
    ]
    return documents, stream.end()


class DocumentStreamTests(SynchronousTestCase):
    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(
        members=st.lists(VALUES, max_size=4),
        others=st.dictionaries(TEXTS.filter(lambda name: name != "depsgraph"), VALUES, max_size=2),
        in_object=st.booleans(),
        size=st.integers(1, 30),
        ascii_only=st.booleans(),
        indent=st.sampled_from((None, 1)),
    )
    def test_any_json(
        self,
        members: list[Any],
        others: dict[str, Any],
        size: int,
        indent: int | None,
        *,
        in_object: bool,
        ascii_only: bool,
    ) -> None:
        """Whatever the text, and wherever it is cut on its way, the list's objects come out, in order."""
        value: Any = {**others, "depsgraph": members, "z": others} if in_object else members
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
        documents, strangers = cut("depsgraph" if in_object else None, text, size)
        expected = [member for member in members if isinstance(member, dict)]
        self.assertEqual([json.loads(document) for document in documents], expected)
        self.assertEqual(strangers, len(members) - len(expected))

    def test_at_once(self) -> None:
        """A document is handed out as soon as it is complete."""
        stream = DocumentStream("depsgraph")
        self.assertEqual(stream.feed(b'{"depsgraph": [{"a": 1'), [])
        self.assertEqual(stream.feed(b'}, {"b":'), [b'{"a": 1}'])
        self.assertEqual(stream.feed(b"2}"), [b'{"b":2}'])

    def test_not_json_inside(self) -> None:
        """server-api.md 17.5: a document that is no JSON costs the others nothing."""
        documents, strangers = cut("depsgraph", b'{"depsgraph": [{"a": NaN}, {"b": 01 x}, {"c": "\xff"}, {"d": 1}]}', 7)
        self.assertEqual(documents, [b'{"a": NaN}', b'{"b": 01 x}', b'{"c": "\xff"}', b'{"d": 1}'])
        self.assertEqual(strangers, 0)

    def test_other_lists(self) -> None:
        """Only the list of that name counts, and only where it belongs."""
        text = b'{"x": [{"a": 1}], "y": {"depsgraph": [{"b": 2}]}, "depsgraph": [{"c": 3}], "z": [{"d": 4}]}'
        self.assertEqual(cut("depsgraph", text, 5), ([b'{"c": 3}'], 0))

    def test_longer_names(self) -> None:
        """A list whose name only ends like the one that is wanted is another list."""
        text = rb'{"\"depsgraph": [1, {"a": 1}], "xdepsgraph": [{"b": 2}], "depsgraph": [{"c": 3}]}'
        for size in (1, 7, 100):
            self.assertEqual(cut("depsgraph", text, size), ([b'{"c": 3}'], 0))

    def test_twice(self) -> None:
        """A list that is there twice is refused, however the second one is spelt: one of them would be lost."""
        for again in (b'"depsgraph": []', b'"depsgraph": [{}, {}]', b'"depsgr\\u0061ph": []'):
            with self.subTest(again=again):
                self.assertRaises(BadDocument, cut, "depsgraph", b'{"depsgraph": [{}], %b}' % again, 7)

    def test_cut_short(self) -> None:
        """A text that ends anywhere before its end is noticed."""
        text = b' {"depsgraph": [{"a": "\\"}"}, {"b": [1]}]}'
        for length in range(len(text)):
            with self.assertRaises(BadDocument, msg=text[:length]):
                cut("depsgraph", text[:length], 100)

    def test_no_such_list(self) -> None:
        """What is no such text is refused at the end, or before."""
        for text in (
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"depsgraph": {}}',
            b'{"depsgraph": 5}',
            b'{"depsgraph": [],}',
            b'{"depsgraph": [{} {}]}',
            b'{"depsgraph": [{},]}',
            b'{"depsgraph": []}]',
            b"]",
            b"<html>[]</html>",
            b"[" * 100,
        ):
            with self.assertRaises(BadDocument, msg=text):
                cut("depsgraph", text, 3)

    def test_bounds(self) -> None:
        """Neither a document nor what is around the documents grows without bound."""
        for beginning in (b'{"depsgraph": [{"a": "', b'{"depsgraph": [', b"x", b'"'):
            stream = DocumentStream("depsgraph")
            stream.feed(beginning)
            with self.assertRaisesRegex(BadDocument, "too long"):
                for _ in range(17 << 4):
                    stream.feed(b" " * (1 << 16))

    def test_bracket_storm(self) -> None:
        """Deep nesting in a document costs no more than its length."""
        documents, _ = cut("depsgraph", b'{"depsgraph": [{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}", 8192)
        self.assertEqual(len(documents), 1)
