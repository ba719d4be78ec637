"""JSON from outside."""

import json
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.wire.numbers import without_fractions
from flamenco_mgr.wire.strict_json import MOST_VALUES, BadJSON, harmless, parsed, parsed_object

TEXTS = st.text(st.characters(), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
    max_leaves=10,
)


class StrictJSONTests(SynchronousTestCase):
    """Reading."""

    def test_bad(self) -> None:
        """Whatever makes a reader give up is bad JSON, and nothing else is raised."""
        for body in (
            b"",
            b" \r\n\t",
            b"{",
            b'{"a": 1,}',
            b"{'a': 1}",
            b'{"a": "\n"}',
            b'"half',
            b"\xff",
            b'"\xed\xa0\x80"',
            "\ufeff{}".encode(),
            "{}".encode("utf-16"),
            b"NaN",
            b"[Infinity]",
            b'{"a": -Infinity}',
            b"1e400",
            b"-1e400",
            b"1" * 301,
            b"9" * 5000,
            b"-" + b"9" * 5000,
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
            b"nul",
            b"\x00",
        ):
            with self.assertRaises(BadJSON, msg=repr(body[:20])):
                parsed(body)

    def test_many_values(self) -> None:
        """Megabytes of brackets and commas are not read; of a log of the same size only its quotes count."""
        for value in (b"[]", b"1", b'"a"', b'{"a": 1}'):
            with self.assertRaisesRegex(BadJSON, "values"):
                parsed(b'{"a": [' + b",".join([value] * (MOST_VALUES + 1)) + b"]}")
        self.assertEqual(parsed(b'{"log": "' + b",[{" * MOST_VALUES + b'"}'), {"log": ",[{" * MOST_VALUES})

    def test_good(self) -> None:
        """The first value is read, and what follows is ignored (worker-api.md 4)."""
        for body, value in (
            (b" {} ", {}),
            (b'\n{"a": [1, 2.5, null, true]} and more', {"a": [1, 2.5, None, True]}),
            (b"1" * 300, int("1" * 300)),
            (b'{"a": 1, "a": 2}', {"a": 2}),
            ('"\u00e4"'.encode(), "\u00e4"),
        ):
            self.assertEqual(parsed(body), value)

    def test_objects(self) -> None:
        """What is no object is bad JSON where an object is needed."""
        self.assertEqual(parsed_object(b'{"a": 1}'), {"a": 1})
        for body in (b"[]", b'"a"', b"1", b"null", b"true"):
            with self.assertRaises(BadJSON):
                parsed_object(body)

    @given(VALUES)
    def test_what_json_writes(self, value: object) -> None:
        """What Python writes is read again as it was."""
        self.assertEqual(parsed(json.dumps(value).encode()), value)

    @given(st.binary(max_size=50))
    def test_anything(self, body: bytes) -> None:
        """No bytes at all make it fail in another way."""
        try:
            parsed(body)
        except BadJSON as e:
            self.assertLess(len(str(e)), 300)

    def test_quotes_without_end(self) -> None:
        """A long text of quotes in a string that never ends is refused as fast as it is read."""
        for body in (b'{"log":"' + b'\\"' * 900_000, b'"' + b'\\\\\\"' * 300_000, b'"a"' * 300_000 + b'"\\'):
            began = time.process_time()
            self.assertRaises(BadJSON, parsed_object, body)
            self.assertLess(time.process_time() - began, 2.0)

    def test_harmless(self) -> None:
        """NULs and lone surrogates become replacement characters; everything else stays."""
        self.assertEqual(harmless("a\x00b\ud800\udfffc"), "a\ufffdb\ufffd\ufffdc")
        for text in ("", "plain\n\x1b", "gr\u00fc\u00dfe \U0001f600"):
            self.assertEqual(harmless(text), text)

    @given(st.text(st.characters(), max_size=50))
    def test_harmless_can_be_stored(self, text: str) -> None:
        """A text that was made harmless can be written as UTF-8, and has no NUL."""
        self.assertNotIn(b"\x00", harmless(text).encode())


class NumberTests(SynchronousTestCase):
    """Whole numbers in settings."""

    def test_whole(self) -> None:
        """Whole-valued numbers lose their fraction at any depth; others, booleans and texts stay."""
        value = {"a": 8.0, "b": [8.5, -3.0, {"c": 1e20}], "d": True, "e": "8.0", "f": None, "g": (2.0,)}
        self.assertEqual(
            json.dumps(without_fractions(value)),
            '{"a": 8, "b": [8.5, -3, {"c": 100000000000000000000}], "d": true, "e": "8.0", "f": null, "g": [2]}',
        )

    def test_very_large(self) -> None:
        """A number that is written with an exponent anyway stays."""
        self.assertEqual(json.dumps(without_fractions([1e21, 1e300])), "[1e+21, 1e+300]")

    def test_no_numbers(self) -> None:
        """What JSON has no word for becomes null."""
        self.assertEqual(without_fractions([float("nan"), float("inf"), -float("inf")]), [None, None, None])
