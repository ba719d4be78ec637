"""Commands that are carried out for real."""

import sys
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.process import ProcessReader
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from flamenco_mgr.demo.real import craft
from flamenco_mgr.demo.real.command_lines import command_line
from flamenco_mgr.demo.real.job import FRAMES, flamingo_job
from flamenco_mgr.demo.worker.answers import HandedCommand
from flamenco_mgr.demo.worker.commands import is_known, why_invalid
from tests.process.twistd import POLL


class CommandLineTests(SynchronousTestCase):
    def test_blender(self) -> None:
        """Blender gets what it has to know before it is told to render; a command may have arguments of its own."""
        settings = {
            "blender_cmd": "'/opt/my blender' --factory-startup",
            "filepath": "/jobs/a b.blend",
            "format": "PNG",
            "render_output": "/render/######",
            "frames": "1..3",
        }
        self.assertEqual(
            command_line("blender_render", settings),
            [
                *("/opt/my blender", "--factory-startup", "--background", "/jobs/a b.blend"),
                *("--render-output", "/render/######", "--render-format", "PNG", "--render-frame", "1..3"),
            ],
        )
        with_code = command_line("blender_render", {**settings, "python_expr": "pass", "format": None})
        assert with_code is not None
        self.assertEqual(with_code[4:6], ["--python-expr", "pass"])
        self.assertNotIn("--render-format", with_code)

    def test_ffmpeg(self) -> None:
        """The program gets the images by their pattern, their rate, and where the video goes, last."""
        settings = {"ffmpeg_cmd": "ffmpeg", "input_files": "/r/*.png", "fps": 12, "output_file": "/r/a.mkv"}
        line = command_line("create_video", settings)
        assert line is not None
        self.assertEqual((line[0], line[-1]), ("ffmpeg", "/r/a.mkv"))
        self.assertEqual(line[line.index("-i") + 1], "/r/*.png")
        self.assertEqual(line[line.index("-framerate") + 1], "12")

    def test_none(self) -> None:
        """Other commands need no program."""
        self.assertIsNone(command_line("move_to_final", {"src": "/a", "dest": "/b"}))


class JobTests(SynchronousTestCase):
    def test_known_to_real_workers(self) -> None:
        """Every command of the job is one of a real Worker's, with settings that it takes."""
        for task in flamingo_job(10).tasks:
            for command in task.commands:
                handed = HandedCommand(name=command["name"], settings=command["settings"])
                self.assertTrue(is_known(handed))
                self.assertEqual(why_invalid(handed), "")

    def test_frames(self) -> None:
        """A job has frames as it has tasks, up to all of the scene; the video waits for all of them."""
        for tasks, renders, last in ((1, 1, 3), (3, 1, 3), (5, 3, 9), (10, 8, FRAMES), (1000, 8, FRAMES)):
            *rendering, video, move = flamingo_job(tasks).tasks
            self.assertEqual(len(rendering), renders)
            self.assertEqual(rendering[-1].commands[0]["settings"]["frames"], f"{last - 2}..{last}")
            self.assertEqual((video.parents, move.parents), (tuple(range(renders)), (renders,)))


class CraftTests(TestCase):
    processes: ClassVar[Any] = reactor

    def setUp(self) -> None:
        assert IReactorProcess.providedBy(self.processes)
        self.craft = craft.RealCraft(processes=self.processes)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.notes: list[str] = []
        self.made: list[str] = []

    def carry_out(self, name: str, **settings: object) -> Any:
        command = HandedCommand(name=name, settings=settings)
        return self.craft.carry_out(command, self.notes.append, self.made.append)

    def run_program(self, code: str) -> Any:
        """Have a Python program play Blender."""
        program = self.folder / "program.py"
        program.write_text(code)
        return self.carry_out("blender_render", blender_cmd=f"{sys.executable} {program}", filepath="x.blend")

    async def test_program(self) -> None:
        """What a program says is in the log, and images that it saves are told."""
        self.assertEqual(await self.run_program("print('Fra:1')\nprint(\"Saved: '/r/1.png'\", end='')"), "")
        self.assertEqual(self.notes[1:], ["Fra:1", "Saved: '/r/1.png'"])
        self.assertEqual(self.made, ["/r/1.png"])

    async def test_program_fails(self) -> None:
        """A program that ends with an error fails the command."""
        why = await self.run_program("import sys; sys.exit('no such file')")
        self.assertIn("exit code 1", why)
        self.assertEqual(self.notes[1:], ["no such file"])

    async def test_no_program(self) -> None:
        """A program that is not there fails the command."""
        why = await self.carry_out("blender_render", blender_cmd=str(self.folder / "none"), filepath="x")
        self.assertTrue(why)

    async def test_stopped(self) -> None:
        """A task that is taken away ends its program at once."""
        running = self.run_program("import signal; signal.pause()")
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        while any(isinstance(reader, ProcessReader) for reader in self.processes.getReaders()):
            await deferLater(self.processes, POLL)

    async def test_move(self) -> None:
        """What is at the place of a finished folder is moved out of the way, not lost."""
        for content in ("old", "new"):
            source = self.folder / "unfinished"
            source.mkdir()
            (source / "frame").write_text(content)
            self.assertEqual(
                await self.carry_out("move_to_final", src=str(source), dest=str(self.folder / "a" / "finished")), ""
            )
        (final, aside) = sorted((self.folder / "a").iterdir())
        self.assertEqual([(path / "frame").read_text() for path in (final, aside)], ["new", "old"])
        why = await self.carry_out("move_to_final", src=str(self.folder / "missing"), dest=str(self.folder / "b"))
        self.assertIn("No such file", why)

    async def test_unknown(self) -> None:
        """What this Worker does not do fails, and says so."""
        self.assertIn("mux_audio", await self.carry_out("mux_audio"))
