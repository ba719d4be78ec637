"""Whatever a power cut leaves on the disk, a store has what was acknowledged; and where it has not, that is noticed."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from tests.powercut.cutting import Cut, Cutting, the_log
from tests.powercut.disk import never
from tests.powercut.leaving import Fate, PowerCut
from tests.powercut.recording import Recording, built, compiler
from tests.powercut.scenarios import SCENARIOS, Bench
from tests.powercut.verdicts import Verdict

_NO_COMPILER = None if compiler() else "there is no C compiler (cc) for the recorder"
_ANSWERS = 60
_LAST = 12


@cache
def _bench() -> Bench:
    """Build the recorder; below the directory of trial, which keeps what tests leave."""
    directory = Path(mkdtemp(dir=".")).absolute()
    return Bench(directory=directory, library=built(directory), seed=1, answers=_ANSWERS)


@cache
def _made(name: str) -> tuple[Recording, Verdict]:
    """Record a scenario once for all tests."""
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == name)
    return scenario.make(_bench())


class PowerCutTests(SynchronousTestCase):
    skip = _NO_COMPILER

    def cutting(
        self,
        name: str,
        power_cut: Callable[[Random], PowerCut] = PowerCut.by,
        ignores: Callable[[str], bool] = never,
    ) -> Cutting:
        recording, verdict = _made(name)
        scratch = Path(self.mktemp())
        scratch.mkdir()
        return Cutting(recording=recording, verdict=verdict, scratch=scratch, ignores=ignores, power_cut=power_cut)

    def complaints(self, cuts: Sequence[Cut]) -> list[str]:
        return [f"after record {cut.at}, {cut.fate}: {complaint}" for cut in cuts for complaint in cut.complaints]

    def test_farm(self) -> None:
        """A farm's store has what was acknowledged, and nothing that never was, after a power cut at any instant."""
        cutting, chance = self.cutting("a farm at work, on a quick disk"), Random(1)
        cuts = list(cutting.cuts(cutting.instants(10, chance), chance))
        self.assertEqual(len(cuts), 10)
        self.assertEqual(self.complaints(cuts), [])

    def test_acknowledged_first(self) -> None:
        """What a new store in a new directory acknowledges first is there if nothing is but what was synced."""
        cutting = self.cutting("a farm at work, on a quick disk", lambda chance: PowerCut(chance, Fate.GONE))
        cuts = list(cutting.cuts(cutting.acknowledgements[:2], Random(1)))
        self.assertEqual(self.complaints(cuts), [])

    def test_lying_disk(self) -> None:
        """Acknowledged changes are missed on a disk that says it has synced the log, and has not."""
        cutting = self.cutting(
            "a farm at work, on a quick disk", lambda chance: PowerCut(chance, Fate.GONE), ignores=the_log
        )
        cuts = list(cutting.cuts(cutting.acknowledgements[-_LAST:], Random(1)))
        for cut in cuts:
            self.assertIn("as it never was since the latest acknowledgement", cut.complaints[0])
        # Whether something waits for the Server at one instant, is up to the instant.
        complaints = "\n".join(self.complaints(cuts))
        self.assertIn("and that is not in the history", complaints)
        self.assertIn("does not wait for the Server", complaints)

    def test_first_start(self) -> None:
        """A first start that was cut short, at whatever instant, is followed by one that makes a new store."""
        cutting = self.cutting("first start", lambda chance: PowerCut(chance, Fate.ANY))
        instants = range(0, len(_made("first start")[0].records), 3)
        self.assertEqual(self.complaints(list(cutting.cuts(instants, Random(1)))), [])
