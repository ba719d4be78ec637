"""Tables for people, JSON for programs."""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.cli.output import Column, Output
from flamenco_mgr.cli.records import moment, number, tally, text
from flamenco_mgr.cli.texts import counted, lasting, shortened, sized

COLUMNS = (
    Column(title="ID", value=lambda record: text(record, "id"), whole=True),
    Column(title="N", value=lambda record: text(record, "n"), right=True),
    Column(title="TEXT", value=lambda record: text(record, "text")),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class OutputTests(SynchronousTestCase):
    def written(self, *records: dict[str, object], stream: io.StringIO | None = None, width: int = 80) -> str:
        """Return the table of some records."""
        stream = io.StringIO() if stream is None else stream
        Output(stdout=stream, stderr=io.StringIO(), width=width).records(records, COLUMNS, none="None.")
        return stream.getvalue()

    def test_aligned(self) -> None:
        """Columns are aligned by what a terminal shows, numbers to the right; lines end with their last."""
        table = self.written({"id": "a", "n": 7, "text": "x"}, {"id": "日本", "n": 10})
        self.assertEqual(table, "ID     N  TEXT\na      7  x\n日本  10\n")

    def test_none(self) -> None:
        """An empty table is a sentence."""
        self.assertEqual(self.written(), "None.\n")

    def test_long(self) -> None:
        """A long table is written in pieces, with its headings once and columns that only grow."""
        lines = self.written(*({"id": str(n), "n": n, "text": "x"} for n in range(1200))).splitlines()
        self.assertEqual((len(lines), lines[0].split()), (1201, ["ID", "N", "TEXT"]))
        self.assertEqual((lines[1].index("x"), lines[-1].index("x")), (10, 12))

    def test_narrow_terminal(self) -> None:
        """On a narrow terminal texts go on in the next line, and ids stay whole; elsewhere nothing is narrow."""
        record = {"id": "5e6a1f2c9d3b4a0017c0ffee", "n": 1, "text": "word " * 20}
        lines = self.written(record, stream=Terminal(), width=50).splitlines()
        self.assertLessEqual(max(map(len, lines)), 50)
        self.assertIn("5e6a1f2c9d3b4a0017c0ffee", lines[1])
        self.assertEqual(sum(line.count("word") for line in lines), 20)
        self.assertEqual(len(self.written(record, width=50).splitlines()), 2)

    def test_array(self) -> None:
        """A list for programs is valid JSON in ASCII, one record a line."""
        stream = io.StringIO()
        output = Output(stdout=stream, stderr=io.StringIO(), as_json=True)
        records = [{"id": "日\ud800\x1b"}, {"id": "b"}]
        output.records(records, COLUMNS, none="None.")
        self.assertEqual(json.loads(stream.getvalue()), records)
        self.assertTrue(stream.getvalue().isascii())
        self.assertEqual(stream.getvalue().count("\n"), 4)


class TextsTests(SynchronousTestCase):
    def test_lasting(self) -> None:
        """Time spans are told by their two largest units."""
        for seconds, said in ((0.2, "0 s"), (59.6, "1 min"), (3725, "1 h 2 min"), (90061, "1 d 1 h"), (86400.0, "1 d")):
            self.assertEqual(lasting(seconds), said)

    def test_sized(self) -> None:
        """Sizes are told in MiB, those below one in KiB."""
        for size, said in ((300, "0.3 KiB"), (212992, "208.0 KiB"), (1 << 20, "1.0 MiB"), (5 << 30, "5,120.0 MiB")):
            self.assertEqual(sized(size), said)

    def test_counted(self) -> None:
        """Nouns agree with their numbers."""
        self.assertEqual((counted(1, "task"), counted(1200, "task")), ("1 task", "1,200 tasks"))

    def test_shortened(self) -> None:
        """A long text is cut."""
        self.assertEqual(shortened("abcdef", 3), "abc…")

    def test_records(self) -> None:
        """What is not as expected in a record is shown as well as it can be."""
        self.assertEqual(moment({"at": "yesterday"}, "at"), "yesterday")
        self.assertEqual(tally({"by": {"": 2, "awake": 3, "odd": "?"}}, "by"), "3 awake, 2 without a status, ? odd")
        self.assertEqual(
            (number({"a": "b"}, "a"), number({"a": None}, "a", "b"), text({"a": True}, "a")), (0, 0, "yes")
        )
