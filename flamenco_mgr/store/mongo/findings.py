"""What a look at a database of the original Manager's finds, and how that is told to people."""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from flamenco_mgr.store.mongo.odd_documents import Document, NotUnderstood, Understood

MOST_NAMED = 10
"""Odd documents that are named; the others are counted."""


@define(eq=False)
class Findings:
    """
    What was found in one collection.

    ``seen`` is how many documents were looked at, ``mended`` how many of them say something that makes no sense and
    that they can do without, ``odd`` how many of them cannot be used and are left as they are.
    """

    what: str
    seen: int = 0
    mended: int = 0
    odd: int = 0
    _named: list[str] = field(init=False, factory=list)

    def look(self, document: Document, read: Callable[[Document], Understood]) -> Understood | None:
        """Read a document, and remember how it went; None if it cannot be used."""
        self.seen += 1
        try:
            understood = read(document)
        except NotUnderstood as e:
            self.leave(document.get("_id"), str(e))
            return None
        self.mended += bool(understood.aside)
        return understood

    def leave(self, document_id: Any, reason: str) -> None:
        """Count a document that cannot be used."""
        self.odd += 1
        if len(self._named) < MOST_NAMED:
            self._named.append(f"{document_id}: {reason}")

    def told(self) -> Iterator[str]:
        """Yield what is odd in lines, at most ten documents by id."""
        if self.mended:
            yield f"{counted(self.mended, self.what)}: fields that make no sense are put aside, in mgr.aside"
        if self.odd:
            yield f"{counted(self.odd, self.what)} cannot be used, left alone: {'; '.join(self._listed())}"

    def _listed(self) -> Iterator[str]:
        yield from self._named
        if self.odd > len(self._named):
            yield f"and {self.odd - len(self._named)} more"


def counted(count: int, what: str) -> str:
    """Return a number with its noun, in the plural if need be."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
