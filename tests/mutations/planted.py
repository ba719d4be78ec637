"""Deliberate mistakes: each is a patch, whose header says what is wrong and which tests must catch it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent

_CATCHER = "Caught by: "
_DIFF = "--- "
_TEST = re.compile(r"tests(?:\.\w+)+\Z")
_SEED = re.compile(r"simulation --seed [0-9]+\Z")
_ALONE = ("tests.store.test_sqlite.", "tests.store.test_mongo.", "tests.simulation.", "simulation ")
"""How the names of tests of the contract suite and of the simulation begin."""


class Incomplete(ValueError):
    """A patch that does not say what it has to; the text says what is missing."""


@frozen(kw_only=True)
class Mistake:
    """
    A deliberate mistake.

    ``what`` says in a sentence what is wrong. Each of ``catchers`` must fail by itself: names of tests as trial knows
    them, or ``simulation --seed N``.
    """

    name: str
    what: str
    catchers: tuple[str, ...]
    patch: Path

    @property
    def is_for_contract_or_simulation(self) -> bool:
        """Whether the contract suite, or the simulation, catches it without any other test."""
        return any(catcher.startswith(_ALONE) for catcher in self.catchers)

    @property
    def tests(self) -> tuple[str, ...]:
        """Those of its catchers that trial runs."""
        return tuple(catcher for catcher in self.catchers if _TEST.match(catcher))

    @property
    def seeds(self) -> tuple[str, ...]:
        """The seeds with which the simulation catches it."""
        return tuple(catcher.rpartition(" ")[2] for catcher in self.catchers if _SEED.match(catcher))


@frozen(kw_only=True)
class Place:
    """What a patch changes in a file: ``before`` becomes ``after``, lines around it included."""

    path: str
    before: str
    after: str


def mistakes() -> tuple[Mistake, ...]:
    """Return all of them, by name; raises `Incomplete`."""
    return tuple(mistake(path) for path in sorted(HERE.glob("*.patch")))


def mistake(path: Path) -> Mistake:
    """Return the mistake of a patch; raises `Incomplete`."""
    words: list[str] = []
    catchers: list[str] = []
    for line in _header(path):
        if line.startswith(_CATCHER):
            catchers.append(line.removeprefix(_CATCHER))
        elif line:
            words.append(line)
    what = " ".join(words)
    if not what.endswith("."):
        raise Incomplete(f"{path.name} does not say in a sentence what is wrong")
    if not catchers:
        raise Incomplete(f"{path.name} names no test that must catch it")
    strange = [catcher for catcher in catchers if not (_TEST.match(catcher) or _SEED.match(catcher))]
    if strange:
        raise Incomplete(f"{path.name} names what is no test: {strange[0]}")
    return Mistake(name=path.stem, what=what, catchers=tuple(catchers), patch=path)


def places(path: Path) -> Sequence[Place]:
    """Return what a patch changes."""
    found: list[Place] = []
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True)[len(list(_header(path))) :]:
        if line.startswith(_DIFF):
            continue
        if line.startswith("+++ "):
            name = line.split()[1].removeprefix("b/")
        elif line.startswith("@@"):
            found.append(Place(path=name, before="", after=""))
        else:
            last = found[-1]
            before = last.before + (line[1:] if line[0] != "+" else "")
            after = last.after + (line[1:] if line[0] != "-" else "")
            found[-1] = Place(path=name, before=before, after=after)
    return found


def _header(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(_DIFF):
            return
        yield line.rstrip()
    raise Incomplete(f"{path.name} changes nothing")
