"""YAML as configurations need it (configuration.md 1, 2)."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.settings.document import NoDocument, parse
from flamenco_mgr.settings.problems import Notes, Place, Value


class DocumentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.notes = Notes()

    def parse(self, text: str) -> Value:
        return parse(text.encode(), Place(self.notes))

    def problems(self) -> list[str]:
        return [str(problem) for problem in self.notes.problems]

    def test_everything_is_text(self) -> None:
        """Whatever a plain scalar looks like, it is text: ids, octal numbers, floats, dates, words for truth."""
        for text in (
            "123456789012345678901234",
            "012345670123456701234567",
            "1e5",
            "2019-11-12",
            "yes",
            "0x1f",
            "1_0",
            ".inf",
        ):
            self.assertEqual(self.parse(f"a: {text}"), {"a": text})

    def test_tagged_scalars(self) -> None:
        """A scalar that says that it is a number is the text of it."""
        self.assertEqual(self.parse("[!!int 07, !!str null, !!float 1e5]"), ["07", "null", "1e5"])

    def test_nothing(self) -> None:
        """Nothing, ``~`` and ``null`` are nothing; in quotes they are text."""
        self.assertEqual(
            self.parse("[~, null, Null, NULL, 'null', \"~\", '', nULL]"), [None] * 4 + ["null", "~", "", "nULL"]
        )
        self.assertEqual(self.parse("a:\nb: ~\n"), {"a": None, "b": None})
        self.assertIsNone(self.parse("# a comment\n"))

    def test_keys(self) -> None:
        """Keys are text, too, whatever they look like."""
        self.assertEqual(self.parse("{null: 1, 3: 1, yes: 1, '<<': 1}"), {"null": "1", "3": "1", "yes": "1", "<<": "1"})

    def test_byte_order_mark(self) -> None:
        """A byte order mark, as editors on Windows write it, is no part of the text."""
        self.assertEqual(parse(b"\xef\xbb\xbfa: b", Place(self.notes)), {"a": "b"})

    def test_anchors(self) -> None:
        """Aliases repeat what their anchor has."""
        self.assertEqual(self.parse("a: &x [1]\nb: *x"), {"a": ["1"], "b": ["1"]})

    def test_merges(self) -> None:
        """A merge adds keys; a mapping's own keys win, then those of the earlier merged mapping."""
        text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\nd: {<<: *b, z: 4}"
        merged = self.parse(text)
        assert isinstance(merged, dict)
        self.assertEqual(merged["c"], {"x": "1", "y": "1", "z": "3"})
        self.assertEqual(merged["d"], {"y": "2", "z": "4"})
        self.assertEqual(self.problems(), [])

    def test_repeated_keys(self) -> None:
        """Repeated keys are mistakes, wherever they are, with the lines of both."""
        self.parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
        self.assertEqual(
            self.problems(),
            ["b.c: the key is there twice, in lines 3 and 4", "a: the key is there twice, in lines 1 and 5"],
        )

    def test_tags(self) -> None:
        """Tags that YAML's core does not have are mistakes, and nothing is made of them."""
        self.parse("a: !!python/object/apply:os.getcwd []\nb: !vault abc\nc: !!binary YQ==")
        self.assertEqual([problem.path for problem in self.notes.problems], ["a", "b", "c"])
        self.assertIn("!!python/object/apply:os.getcwd", self.problems()[0])

    def test_unwritable(self) -> None:
        """A NUL or half a character is a mistake: no file and no URL can have it."""
        self.parse('a: "x\\0"\nb: "\\ud800"')
        self.assertEqual([problem.path for problem in self.notes.problems], ["a", "b"])

    def test_syntax(self) -> None:
        """Where the text stops to be YAML is told by line and column, without the line itself: it may hold a secret."""
        for text, where in (
            ("a: 1\nb: [hush", "line 2, column 9"),
            ("a: 'hush", "line 1, column 9"),
            ("a: b: hush", "line 1, column 5"),
            ("a: 1\n\tb: hush", "line 2, column 1"),
            ("secret: %hush", "line 1, column 9"),
            ("a: 1\n---\nb: hush", "line 2, column 1"),
            ("? [a]\n: hush", "line 1, column 3"),
            ("a: {<<: hush}", "line 1, column 9"),
            ("a: 1\nb: \x01hush", "line 2"),
        ):
            error = self.assertRaises(NoDocument, self.parse, text)
            self.assertEqual(error.where, where, text)
            self.assertNotIn("hush", error.reason)

    def test_not_utf_8(self) -> None:
        """A text in another encoding is refused with its first wrong byte."""
        error = self.assertRaises(NoDocument, parse, "a: 1\nb: käse".encode("latin-1"), Place(self.notes))
        self.assertEqual(error.where, "line 2")
        self.assertIn("0xe4", error.reason)

    def test_deep(self) -> None:
        """Deep nesting is refused, whether it is just too deep or would end the interpreter's stack."""
        for depth in (40, 300, 20_000):
            for text in ("[" * depth + "]" * depth, "{a: " * depth + "}" * depth):
                self.assertIn("levels deep", self.assertRaises(NoDocument, self.parse, text).reason)

    def test_circle(self) -> None:
        """A value that has itself as a part is refused."""
        for text in ("a: &a [*a]", "--- &a\na: {b: *a}", "&a {<<: *a}", "&a {b: *a}"):
            self.assertRaises(NoDocument, self.parse, text)

    def test_bombs(self) -> None:
        """Aliases of aliases, plain or merged, that would become millions of values are refused."""
        lists = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))
        maps = "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10))
        for text in (f"a0: &a0 [x]\n{lists}", f"a0: &a0 {{x: 1}}\n{maps}"):
            self.assertIn("aliases", self.assertRaises(NoDocument, self.parse, text).reason)
