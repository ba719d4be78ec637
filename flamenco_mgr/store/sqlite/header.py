"""What a file says by its first bytes, without SQLite, which would already write beside it."""

from pathlib import Path
from typing import Final

from attrs import frozen

_LENGTH: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_PAGE: Final = slice(16, 18)
_PAGES: Final = slice(28, 32)
_VERSION: Final = slice(60, 64)
_APPLICATION: Final = slice(68, 72)

_LARGEST_PAGE: Final = 65536
"""Bytes; the header says 1 for it."""


@frozen
class Header:
    """The beginning of a file, which is that of a database or not (sqlite.org/fileformat2.html, 1.3)."""

    _bytes: bytes

    @classmethod
    def of(cls, path: Path) -> "Header":
        """Read it; raises OSError."""
        with path.open("rb") as file:
            return cls(file.read(_LENGTH))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in the file."""
        return not self._bytes

    @property
    def is_database(self) -> bool:
        """Whether a SQLite database begins like that."""
        return len(self._bytes) == _LENGTH and self._bytes.startswith(_MAGIC)

    @property
    def version(self) -> int:
        """The version of the tables, 0 for none."""
        return self._number(_VERSION)

    @property
    def application(self) -> int:
        """The number of the program whose database it is."""
        return self._number(_APPLICATION)

    @property
    def size(self) -> int:
        """How many bytes the database has."""
        page = self._number(_PAGE)
        return self._number(_PAGES) * (_LARGEST_PAGE if page == 1 else page)

    def _number(self, place: slice) -> int:
        return int.from_bytes(self._bytes[place], "big")
