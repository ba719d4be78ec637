"""The neutral backup: whatever is wrong with a file is noticed before anything of it is used."""

import gzip
from pathlib import Path
from typing import Any

from flamenco_mgr.storekeeping.json_records import NotARecord, from_document, to_document
from flamenco_mgr.storekeeping.neutral_file import NeutralFile
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.records import KINDS
from flamenco_mgr.storekeeping.trouble import BadBackup
from tests.storekeeping.case import StorekeepingCase, lines_of, write_lines


class FileCase(StorekeepingCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.backup(self.embedded_farm())

    def assert_bad(self, words: str = "", path: Path | None = None) -> None:
        """The file is refused, in one line with these words."""
        error = self.assertRaises(BadBackup, NeutralFile.checked, path or self.path, Silent())
        self.assertIn(words, str(error))
        self.assertIn(str(path or self.path), str(error))
        self.assertNotIn("\n", str(error))

    def assert_bad_lines(self, words: str, lines: list[Any]) -> None:
        write_lines(self.path, lines)
        self.assert_bad(words)


class CutFileTests(FileCase):
    def test_cut_anywhere(self) -> None:
        """A file that is cut at any byte is refused."""
        whole = self.path.read_bytes()
        for length in range(len(whole)):
            self.path.write_bytes(whole[:length])
            self.assert_bad()

    def test_cut_between_lines(self) -> None:
        """So is one that was cut before it was compressed, at the end of any line."""
        lines = lines_of(self.path)
        for count in range(1, len(lines)):
            self.assert_bad_lines("is cut", lines[:count])

    def test_cut_in_a_line(self) -> None:
        """Or in the middle of one."""
        text = gzip.decompress(self.path.read_bytes())
        self.path.write_bytes(gzip.compress(text[:-1]))
        self.assert_bad("is cut, or damaged, in line")

    def test_damaged(self) -> None:
        """A file in which bytes were changed is refused."""
        whole = self.path.read_bytes()
        for place in range(10, len(whole), 97):
            changed = bytearray(whole)
            changed[place] ^= 0xFF
            self.path.write_bytes(changed)
            self.assert_bad()

    def test_line_missing(self) -> None:
        """One that lacks a line in the middle does not hold what its last line says."""
        lines = lines_of(self.path)
        del lines[5]
        self.assert_bad_lines("what is in it is not what its last line says", lines)

    def test_value_changed(self) -> None:
        """Nor does one in which a value is another."""
        lines = lines_of(self.path)
        place = next(number for number, line in enumerate(lines) if "task" in line)
        lines[place]["task"]["task"]["priority"] = 99
        self.assert_bad_lines("what is in it is not what its last line says", lines)


class OtherFileTests(FileCase):
    def test_no_backup(self) -> None:
        """Other files are refused: empty, of another program, not there, a directory."""
        for content in (b"", b"x", gzip.compress(b"hello\n"), gzip.compress(b"[1]\n"), gzip.compress(b"")):
            self.path.write_bytes(content)
            self.assert_bad()
        self.assert_bad("cannot be read: No such file", self.directory / "nothing")
        self.assert_bad("cannot be read: Is a directory", self.directory)

    def test_newer(self) -> None:
        """A file of a newer format is refused by its number."""
        header, *others = lines_of(self.path)
        self.assert_bad_lines("is a backup of version 2, and this Manager knows 1", [{**header, "version": 2}, *others])

    def test_odd_lines(self) -> None:
        """Lines that are no records are named by their number."""
        header, *others = lines_of(self.path)
        several: list[Any] = [
            {"what": {}},
            [],
            5,
            {},
            {"a": 1, "b": 2},
            {"task": {"task": {"id": 5}}},
            {"worker": None},
        ]
        for odd in several:
            self.assert_bad_lines("line 2", [header, odd, *others])

    def test_wrong_order(self) -> None:
        """Records of a kind that is over by then are refused."""
        lines = lines_of(self.path)
        worker = next(line for line in lines if "worker" in line)
        self.assert_bad_lines("comes too late", [*lines[:-1], worker, lines[-1]])

    def test_goes_on(self) -> None:
        """Nothing may come after the end."""
        lines = lines_of(self.path)
        self.assert_bad_lines("goes on after its end", [*lines, lines[1]])

    def test_odd_header(self) -> None:
        """A first line that does not say what to expect is refused."""
        header, *others = lines_of(self.path)
        for expected in (None, {"task": "many"}):
            self.assert_bad_lines("first line", [{**header, "expected": expected}, *others])


class RecordTests(FileCase):
    def test_round_trip(self) -> None:
        """Every record comes back from its JSON as it was; the farm of the tests has all kinds."""
        found, _ = NeutralFile.checked(self.path, Silent())
        records = list(found.records())
        self.assertEqual({type(record) for record in records}, set(KINDS.values()))
        names = {kind: name for name, kind in KINDS.items()}
        for record in records:
            self.assertEqual(from_document(names[type(record)], to_document(record)), record)

    def test_usual_values_left_out(self) -> None:
        """What has its usual value is not written; a task needs three fields."""
        task = from_document("task", {"task": {"id": "a", "job": "b", "status": "queued"}})
        self.assertEqual(to_document(task), {"task": {"id": "a", "job": "b", "status": "queued"}})

    def test_strict(self) -> None:
        """Fields that are unknown, missing, or of another type are named."""
        good: dict[str, Any] = {"place": 1, "version": 1, "unhandled": 0}
        for odd, words in (
            ({"place": "1"}, "$.place"),
            ({"place": True}, "$.place"),
            ({"update": {"id": "a"}}, "task_id"),
            ({"extra": 1}, "extra"),
        ):
            error = self.assertRaises(NotARecord, from_document, "update", good | odd)
            self.assertIn(words, str(error))

    def test_the_same_twice(self) -> None:
        """Two backups of one store at one instant are the same, byte for byte."""
        again = self.backup(self.embedded(), "again.jsonl.gz")
        self.assertEqual(again.read_bytes(), self.path.read_bytes())
