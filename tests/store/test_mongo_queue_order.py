"""The order of the updates that the original left in the queue."""

from datetime import datetime, timedelta, timezone
from typing import Any

from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo.queue_order import places

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def an_update(number: int, milliseconds: int, order: int | None = None) -> dict[str, Any]:
    """Return an update of a task's; a greater number's id is greater."""
    came = EPOCH + timedelta(milliseconds=milliseconds)
    update: dict[str, Any] = {"_id": ObjectId(f"{number:024x}"), "received_on_manager": came}
    return update if order is None else update | {"mgr": {"order": order}}


class PlacesTests(SynchronousTestCase):
    def ordered(self, *updates: dict[str, Any]) -> list[tuple[int, int]]:
        return [(int(str(key), 16), place) for key, place in places(updates).items()]

    def test_time_then_id(self) -> None:
        """An update's place is the microsecond in which it came; of two that came at once the lower id is first."""
        found = self.ordered(an_update(3, 5), an_update(2, 5), an_update(1, 7))
        self.assertEqual(found, [(2, 5000), (3, 5001), (1, 7000)])

    def test_after_what_has_its_place(self) -> None:
        """They come after those of the task that have a place, even if the clock was behind."""
        self.assertEqual(self.ordered(an_update(1, 5), an_update(2, 6), an_update(3, 1, 9000)), [(1, 9001), (2, 9002)])

    def test_naive_times(self) -> None:
        """Times without a zone are UTC."""
        update = an_update(1, 5) | {"received_on_manager": datetime(1970, 1, 1)}  # noqa: DTZ001 what is tested
        self.assertEqual(self.ordered(update), [(1, 1)])

    @given(times=st.lists(st.integers(0, 5), min_size=1, max_size=6), done=st.integers(0, 6))
    def test_interrupted(self, times: list[int], done: int) -> None:
        """A run that was interrupted after any of them, and begun again, gives each the number it would have had."""
        updates = [an_update(number, time) for number, time in enumerate(times)]
        whole = places(updates)
        some = dict(list(whole.items())[:done])
        begun = [one | {"mgr": {"order": some[one["_id"]]}} if one["_id"] in some else one for one in updates]
        self.assertEqual(some | places(begun), whole)
