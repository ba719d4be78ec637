"""An operator has a worker tried out."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.test_tasks import (
    SCENE,
    TEST_RENDER,
    TestFolders,
    TestTaskRefused,
    check_testable,
    test_commands,
    test_folders,
    test_render,
)
from flamenco_mgr.domain.variables import Audience, Variables
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import Import, ITaskStore
from flamenco_mgr.threads import InThread

_FOLDER_MODE = 0o775
_FILE_MODE = 0o664


@frozen(eq=False, kw_only=True)
class TestTaskMaker:
    """
    Makes test tasks, with the files that they need on the storage that Workers and the Manager share.

    ``job_storage`` and ``render_output`` are folders as the configuration has them, with variables. ``platform`` is
    this machine's, ``manager`` our id, and ``scene`` returns the file to be rendered.
    """

    _log: ClassVar[Logger] = Logger()

    tasks: ITaskStore
    variables: Variables
    platform: str
    manager: str
    job_storage: str
    render_output: str
    scene: Callable[[], bytes] = field(repr=False)
    in_thread: InThread
    clock: IReactorTime
    new_id: Callable[[], str]

    async def queue_for(self, worker: Worker) -> str:
        """
        Make a test task for a worker, and return what to tell the operator; raises `TestTaskRefused`.

        The same worker's next test uses the same folders; the scene in them is put right if somebody has changed it.
        """
        check_testable(worker)
        folders = test_folders(worker, self.job_storage, self.render_output)
        commands = test_commands(worker, folders)
        for command in commands:
            for name, setting in command.settings.items():
                self._check_known(f"{name} {setting}", worker.platform, "the worker's platform")
        here = TestFolders(scene=self._here(folders.scene), images=self._here(folders.images))
        task_id = self.new_id()
        await self.in_thread(lambda: self._prepare(here, task_id))
        task = test_render(worker, task_id=task_id, manager=self.manager, now=self.clock.seconds())
        await self.tasks.take_in([Import(before=None, after=task, commands=commands, held=False)])
        self._log.info("Test task {task} is queued for worker {worker}", task=task.id, worker=worker.identifier)
        return f"Queued: {TEST_RENDER}"

    def _here(self, folder: str) -> str:
        self._check_known(folder, self.platform, "the Manager's platform")
        path = self.variables.replace(folder, Audience.WORKERS, self.platform)
        if not Path(path).is_absolute():
            raise TestTaskRefused(f"{folder} is {path} on the Manager, which is no absolute path")
        return path

    def _check_known(self, text: str, platform: str, whose: str) -> None:
        unknown = self.variables.unknown(text, Audience.WORKERS, platform)
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in unknown)
            raise TestTaskRefused(f"{names} of the configuration has no value for {whose}, {platform or 'unknown'}")

    def _prepare(self, folders: TestFolders, task_id: str) -> None:
        _make(folders.scene, "directory {} for blend file")
        try:
            _put(Path(folders.scene) / SCENE, self.scene(), task_id)
        except OSError as e:
            raise TestTaskRefused(f"unable to copy blend file: {e}") from e
        _make(folders.images, "render output directory {}")


def _make(folder: str, what: str) -> None:
    try:
        Path(folder).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as e:
        raise TestTaskRefused(f"unable to create {what.format(folder)}: {e.strerror}") from e


def _put(path: Path, content: bytes, draft_id: str) -> None:
    """Let a file have this content, in one step: somebody may be reading it."""
    if _is_already(path, content):
        return
    draft = path.with_name(f".{path.name}-{draft_id}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            os.fchmod(file.fileno(), _FILE_MODE)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_already(path: Path, content: bytes) -> bool:
    # Only a file of its own: one with another name as well could be changed under that name.
    try:
        facts = path.stat()
        return facts.st_nlink == 1 and facts.st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False
