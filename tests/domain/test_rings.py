"""Tasks that wait for each other."""

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.rings import waiting_in_rings


class RingTests(SynchronousTestCase):
    def test_chain(self) -> None:
        """A chain of parents, some of them not among the tasks, has no ring."""
        self.assertEqual(waiting_in_rings({"a": [], "b": ["a"], "c": ["b", "elsewhere"]}), frozenset())

    def test_ring(self) -> None:
        """Tasks in a ring, and those that wait for one, are found; a task that is its own parent is a ring."""
        parents = {"a": ["c"], "b": ["a"], "c": ["b"], "waits": ["c"], "free": [], "self": ["self"]}
        self.assertEqual(waiting_in_rings(parents), {"a", "b", "c", "waits", "self"})

    @given(
        strategies.dictionaries(
            strategies.integers(0, 9).map(str), strategies.lists(strategies.integers(0, 9).map(str))
        )
    )
    def test_upward_parents_never_ring(self, parents: dict[str, list[str]]) -> None:
        """Tasks whose parents all have a lower number are never in a ring."""
        lower = {task: [parent for parent in wanted if parent < task] for task, wanted in parents.items()}
        self.assertEqual(waiting_in_rings(lower), frozenset())
