"""An operator has a worker tried out."""

import os
import random
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.test_tasks import TestTaskRefused
from flamenco_mgr.domain.variables import Direction, Variable, Variables, VariableValue
from flamenco_mgr.farm.test_tasks import TestTaskMaker
from flamenco_mgr.scenes import test_scene
from tests.harness import MANAGER, NOW, FarmTestCase
from tests.threads import at_once

TYPES = ("sleep", "test-blender-render")


class MakerTestCase(FarmTestCase):
    """A Manager on linux, whose Workers see the same folders at other places on windows."""

    def setUp(self) -> None:
        self.here = Path(self.mktemp()).absolute()
        self.variables = Variables(
            (
                a_variable("job_storage", f"{self.here}/jobs", "J:/jobs"),
                a_variable("render", f"{self.here}/render", "R:/"),
                a_variable("blender", "/usr/bin/blender", "C:/blender.exe", Direction.ONEWAY),
            )
        )
        self.settings = evolve(self.settings, variables=self.variables.definitions)
        super().setUp()
        self.settings_of = {"job_storage": "{job_storage}/test-jobs", "render_output": "{render}/test-renders"}
        self.tester = self.a_tester("linux")

    def a_tester(self, platform: str, *types: str) -> str:
        worker = self.register(f"Tester {platform}", *(types or TYPES), platform=platform)
        self.change_worker(worker, status="testing")
        return worker

    def maker(self) -> TestTaskMaker:
        return TestTaskMaker(
            tasks=self.store.tasks,
            variables=self.variables,
            platform="linux",
            manager=MANAGER,
            scene=test_scene,
            in_thread=at_once,
            clock=self.clock,
            new_id=lambda: next(self.ids),
            **self.settings_of,
        )

    def queue(self, worker: str) -> str:  # type: ignore[override]
        return self.result_of(self.maker().queue_for(self.worker(worker)))

    def refusal(self, worker: str) -> str:
        queued = Deferred.fromCoroutine(self.maker().queue_for(self.worker(worker)))
        return str(self.failureResultOf(queued, TestTaskRefused).value)

    def folder(self, of: str, worker: str, platform: str = "linux") -> Path:
        return self.here / of / f"tester-{platform}-{worker}"

    def claim(self, worker: str) -> "dict[str, object]":
        """Return the settings of the only command of the task that a worker gets."""
        answer = self.request("POST", "/task", worker=worker, seconds=2.0)
        self.assertEqual(answer.code, 200)
        (command,) = answer.json["commands"]
        self.assertEqual(command["name"], "blender_render")
        settings = command["settings"]
        assert isinstance(settings, dict)
        return settings

    def task_of(self, worker: str) -> Task:
        (task,) = self.result_of(self.store.tasks.held_by(worker))
        return task


def a_variable(name: str, linux: str, windows: str, direction: Direction = Direction.TWOWAY) -> Variable:
    """Return a variable with a value for each of two platforms."""
    values = (("linux", linux), ("windows", windows))
    return Variable(
        name=name,
        direction=direction,
        values=tuple(VariableValue(platforms=(platform,), value=value) for platform, value in values),
    )


class TestTaskMakerTests(MakerTestCase):
    def test_folders(self) -> None:
        """Fact 102 of task-lifecycle.md 20: the scene and the folders are where the variables say for the Manager."""
        self.assertEqual(self.queue(self.tester), "Queued: test-blender-render")
        scene = self.folder("jobs/test-jobs", self.tester) / "test.blend"
        self.assertEqual(scene.read_bytes(), test_scene())
        self.assertTrue(self.folder("render/test-renders", self.tester).is_dir())
        self.assertFalse(Path("{job_storage}").exists() or Path("{render}").exists())

    def test_for_the_worker(self) -> None:
        """The worker is given the task at its next question; the Server hears nothing of it."""
        self.queue(self.tester)
        settings = self.claim(self.tester)
        self.assertEqual(settings["filepath"], f"{self.folder('jobs/test-jobs', self.tester)}/test.blend")
        task = self.task_of(self.tester)
        self.assertEqual((task.is_local, task.name), (True, "Flamenco test job for 127.0.0.1 (Tester linux)"))
        self.assertEqual(FarmTestCase.queue(self), ())
        self.assertEqual(self.task_of(self.tester).last_updated, NOW)

    def test_platform(self) -> None:
        """task-lifecycle.md 21.34, dashboard.md W12: on another platform the worker gets that one's paths."""
        worker = self.a_tester("windows")
        self.queue(worker)
        settings = self.claim(worker)
        self.assertEqual(settings["blender_cmd"], "C:/blender.exe")
        self.assertEqual(settings["filepath"], f"J:/jobs/test-jobs/tester-windows-{worker}/test.blend")
        self.assertEqual(settings["render_output"], f"R:/test-renders/tester-windows-{worker}/######")
        self.assertTrue((self.folder("jobs/test-jobs", worker, "windows") / "test.blend").exists())

    def test_held_tasks_stay_held(self) -> None:
        """A test does not let go what a download has brought, and is not yet to be given out."""
        self.queue(self.tester)
        self.assertEqual(self.result_of(self.store.tasks.release(9)), 0)

    def test_again(self) -> None:
        """The next test finds the scene as it must be, whatever a worker has done to the file; no draft stays."""
        self.queue(self.tester)
        scene = self.folder("jobs/test-jobs", self.tester) / "test.blend"
        before = scene.stat().st_ino
        self.queue(self.tester)
        self.assertEqual(scene.stat().st_ino, before)
        scene.write_bytes(random.Random(1).randbytes(10))
        self.queue(self.tester)
        self.assertEqual(scene.read_bytes(), test_scene())
        self.assertEqual([path.name for path in scene.parent.iterdir()], ["test.blend"])

    def test_no_hard_link(self) -> None:
        """dashboard.md W12: the file is nobody else's, so that who writes to it changes no other."""
        scene = self.folder("jobs/test-jobs", self.tester) / "test.blend"
        scene.parent.mkdir(parents=True)
        (self.here / "original.blend").write_bytes(test_scene())
        os.link(self.here / "original.blend", scene)
        self.queue(self.tester)
        self.assertEqual(scene.stat().st_nlink, 1)
        self.assertEqual(scene.stat().st_mode & 0o777, 0o664)

    def test_unknown_variables(self) -> None:
        """A variable that the Manager's or the worker's platform has no value for is named, and nothing is queued."""
        worker = self.a_tester("beos")
        self.assertEqual(
            self.refusal(worker), "{blender} of the configuration has no value for the worker's platform, beos"
        )
        self.settings_of["render_output"] = "{windows_only}/x"
        self.variables = Variables(
            (
                *self.variables.definitions,
                Variable(
                    name="windows_only",
                    direction=Direction.TWOWAY,
                    values=(VariableValue(platforms=("windows",), value="W:"),),
                ),
            )
        )
        self.assertIn("{windows_only}", self.refusal(self.a_tester("windows")))
        self.assertIn("the Manager's platform, linux", self.refusal(self.a_tester("windows")))
        self.settings_of["job_storage"] = "relative"
        self.settings_of["render_output"] = "{render}"
        self.assertIn("no absolute path", self.refusal(self.tester))
        self.assertEqual(self.request("POST", "/task", worker=self.tester, seconds=2.0).code, 204)
        self.assertFalse(self.here.exists())

    def test_files_cannot_be_made(self) -> None:
        """dashboard.md 4.3: folders that cannot be made, and a file that cannot be copied, are named."""
        self.here.mkdir()
        (self.here / "jobs").touch()
        self.assertIn("unable to create directory", self.refusal(self.tester))
        (self.here / "jobs").unlink()
        (self.here / "render").touch()
        self.assertIn("unable to create render output directory", self.refusal(self.tester))
        (self.here / "render").unlink()
        scene = self.folder("jobs/test-jobs", self.tester) / "test.blend"
        scene.unlink()
        scene.mkdir()
        self.assertIn("unable to copy blend file", self.refusal(self.tester))
        self.assertEqual(self.request("POST", "/task", worker=self.tester, seconds=2.0).code, 204)
