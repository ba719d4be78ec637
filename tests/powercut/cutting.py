"""The power is cut at instants of a recording, and what is left is looked at."""

import shutil
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from attrs import define, field, frozen

from tests.powercut.contents import Content, left_in
from tests.powercut.disk import Directory, Disk, File, Node, lay_out, never
from tests.powercut.facts import ACKNOWLEDGED, Facts, facts_in
from tests.powercut.leaving import Fate, PowerCut
from tests.powercut.recording import Kind, Record, Recording
from tests.powercut.verdicts import Moment, Verdict

_LOG = "-wal"


def the_log(name: str) -> bool:
    """Whether a file is a store's log: a disk that does not sync this one loses what was acknowledged."""
    return name.endswith(_LOG)


@frozen(eq=False, kw_only=True)
class Cut:
    """A power cut after so many records, what became of what was on its way to the disk, and what is wrong after it."""

    at: int
    fate: Fate
    during: str
    complaints: Sequence[str]


@define(eq=False, kw_only=True)
class Cutting:
    """
    Walks through a recording, and cuts the power where it is told to.

    ``ignores`` says of which files the disk confirms syncs that it does not do. ``power_cut`` chooses what becomes of
    what was on its way.
    """

    recording: Recording
    verdict: Verdict
    scratch: Path
    ignores: Callable[[str], bool] = never
    power_cut: Callable[[Random], PowerCut] = PowerCut.by
    _facts: Facts = field(init=False, factory=Facts)
    _states: list[Content] = field(init=False, factory=list)
    _barriers: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._barriers = [at for at, record in enumerate(self.recording.records) if _acknowledges(record)]

    @property
    def acknowledgements(self) -> Sequence[int]:
        """The instants right after something was acknowledged."""
        return [at + 1 for at in self._barriers]

    def instants(self, count: int, chance: Random) -> list[int]:
        """Choose instants: a third of them right after something was acknowledged, the others anywhere."""
        records = len(self.recording.records)
        after = self.acknowledgements or [records]
        return sorted(
            chance.choice(after) if chance.random() < 0.33 else chance.randint(0, records) for _ in range(count)
        )

    def cuts(self, instants: Sequence[int], chance: Random) -> Iterator[Cut]:
        """Cut the power at these instants, in their order."""
        disk = Disk(self.recording, self.ignores)
        self._remember(disk, 0, instants)
        due = 0
        for at in range(len(self.recording.records) + 1):
            while due < len(instants) and instants[due] == at:
                yield self._cut(disk, at, self.power_cut(chance))
                due += 1
            if at < len(self.recording.records):
                self._take(disk, at, instants)

    def _take(self, disk: Disk, at: int, instants: Sequence[int]) -> None:
        record = self.recording.records[at]
        if record.kind is Kind.SYNC and the_log(disk.name(record)):
            self._remember(disk, at, instants)
        disk.take(record)
        if record.kind is Kind.SAID:
            self._facts.hear(facts_in(record.text))
            if _acknowledges(record):
                self._states.clear()
                self._remember(disk, at + 1, instants)

    def _remember(self, disk: Disk, at: int, instants: Sequence[int]) -> None:
        """Remember what is in the store now, if the power is cut before the next acknowledgement."""
        following = bisect_left(self._barriers, at)
        until = self._barriers[following] if following < len(self._barriers) else len(self.recording.records)
        cut = bisect_left(instants, at)
        if cut < len(instants) and instants[cut] <= until:
            self._states.append(self._content(disk))

    def _content(self, disk: Disk) -> Content:
        return left_in(disk.whole(), "db", self._empty("state"))

    def _cut(self, disk: Disk, at: int, power_cut: PowerCut) -> Cut:
        image = self._empty("image")
        lay_out(power_cut.leaves(disk), image)
        moment = Moment(facts=self._facts, states=[*self._states, self._content(disk)])
        during = f"{self._facts.phase or 'start'}; on its way: {on_its_way(disk)}"
        complaints = tuple(self.verdict.complaints(image, moment))
        return Cut(at=at, fate=power_cut.fate, during=during, complaints=complaints)

    def _empty(self, name: str) -> Path:
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        return path


def _acknowledges(record: Record) -> bool:
    return record.kind is Kind.SAID and not ACKNOWLEDGED.isdisjoint(facts_in(record.text))


def on_its_way(disk: Disk) -> str:
    """Say what kinds of files have changes that are not synced."""
    kinds: Counter[str] = Counter()

    def look(directory: Directory) -> None:
        kinds["names"] += len(directory.pending)
        found: dict[str, Node] = dict(directory.durable)
        for change in directory.pending:
            found.update({name: node for name, node in change.items() if node is not None})
        for name, node in found.items():
            if isinstance(node, File):
                kinds[_kind(name)] += len(node.pending)
            else:
                look(node)

    look(disk.root)
    return ", ".join(sorted(kind for kind, count in kinds.items() if count and kind)) or "nothing"


def _kind(name: str) -> str:
    for ending, kind in ((_LOG, "log"), ("-journal", "journal"), (".sqlite3", "store"), (".lock", "")):
        if name.endswith(ending):
            return kind
    return "others"
