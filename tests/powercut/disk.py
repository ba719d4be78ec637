"""A disk as a process uses it: what is on it for good, and what is only on its way."""

import os
from collections.abc import Callable
from pathlib import Path, PurePath

from attrs import define, field, frozen

from tests.powercut.recording import Kind, Record, Recording


@frozen
class Written:
    """Bytes written at a place."""

    at: int
    data: bytes


@frozen
class Resized:
    """A file cut, or made longer by zeros."""

    size: int


Change = Written | Resized


@define(eq=False)
class File:
    """A file's content that is on the disk for good, and what was done to it since, in order."""

    durable: bytearray = field(factory=bytearray)
    pending: list[Change] = field(factory=list)
    _asked: dict[int, int] = field(init=False, factory=dict)

    def sync(self, number: int) -> None:
        """Begin a sync."""
        self._asked[number] = len(self.pending)

    def synced(self, number: int) -> None:
        """End it: what was done before it began is there for good."""
        done = self._asked.pop(number)
        for change in self.pending[:done]:
            applied(self.durable, change)
        del self.pending[:done]
        self._asked = {other: max(0, count - done) for other, count in self._asked.items()}

    @property
    def content(self) -> bytes:
        """What whoever reads it now sees."""
        content = bytearray(self.durable)
        for change in self.pending:
            applied(content, change)
        return bytes(content)


Entries = dict[str, "File | Directory | None"]
"""What names stand for; None: there is no such name any more."""


@define(eq=False)
class Directory:
    """A directory's entries that are on the disk for good, and the changes since, in order."""

    durable: dict[str, "File | Directory"] = field(factory=dict)
    pending: list[Entries] = field(factory=list)
    _asked: dict[int, int] = field(init=False, factory=dict)

    def sync(self, number: int) -> None:
        """Begin a sync."""
        self._asked[number] = len(self.pending)

    def synced(self, number: int) -> None:
        """End it."""
        done = self._asked.pop(number)
        self.durable = entries(self, self.pending[:done])
        del self.pending[:done]
        self._asked = {other: max(0, count - done) for other, count in self._asked.items()}


Node = File | Directory

Tree = dict[str, bytes | None]
"""Files by their names below a directory; None: it is a directory."""


def never(_name: str) -> bool:
    """Say of no sync that the disk ignores it."""
    return False


@define(eq=False)
class Disk:
    """The disk under a recording's directory; ``ignores`` says of which files it confirms syncs that it does not do."""

    _recording: Recording
    ignores: Callable[[str], bool] = never
    root: Directory = field(init=False, factory=Directory)
    _nodes: dict[int, Node] = field(init=False, factory=dict)
    _names: dict[int, str] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        before = self._recording.before
        self._know(self._recording.numbers["."], ".", self.root)
        for path in sorted(before.rglob("*")):
            name = str(path.relative_to(before))
            node: Node = Directory() if path.is_dir() else File(bytearray(path.read_bytes()))
            self._know(self._recording.numbers[name], name, node)
            self._parent(name).durable[PurePath(name).name] = node

    def take(self, record: Record) -> None:
        """Let happen what a record says."""
        kind = record.kind
        if kind in {Kind.WRITE, Kind.TRUNCATE}:
            file = self._nodes[record.file]
            assert isinstance(file, File)
            file.pending.append(Written(record.number, record.text) if kind is Kind.WRITE else Resized(record.number))
        elif kind in {Kind.SYNC, Kind.SYNCED}:
            if not self.ignores(self._names[record.file]):
                node = self._nodes[record.file]
                (node.sync if kind is Kind.SYNC else node.synced)(record.number)
        elif kind is not Kind.SAID:
            self._take_names(record, [os.path.relpath(name, self._recording.root) for name in record.names])

    def name(self, record: Record) -> str:
        """Return the name, below the directory, of the file that a record is about."""
        return self._names.get(record.file, "")

    def _take_names(self, record: Record, names: list[str]) -> None:
        (name, *other) = names
        if record.kind in {Kind.CREATE, Kind.MKDIR}:
            made: Node = File() if record.kind is Kind.CREATE else Directory()
            self._know(record.file, name, made)
            self._enter(name, made)
        elif record.kind in {Kind.UNLINK, Kind.RMDIR}:
            self._enter(name, None)
        else:
            node = self._find(name)
            (new,) = other
            if record.kind is Kind.RENAME:
                number = next(number for number, known in self._nodes.items() if known is node)
                self._names[number] = new
            if record.kind is Kind.RENAME and self._parent(name) is self._parent(new):
                self._parent(new).pending.append({PurePath(name).name: None, PurePath(new).name: node})
                return
            self._enter(new, node)
            if record.kind is Kind.RENAME:
                self._enter(name, None)

    def _know(self, number: int, name: str, node: Node) -> None:
        self._nodes[number], self._names[number] = node, name

    def _enter(self, name: str, node: Node | None) -> None:
        self._parent(name).pending.append({PurePath(name).name: node})

    def _parent(self, name: str) -> Directory:
        parent = self._find(str(PurePath(name).parent))
        assert isinstance(parent, Directory)
        return parent

    def _find(self, name: str) -> Node:
        node: Node = self.root
        for part in PurePath(name).parts:
            assert isinstance(node, Directory)
            node = entries(node, node.pending)[part]
        return node

    def whole(self) -> Tree:
        """Return all files as they are while nothing fails."""
        return tree(self.root, lambda one: entries(one, one.pending), lambda one: one.content)


def applied(content: bytearray, change: Change) -> None:
    """Let a change happen to a content."""
    if isinstance(change, Resized):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
    else:
        content.extend(bytes(max(0, change.at - len(content))))
        content[change.at : change.at + len(change.data)] = change.data


def entries(directory: Directory, changes: list[Entries]) -> dict[str, Node]:
    """Return what is in a directory when some of its changes have happened."""
    found: dict[str, Node] = dict(directory.durable)
    for change in changes:
        for name, node in change.items():
            if node is None:
                found.pop(name, None)
            else:
                found[name] = node
    return found


def tree(
    directory: Directory, within: Callable[[Directory], dict[str, Node]], content: Callable[[File], bytes]
) -> Tree:
    """Return all files below a directory, whose entries and contents are as these say."""
    found: Tree = {}
    for name, node in within(directory).items():
        if isinstance(node, File):
            found[name] = content(node)
        else:
            found[name] = None
            found.update({f"{name}/{below}": data for below, data in tree(node, within, content).items()})
    return found


def tree_of(directory: Path) -> Tree:
    """Return all files below a real directory, but for what SQLite has in shared memory."""
    return {
        str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
        for path in directory.rglob("*")
        if not path.name.endswith("-shm")
    }


def lay_out(found: Tree, directory: Path) -> None:
    """Make real files of a tree."""
    directory.mkdir(mode=0o700)
    for name, data in sorted(found.items()):
        path = directory / name
        if data is None:
            path.mkdir(mode=0o700, exist_ok=True)
        else:
            path.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
            path.write_bytes(data)
