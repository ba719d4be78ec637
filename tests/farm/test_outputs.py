"""Files that workers say they wrote."""

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.variables import Direction, Variable, Variables, VariableValue
from flamenco_mgr.farm.outputs import OutputQueue
from tests.builders import a_worker

RENDER = Variable(
    name="render",
    direction=Direction.TWOWAY,
    values=(
        VariableValue(platforms=("linux",), value="/mnt/render"),
        VariableValue(platforms=("windows",), value="R:/render"),
    ),
)


class OutputQueueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.queue = OutputQueue(variables=Variables((RENDER,)), platform="linux")

    def offer(self, *paths: str, platform: str = "linux") -> None:
        self.queue.offer(a_worker(platform=platform), paths)

    def taken(self) -> list[str]:
        """Return all that waits."""
        taken = []
        while self.queue._waiting:
            taken.append(self.successResultOf(self.queue.take()))
        return taken

    def test_drops_the_oldest(self) -> None:
        """task-lifecycle.md 21.33: of more than three paths the last three are kept, the oldest is taken first."""
        self.offer(*(f"/mnt/render/{number}.exr" for number in range(5)))
        self.assertEqual(self.taken(), [f"/mnt/render/{number}.exr" for number in (2, 3, 4)])

    def test_mapped(self) -> None:
        """A path is mapped by the two-way variables, from the worker's platform to this machine's."""
        self.offer("R:\\render\\a\\1.png", "r:/RENDER/b.exr", platform="windows")
        self.assertEqual(self.taken(), ["/mnt/render/a/1.png", "/mnt/render/b.exr"])

    def test_nowhere_here(self) -> None:
        """A path that means nothing on this machine, and what is no image's path, is passed over."""
        self.offer("C:/elsewhere/1.png", "//host/share/1.png", platform="windows")
        self.offer("https://example.com/1.png", "-size.png", "/mnt/render/../etc/1.png", "/mnt/render/notes.txt")
        self.assertEqual(self.taken(), ["//host/share/1.png"])

    def test_on_windows(self) -> None:
        """A Manager on windows gets windows' paths."""
        self.queue = OutputQueue(variables=Variables((RENDER,)), platform="windows")
        self.offer("/mnt/render/1.png")
        self.offer("C:/elsewhere/1.png", platform="windows")
        self.assertEqual(self.taken(), ["R:/render/1.png", "C:/elsewhere/1.png"])

    def test_written_again(self) -> None:
        """A path that waits already takes its new place, and no second one."""
        self.offer("/1.png", "/2.png", "/1.png", "/3.png")
        self.assertEqual(self.taken(), ["/2.png", "/1.png", "/3.png"])

    def test_taker_waits(self) -> None:
        """Whoever takes when nothing waits gets the next path; one that has given up does not."""
        given_up, first, second = self.queue.take(), self.queue.take(), self.queue.take()
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.offer("/1.png", "/2.png", "/3.png")
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), ("/1.png", "/2.png"))
        self.assertEqual(self.taken(), ["/3.png"])
