"""The acceptance list of task-lifecycle.md 20: facts 101 and 102."""

from pathlib import Path

from attrs import evolve

from flamenco_mgr.domain.variables import Direction, Variable, VariableValue
from flamenco_mgr.scenes import test_scene
from tests.harness import Answer, FarmTestCase


class TestTaskFacts(FarmTestCase):
    def setUp(self) -> None:
        self.here = Path(self.mktemp()).absolute()
        variables = tuple(
            Variable(
                name=name,
                direction=Direction.TWOWAY,
                values=(VariableValue(platforms=("linux",), value=f"{self.here}/{name}"),),
            )
            for name in ("job_storage", "render", "blender")
        )
        self.settings = evolve(self.settings, variables=variables)
        super().setUp()
        self.tester = self.register("Tester", "sleep", "test-blender-render")

    def send_test_job(self) -> Answer:
        path = f"/worker-action/{self.tester}"
        return self.request("POST", path, data={"action": "send-test-job"}, headers={"Host": "localhost"})

    def test_fact_101(self) -> None:
        """Fact 101: for an ``awake`` worker: an error that says that test jobs only work in status 'testing'."""
        self.change_worker(self.tester, status="awake")
        answer = self.send_test_job()
        self.assertEqual(answer.code, 400)
        self.assertIn(b"test jobs only work in status 'testing'", answer.body)
        self.assertFalse(self.here.exists())

    def test_fact_102(self) -> None:
        """Fact 102: for a ``testing`` one: the type is named, and the folders exist under their replaced paths."""
        self.change_worker(self.tester, status="testing")
        answer = self.send_test_job()
        self.assertEqual((answer.code, answer.body), (200, b"Queued: test-blender-render"))
        scene = self.here / "job_storage" / "test-jobs" / f"tester-{self.tester}" / "test.blend"
        self.assertEqual(scene.read_bytes(), test_scene())
        self.assertTrue((self.here / "render" / "test-renders" / f"tester-{self.tester}").is_dir())
        self.assertFalse(Path("{job_storage}").exists() or Path("{render}").exists())
        task = self.request("POST", "/task", worker=self.tester, seconds=2.0).json
        self.assertEqual((task["job_type"], task["task_type"]), ("manager-local", "test-blender-render"))
