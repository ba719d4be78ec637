"""Tasks that the Manager makes itself."""

import ast

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.test_tasks import (
    TestTaskRefused,
    check_testable,
    test_commands,
    test_folders,
    test_render,
)
from flamenco_mgr.domain.workers import Worker
from tests.builders import TASK, WORKER, a_worker

NASTY = "a'b\"c\\d\ne{blender}\U0001f9a9\0"


def a_tester(**changes: object) -> Worker:
    """Return a worker in test mode."""
    return a_worker(**({"status": "testing", "supported_task_types": ("test-blender-render",)} | changes))


class TestTaskTests(SynchronousTestCase):
    def refusal(self, **changes: object) -> str:
        return str(self.assertRaises(TestTaskRefused, check_testable, a_tester(**changes)))

    def test_refused(self) -> None:
        """dashboard.md 4.3: the texts with which a test is refused; a worker that supports more is tested."""
        self.assertEqual(
            self.refusal(status="awake"), "worker is in status 'awake', test jobs only work in status 'testing'"
        )
        self.assertIn("worker is in status 'timeout'", self.refusal(status="timeout"))
        self.assertEqual(self.refusal(supported_task_types=()), "this worker supports no task types at all")
        self.assertEqual(
            self.refusal(supported_task_types=("sleep", "x")), "worker supports only unknown task types sleep, x"
        )
        check_testable(a_tester(supported_task_types=("sleep", "test-blender-render")))

    def test_folder(self) -> None:
        """dashboard.md 4.3: a worker's folder is a slug of its name and id, good on every platform."""
        for nickname, name in (
            ("Render 07", f"render-07-{WORKER}"),
            ("  Ünïcode -- ÅÉ ", f"unicode-ae-{WORKER}"),
            ("../../etc/passwd", f"etcpasswd-{WORKER}"),
            ("{render}\0\n:*?", f"render-{WORKER}"),
            ("渲染", WORKER),
            ("", WORKER),
            ("x" * 5000, f"{'x' * 100}-{WORKER}"),
        ):
            folders = test_folders(a_tester(nickname=nickname), "{job_storage}/tests/", "R:/out")
            self.assertEqual((folders.scene, folders.images), (f"{{job_storage}}/tests/{name}", f"R:/out/{name}"))

    def test_task(self) -> None:
        """task-lifecycle.md 15: a queued, Manager-local task of high priority, made for that worker."""
        task = test_render(a_tester(), task_id=TASK, manager="a" * 24, now=5.0)
        self.assertTrue(task.is_local)
        self.assertEqual((task.status, task.priority, task.job_priority), ("queued", 100, 100))
        self.assertEqual((task.job, task.project, task.manager), ("0" * 24, "0" * 24, "a" * 24))
        self.assertEqual((task.worker_id, task.worker), (WORKER, "10.0.0.7 (render07)"))
        self.assertEqual((task.name, task.activity), ("Flamenco test job for 10.0.0.7 (render07)", "queued"))
        self.assertEqual(task.log, "Created locally on Flamenco Manager\n")

    def test_command(self) -> None:
        """dashboard.md W12: the variables stay in the paths, so that each platform gets its own."""
        (command,) = test_commands(a_tester(), test_folders(a_tester(), "{job_storage}/t", "{render}/t"))
        self.assertEqual(command.name, "blender_render")
        settings = dict(command.settings)
        self.assertIn("Flamenco Test Task for 10.0.0.7 (render07)", str(settings.pop("python_expr")))
        self.assertEqual(
            settings,
            {
                "blender_cmd": "{blender}",
                "filepath": f"{{job_storage}}/t/render07-{WORKER}/test.blend",
                "render_output": f"{{render}}/t/render07-{WORKER}/######",
                "frames": "1",
            },
        )

    def test_quoted(self) -> None:
        """dashboard.md W12: whatever a worker's name is, it is a text in the Python code, and no variable."""
        (command,) = test_commands(a_tester(nickname=NASTY, address="x"), test_folders(a_tester(), "/t", "/t"))
        code = str(command.settings["python_expr"])
        self.assertNotIn("{", code)
        self.assertTrue(code.isascii() and code.isprintable())
        assignment = ast.parse(code).body[1]
        assert isinstance(assignment, ast.Assign)
        self.assertEqual(ast.literal_eval(assignment.value), f"Flamenco Test Task for x ({NASTY})")
