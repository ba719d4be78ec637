"""Which workers are there to do tasks, gathered while others want their turn."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.failing import Crew, FailureRules
from flamenco_mgr.farm.crews import Crews
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import JOB, WORKER, a_worker
from tests.store.contract.case import StoreCase, an_id

TYPE = "blender-render"
MANY = 2500


class CrewsTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        return SQLiteStore.in_memory(clock)

    def setUp(self) -> None:
        super().setUp()
        store = self.store
        self.crews = Crews(workers=store.workers, blacklist=store.blacklist, rules=FailureRules(), clock=self.clock)
        self.result_of(store.workers.add(a_worker()))
        adding = [self.pumped(store.blacklist.add(self.line(an_id(number)))) for number in range(MANY)]
        self.assertTrue(all(self.successResultOf(one) for one in adding))

    def line(self, job: str) -> BlacklistLine:
        return BlacklistLine(worker_id=WORKER, job=job, task_type=TYPE, created=self.clock.seconds())

    def gathering(self) -> "Deferred[Crew]":
        return Deferred.fromCoroutine(self.crews.now())

    def test_breathes(self) -> None:
        """Very many lines are read in slices, between which others have their turn; all of them count."""
        gathering = self.gathering()
        self.assertFalse(gathering.called, "nobody had a turn")
        self.clock.advance(0)
        crew = self.successResultOf(gathering)
        self.assertEqual(len(crew.banned), MANY)
        self.assertIs(self.result_of(self.crews.lately()), crew)

    def test_changed_meanwhile(self) -> None:
        """What was gathered while a line was added is not used again."""
        gathering = self.gathering()
        self.result_of(self.store.blacklist.add(self.line(JOB)))
        self.crews.changed()
        self.clock.advance(0)
        self.assertTrue(gathering.called)
        self.assertEqual(self.result_of(self.crews.lately()).left(JOB, TYPE), frozenset())
