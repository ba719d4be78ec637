"""What an examination finds."""

from collections.abc import Iterable, Sequence
from enum import Enum

from attrs import frozen


class Weight(str, Enum):
    """How bad it is."""

    DAMAGE = "damage"
    """The farm does, or will do, something wrong."""
    WARNING = "warning"
    """It works, and may not be meant."""

    __str__ = str.__str__


class Topic(str, Enum):
    """What a finding is about."""

    CONFIGURATION = "configuration"
    STORE = "store"
    COUNTS = "counts"
    ORDER = "order"
    CLAIMS = "claims"
    UPDATES = "updates"
    LOGS = "logs"
    MODES = "modes"
    DISK = "disk space"
    SERVER = "server"

    __str__ = str.__str__


@frozen(kw_only=True)
class Finding:
    """
    What is wrong, in a sentence, and what to do about it, in another.

    ``key`` tells findings of a topic apart, so that a second look can say what was mended. ``mendable``: ``doctor
    --repair`` does it.
    """

    weight: Weight
    topic: Topic
    key: str
    text: str
    advice: str
    mendable: bool = False

    @property
    def same(self) -> tuple[Topic, str]:
        """What two looks at the same trouble have in common."""
        return (self.topic, self.key)


@frozen(kw_only=True)
class Diagnosis:
    """What was found; ``mended`` is gone, ``left`` is still there."""

    left: Sequence[Finding] = ()
    mended: Sequence[Finding] = ()

    @property
    def is_damaged(self) -> bool:
        """Whether something is wrong that is not mended."""
        return any(finding.weight is Weight.DAMAGE for finding in self.left)


def compared(before: Iterable[Finding], after: Sequence[Finding]) -> Diagnosis:
    """Return what two looks say, with something done in between."""
    still = {finding.same for finding in after}
    return Diagnosis(left=after, mended=[finding for finding in before if finding.same not in still])


def damage(topic: Topic, key: str, text: str, advice: str, *, mendable: bool = False) -> Finding:
    """Return a finding of something that is wrong."""
    return Finding(weight=Weight.DAMAGE, topic=topic, key=key, text=text, advice=advice, mendable=mendable)


def warning(topic: Topic, key: str, text: str, advice: str, *, mendable: bool = False) -> Finding:
    """Return a finding of something that may not be meant."""
    return Finding(weight=Weight.WARNING, topic=topic, key=key, text=text, advice=advice, mendable=mendable)


MOST_NAMED = 5


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, for people."""
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def some(ids: Sequence[object]) -> str:
    """Return ids for people, not too many of them."""
    named = ", ".join(str(one) for one in ids[:MOST_NAMED])
    return f"{named} and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else named
