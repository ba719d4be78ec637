"""The planted mistakes can still be made, and name tests that exist."""

import inspect
from pathlib import Path
from typing import Any

from twisted.trial.runner import ErrorHolder, TestLoader
from twisted.trial.unittest import SynchronousTestCase

from tests.mutations.planted import Incomplete, mistake, mistakes, places
from tests.mutations.tree import CHECKOUT, DoesNotApply, apply

LEAST = 45

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"


def is_test(name: str) -> bool:
    """Whether trial finds a test, a class of tests or a module of them under a name."""
    found: Any = TestLoader().loadByName(name)
    return not isinstance(found, ErrorHolder) and found.countTestCases() > 0 and not inspect.isfunction(found)


class PatchTests(SynchronousTestCase):
    def test_complete(self) -> None:
        """There are enough planted mistakes, and the contract suite or the simulation alone catches half of them."""
        known = mistakes()
        self.assertGreaterEqual(len(known), LEAST)
        self.assertGreaterEqual(2 * sum(one.is_for_contract_or_simulation for one in known), len(known))

    def test_apply(self) -> None:
        """Each planted mistake can be made in the tree as it is."""
        for one in mistakes():
            apply(one.patch, CHECKOUT, dry=True)

    def test_one_place(self) -> None:
        """The place of each is the only one of its kind, so that the mistake is not made elsewhere by the way."""
        for one in mistakes():
            for place in places(one.patch):
                text = (CHECKOUT / place.path).read_text(encoding="utf-8")
                self.assertEqual(text.count(place.before), 1, one.name)
                self.assertNotEqual(place.before, place.after, one.name)

    def test_tests_exist(self) -> None:
        """Every test that must catch one of them exists."""
        names = {name for one in mistakes() for name in one.tests}
        self.assertEqual([name for name in sorted(names) if not is_test(name)], [])

    def test_no_test(self) -> None:
        """What is no test is not taken for one."""
        self.assertFalse(is_test("tests.mutations.test_nothing.NothingTests"))
        self.assertFalse(is_test("tests.mutations.test_patches.PatchTests.test_nothing"))


class HeaderTests(SynchronousTestCase):
    def written(self, text: str) -> Path:
        path = Path(self.mktemp()).with_suffix(".patch")
        path.write_text(text, encoding="utf-8")
        return path

    def test_read(self) -> None:
        """A header is a sentence, over several lines if need be, and the names of what must catch the mistake."""
        header = "It goes\nwrong.\n\nCaught by: tests.a.B.test_c\nCaught by: simulation --seed 12\n\n"
        found = mistake(self.written(header + DIFF))
        self.assertEqual((found.what, found.tests, found.seeds), ("It goes wrong.", ("tests.a.B.test_c",), ("12",)))
        self.assertTrue(found.is_for_contract_or_simulation)

    def test_incomplete(self) -> None:
        """A header without a sentence or a test, and a patch without a change, are refused."""
        for text in (
            f"Caught by: tests.a\n{DIFF}",
            f"It goes wrong.\n{DIFF}",
            f"It goes wrong.\nCaught by: by chance\n{DIFF}",
            "It goes wrong.\nCaught by: tests.a\n",
        ):
            self.assertRaises(Incomplete, mistake, self.written(text))

    def test_places(self) -> None:
        """What a patch changes is read from it."""
        (place,) = places(self.written(f"It goes wrong.\nCaught by: tests.a\n{DIFF}"))
        self.assertEqual((place.path, place.before, place.after), ("x.py", "a\n", "b\n"))

    def test_does_not_apply(self) -> None:
        """A patch whose place has changed is reported, and leaves nothing behind."""
        tree = Path(self.mktemp())
        tree.mkdir()
        (tree / "x.py").write_text("c\n", encoding="utf-8")
        self.assertRaises(DoesNotApply, apply, self.written(DIFF), tree)
        self.assertEqual([path.name for path in tree.iterdir()], ["x.py"])
