"""A Manager's store and what is around it are examined, and mended where that is safe."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from flamenco_mgr.settings import ConfigErrors, Settings
from flamenco_mgr.storekeeping import embedded, embedded_checks, embedded_mending, mongo
from flamenco_mgr.storekeeping.findings import Diagnosis, Finding, Topic, compared, damage, warning
from flamenco_mgr.storekeeping.mongo_checks import MongoChecks
from flamenco_mgr.storekeeping.mongo_mending import MongoMending
from flamenco_mgr.storekeeping.stores import Embedded, OnMongoDB, store_of
from flamenco_mgr.storekeeping.surroundings import Surroundings
from flamenco_mgr.storekeeping.trouble import NotDone

_OF_LOADING: Final = "others than its owner have access to"
"""How a warning begins that is among the findings about modes already."""


def misconfigured(errors: ConfigErrors) -> Diagnosis:
    """Return what a configuration with mistakes means: nothing else can be looked at."""
    advice = "The Manager does not start with it: correct the file."
    return Diagnosis(left=[damage(Topic.CONFIGURATION, one.path, f"{one}.", advice) for one in errors.problems])


@define(eq=False, kw_only=True)
class Doctor:
    """Examines what a configuration is about; ``doubts`` are warnings that were found when it was read."""

    config: Path
    settings: Settings
    doubts: Sequence[str]
    now: Callable[[], float]
    _around: Surroundings = field(init=False)

    def __attrs_post_init__(self) -> None:
        store = store_of(self.settings)
        self._around = Surroundings(config=self.config, settings=self.settings, store=store, now=self.now)

    def diagnosis(self, *, repair: bool = False) -> Diagnosis:
        """Look at everything, mend what can be mended if that is wanted, and look again."""
        store = self._around.store
        if isinstance(store, Embedded):
            return self._of_embedded(store, repair=repair)
        return self._of_mongodb(store, repair=repair)

    def _of_embedded(self, store: Embedded, *, repair: bool) -> Diagnosis:
        def look() -> list[Finding]:
            return [*self._doubtful(), *embedded_checks.examine(store), *self._around.examine()]

        found = look()
        if not repair or not _mendable(found):
            return Diagnosis(left=found)
        self._around.close_to_others()
        if _mendable(one for one in found if one.topic is not Topic.MODES):
            if embedded.is_in_use(store.directory):
                return compared(found, [*look(), _RUNS])
            embedded_mending.mend(store, self.now())
        return compared(found, look())

    def _of_mongodb(self, store: OnMongoDB, *, repair: bool) -> Diagnosis:
        try:
            with mongo.connected(store) as database:
                checks = MongoChecks(database=database, shown=store.shown)
                found = [*self._doubtful(), *checks.run(), *self._around.examine()]
                if not repair or not _mendable(found):
                    return Diagnosis(left=found)
                self._around.close_to_others()
                MongoMending(database=database, now=self.now()).mend(checks)
                again = MongoChecks(database=database, shown=store.shown)
                return compared(found, [*self._doubtful(), *again.run(), *self._around.examine()])
        except NotDone as e:
            unusable = damage(Topic.STORE, "unusable", f"{e}.", "The Manager answers 503 as long as that is so.")
            return Diagnosis(left=[*self._doubtful(), unusable, *self._around.examine()])

    def _doubtful(self) -> Iterator[Finding]:
        for doubt in self.doubts:
            if not doubt.startswith(_OF_LOADING):
                text = f"{doubt[:1].upper()}{doubt[1:]}."
                yield warning(Topic.CONFIGURATION, doubt, text, "See to it in the configuration file.")


_RUNS: Final = warning(
    Topic.STORE,
    "in use",
    "A Manager uses the store, so nothing was mended in it.",
    "Stop the Manager, and say doctor --repair once more.",
)


def _mendable(findings: Iterable[Finding]) -> bool:
    return any(finding.mendable for finding in findings)
