"""What the demonstration shows, on a terminal and elsewhere, and what it leaves to chance."""

import io

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.display import MovingDisplay, PlainDisplay, display
from flamenco_mgr.demo.durations import SeededDurations
from flamenco_mgr.demo.farm import JobSight, Sight
from flamenco_mgr.demo.narrator import Event
from flamenco_mgr.demo.summary import percentile
from flamenco_mgr.demo.worker.answers import HandedCommand, HandedTask

RENDER = HandedCommand(name="blender_render", settings={})


def a_sight(requests: int = 0) -> Sight:
    """Return a look at a farm of two Workers, one of them at work."""
    return Sight(
        jobs=(JobSight(name="cut", status="active", done=3, size=7),),
        tasks={"active": 1, "completed": 3, "queued": 3},
        workers={"ann": "at work", "bob": "awake"},
        requests=requests,
        unsent=0,
    )


class DisplayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.output = io.StringIO()

    def test_plain(self) -> None:
        """Without a terminal events are lines, and every five seconds there is a line about the farm."""
        shown = display(Console(file=self.output, width=100))
        self.assertIsInstance(shown, PlainDisplay)
        shown.happened(Event(at=0.5, what="It begins [at last]"))
        for tenths in range(61):
            shown.look(tenths / 10, a_sight(tenths * 2))
        shown.close()
        self.assertEqual(
            self.output.getvalue(),
            "   0.5 s  It begins [at last]\n   5.0 s  3 of 7 tasks completed, 1 of 2 Workers at work, 20 requests/s\n",
        )

    def test_moving(self) -> None:
        """On a terminal jobs are bars, which are gone in the end; events stay."""
        shown = display(Console(file=self.output, width=100, force_terminal=True, _environ={"TERM": "xterm"}))
        self.assertIsInstance(shown, MovingDisplay)
        shown.look(0.0, a_sight())
        shown.happened(Event(at=0.5, what="It begins"))
        shown.look(0.6, a_sight())
        shown.close()
        text = self.output.getvalue()
        for words in ("It begins", "3/7", "3 completed", "ann"):
            self.assertIn(words, text)
        self.assertTrue(text.endswith("\x1b[1A\x1b[2K"), "the cursor is back where the bars began")

    def test_dumb_terminal(self) -> None:
        """A terminal that cannot move its cursor gets plain lines."""
        shown = display(Console(file=self.output, force_terminal=True, _environ={"TERM": "dumb"}))
        self.assertIsInstance(shown, PlainDisplay)


class FigureTests(SynchronousTestCase):
    def test_percentile(self) -> None:
        """A percentile is one of the values: the least that has so many below or at it."""
        values = [float(number) for number in range(1, 21)]
        self.assertEqual([percentile(values, share) for share in (0.0, 0.5, 0.95, 1.0)], [1.0, 10.0, 19.0, 20.0])
        self.assertEqual(percentile([7.0], 0.5), 7.0)

    def test_durations(self) -> None:
        """A render takes as long whenever it is done, and whether that is long is known before; other seeds differ."""
        durations = SeededDurations(seed=1)
        tasks = [HandedTask(id=f"task-{number}") for number in range(200)]
        seconds = [durations(task, RENDER) for task in tasks]
        self.assertEqual(seconds, [durations(task, RENDER) for task in tasks])
        self.assertEqual([value >= 60 for value in seconds], [durations.is_long(task.id) for task in tasks])
        self.assertIn(sum(value >= 60 for value in seconds), range(10, 40))
        self.assertNotEqual(seconds, [SeededDurations(seed=2)(task, RENDER) for task in tasks])
