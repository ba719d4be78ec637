"""Tasks that the Manager makes itself, to try a worker out (task-lifecycle.md 15, dashboard.md 4.3)."""

import re
import unicodedata

from attrs import frozen

from flamenco_mgr.domain.ids import ZERO_ID
from flamenco_mgr.domain.tasks import MANAGER_LOCAL, Command, Task, TaskStatus
from flamenco_mgr.domain.workers import Worker, WorkerStatus

TEST_RENDER = "test-blender-render"
"""The only task type that there is a test for."""

SCENE = "test.blend"

_PRIORITY = 100
_LONGEST_NAME = 100
"""Characters of a worker's name, in a path and in an image."""

_SPACES = re.compile(r"\s+")
_NOT_PLAIN = re.compile(r"[^a-z0-9-]")
_DASHES = re.compile(r"-+")


class TestTaskRefused(Exception):
    """No test task can be made, and why, for the operator."""


@frozen(kw_only=True)
class TestFolders:
    """Where a worker's test finds its scene, and where it puts its images: texts with variables."""

    scene: str
    images: str


def check_testable(worker: Worker) -> None:
    """Raise `TestTaskRefused` unless there is a test for this worker, as it is now."""
    if worker.status != WorkerStatus.TESTING:
        raise TestTaskRefused(f"worker is in status '{worker.status}', test jobs only work in status 'testing'")
    if not worker.supported_task_types:
        raise TestTaskRefused("this worker supports no task types at all")
    if TEST_RENDER not in worker.supported_task_types:
        raise TestTaskRefused(f"worker supports only unknown task types {', '.join(worker.supported_task_types)}")


def test_folders(worker: Worker, job_storage: str, render_output: str) -> TestFolders:
    """Return the folders of a worker, below those of the configuration (``test_tasks``)."""
    name = f"{_slug(worker.nickname)[:_LONGEST_NAME]}-{worker.id}".lstrip("-")
    return TestFolders(scene=f"{job_storage.rstrip('/')}/{name}", images=f"{render_output.rstrip('/')}/{name}")


def test_render(worker: Worker, *, task_id: str, manager: str, now: float) -> Task:
    """
    Return a task for a worker.

    It is the worker's own at the beginning, yet another one in test mode may take it: it is schedulable like any other.
    """
    return Task(
        id=task_id,
        job=ZERO_ID,
        project=ZERO_ID,
        manager=manager,
        status=TaskStatus.QUEUED.value,
        name=f"Flamenco test job for {worker.identifier}",
        priority=_PRIORITY,
        job_priority=_PRIORITY,
        job_type=MANAGER_LOCAL,
        task_type=TEST_RENDER,
        log="Created locally on Flamenco Manager\n",
        activity="queued",
        worker=worker.identifier,
        worker_id=worker.id,
        last_updated=now,
    )


def test_commands(worker: Worker, folders: TestFolders) -> tuple[Command, ...]:
    """
    Return what the task does.

    Variables stay in the paths: they become those of the platform of whoever gets the task (dashboard.md W12).
    """
    settings = {
        "blender_cmd": "{blender}",
        "python_expr": _note(f"Flamenco Test Task for {worker.identifier[:_LONGEST_NAME]}"),
        "filepath": f"{folders.scene}/{SCENE}",
        "render_output": f"{folders.images}/######",
        "frames": "1",
    }
    return (Command(name="blender_render", settings=settings),)


def _note(text: str) -> str:
    """Return a Python statement that writes a text into the images, whatever is in the text."""
    # Whoever gets the task has variables replaced in its settings: there must be no braces.
    quoted = ascii(text).replace("{", r"\x7b").replace("}", r"\x7d")
    return f"import bpy; bpy.context.scene.render.stamp_note_text = {quoted}"


def _slug(text: str) -> str:
    """Return a text as a part of a path that is good everywhere: lower case, ASCII letters, digits, single dashes."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return _DASHES.sub("-", _NOT_PLAIN.sub("", _SPACES.sub("-", decomposed))).strip("-")
