"""What a power cut may leave of what was on its way to the disk."""

from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import Final, TypeVar

from attrs import define, field

from tests.powercut.disk import (
    Change,
    Directory,
    Disk,
    Entries,
    File,
    Node,
    Resized,
    Tree,
    Written,
    applied,
    entries,
    tree,
)

_SECTOR: Final = 512
"""Bytes that a disk writes as a whole."""

_SHARED: Final = 32_768
"""Bytes of SQLite's shared memory, of which anything may be on the disk."""

T = TypeVar("T")


class Fate(str, Enum):
    """What becomes of what was not synced."""

    GONE = "all is gone"
    THERE = "all is there"
    IN_ORDER = "what came first is there"
    LAST_TORN = "what came first is there, the last of it torn"
    ANY = "some is there, in any order"
    TORN = "some is there, torn, in any order"
    MIXED = "of each file another"

    __str__ = str.__str__


_OF_ONE: Final = [fate for fate in Fate if fate is not Fate.MIXED]
_OUT_OF_ORDER: Final = {Fate.ANY, Fate.TORN}


@define(eq=False)
class PowerCut:
    """
    One way in which the power goes: what was synced is there, the rest as chance has it.

    Of writes any part may be there, cut at sectors. The size of a file may be an earlier one, or a later one without
    what was written there: then there are zeros, or what the disk had there before.
    """

    _chance: Random
    _fate: Fate
    _files: dict[File, bytes] = field(init=False, factory=dict)

    @classmethod
    def by(cls, chance: Random) -> "PowerCut":
        """Return some way."""
        return cls(chance, chance.choice(list(Fate)))

    @property
    def fate(self) -> Fate:
        """What becomes of what was not synced."""
        return self._fate

    def leaves(self, disk: Disk) -> Tree:
        """Return what is found on the disk afterwards, at times with shared memory that nobody must believe."""
        found = tree(disk.root, self._entries, self._content)
        for name in [name for name in found if name.endswith("-wal")]:
            if self._chance.random() < 0.25:
                found[f"{name.removesuffix('-wal')}-shm"] = self._chance.randbytes(_SHARED)
        return found

    def _fate_of_one(self) -> Fate:
        return self._chance.choice(_OF_ONE) if self._fate is Fate.MIXED else self._fate

    def _entries(self, directory: Directory) -> dict[str, Node]:
        happened: Sequence[Entries] = self._some(self._fate_of_one(), directory.pending)
        return entries(directory, list(happened))

    def _some(self, fate: Fate, changes: Sequence[T]) -> Sequence[T]:
        if fate is Fate.GONE:
            return ()
        if fate is Fate.THERE:
            return changes
        if fate in _OUT_OF_ORDER:
            share = self._chance.random()
            return [change for change in changes if self._chance.random() < share]
        return changes[: self._chance.randint(0, len(changes))]

    def _content(self, file: File) -> bytes:
        if file not in self._files:  # which may have several names
            self._files[file] = self._left_of(file)
        return self._files[file]

    def _left_of(self, file: File) -> bytes:
        fate = self._fate_of_one()
        happened = self._some(fate, range(len(file.pending)))
        content = bytearray(file.durable)
        sizes = {len(content)}
        for place, change in enumerate(file.pending):
            if place in happened:
                torn = fate is Fate.TORN or (fate is Fate.LAST_TORN and place == happened[-1])
                self._happen(content, change, torn=torn)
            if isinstance(change, Written):
                sizes.add(max(len(content), change.at + len(change.data)))
            elif place in happened:
                sizes = {len(content)}
        if fate in _OUT_OF_ORDER and file.pending and self._chance.random() < 0.3:
            self._resize(content, self._chance.choice(sorted(sizes)))
        return bytes(content)

    def _happen(self, content: bytearray, change: Change, *, torn: bool) -> None:
        if isinstance(change, Resized):
            applied(content, change)
            return
        parts = _sectors(change)
        for at, data in self._some(Fate.ANY, parts) if torn else parts:
            self._resize(content, max(len(content), at))
            content[at : at + len(data)] = data

    def _resize(self, content: bytearray, size: int) -> None:
        longer = size - len(content)
        if longer > 0:
            content.extend(self._chance.choice((bytes, self._chance.randbytes))(longer))
        else:
            del content[size:]


def _sectors(change: Written) -> Sequence[tuple[int, bytes]]:
    """Return the parts of what was written that are in one sector each, with their places."""
    found, end = [], change.at + len(change.data)
    at = change.at
    while at < end:
        until = min(end, (at // _SECTOR + 1) * _SECTOR)
        found.append((at, change.data[at - change.at : until - change.at]))
        at = until
    return found
