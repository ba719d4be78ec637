"""A Worker runs a task: its commands one after the other, mostly in no other way than by letting time pass."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from random import Random

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.worker.answers import HandedCommand, HandedTask, whole_floats
from flamenco_mgr.demo.worker.commands import Duration, is_known, why_invalid
from flamenco_mgr.demo.worker.connection import ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.craft import Craft
from flamenco_mgr.demo.worker.journal import Ending, Endpoint
from flamenco_mgr.demo.worker.process import WorkerProcess
from flamenco_mgr.demo.worker.reporter import TaskReporter
from flamenco_mgr.domain.tasks import TaskStatus

_STEP = 10.0
_OUTPUT_EVERY = 30.0
_RENDERS = {"blender_render", "blender_render_progressive"}
_LINES_OF_A_LOT = 20_000


@define(eq=False, kw_only=True)
class TaskRunner:
    """
    Runs tasks to their ends, good or bad; ``failure_chance`` is per task type, from 0 to 1.

    While a command takes its time, a line is logged every 10 s. What was rendered is announced at most every 30 s. With
    a ``craft``, commands are carried out for real.
    """

    clock: IReactorTime
    process: WorkerProcess
    reporter: TaskReporter
    connection: ManagerConnection
    duration: Duration
    failure_chance: Mapping[str, float]
    random: Random
    craft: Craft | None = None
    _announced: float | None = field(init=False, default=None)

    async def run(self, task: HandedTask) -> Ending:
        """Run a task; it is stopped by cancelling this."""
        self.reporter.begin(task.id)
        if task.trouble:
            self.connection.offended(Endpoint.TASK, task.trouble)
            return self._uncaught(f"AttributeError: {task.trouble}")
        doomed = self._doomed_command(task)
        for index, command in enumerate(task.commands):
            if not is_known(command):
                return self._uncaught(f"KeyError: {command.name!r}")
            where = f"{command.name}.(task_id={task.id}, command_idx={index})"
            self.reporter.say(f"starting {command.name}", command_index=index, command_percentage=0)
            self._check_numbers(command)
            why = why_invalid(command)
            if why:
                self.note(f"{where}: Invalid settings: {why}")
                self.reporter.refuse(f"{where}: Invalid settings: {why}")
                return Ending.FAILED
            self.note(f"{command.name}: Starting")
            why = await self._work(task, command, index)
            if index == doomed:
                why = "chance would have it so"
            if why:
                self.note(f"{where}: Error executing: {why}")
                self.reporter.finish(TaskStatus.FAILED, f"{where}: Error executing: {why}")
                return Ending.FAILED
            self.note(f"{command.name}: Finished")
            self.reporter.say(f"finished {command.name}", command_index=index, command_percentage=100)
            if self.craft is None:
                self._announce_rendered(command)
        self.reporter.finish(TaskStatus.COMPLETED, "Task completed")
        return Ending.COMPLETED

    def note(self, line: str) -> None:
        """Write a line to the log of the task."""
        now = datetime.fromtimestamp(self.clock.seconds(), timezone.utc)
        self.reporter.log(line, at=now.isoformat(timespec="microseconds"))

    def _doomed_command(self, task: HandedTask) -> int | None:
        if not task.commands or self.random.random() >= self.failure_chance.get(task.task_type, 0.0):
            return None
        return self.random.randrange(len(task.commands))

    async def _work(self, task: HandedTask, command: HandedCommand, index: int) -> str:
        """Do what the command says, or let the time for it pass, and return why it failed."""
        if self.craft is None:
            await self._take_time(task, command, index)
            return ""
        began = self.clock.seconds()
        why = await self.process.wait(self.craft.carry_out(command, self.note, self._announce))
        self.reporter.took(self.clock.seconds() - began)
        return why

    async def _take_time(self, task: HandedTask, command: HandedCommand, index: int) -> None:
        seconds = self.duration(task, command)
        if command.name == "log_a_lot":
            self._log_a_lot(command)
        passed = 0.0
        while seconds - passed > _STEP:
            await self.process.pause(_STEP)
            passed += _STEP
            done = int(100 * passed / seconds)
            self.note(f"{command.name}: {done}% done")
            self.reporter.say(f"{command.name} {done}%", command_index=index, command_percentage=0)
        await self.process.pause(seconds - passed)
        self.reporter.took(seconds)

    def _log_a_lot(self, command: HandedCommand) -> None:
        lines = command.settings.get("lines")
        for number in range(lines if isinstance(lines, int) else _LINES_OF_A_LOT):
            self.note(f"log_a_lot: line {number} " + 400 * "x")

    def _uncaught(self, error: str) -> Ending:
        self.note(f"Uncaught exception running the task\nTraceback (most recent call last):\n{error}")
        self.reporter.finish(TaskStatus.FAILED, f"Uncaught exception: {error}")
        return Ending.FAILED

    def _check_numbers(self, command: HandedCommand) -> None:
        for path in whole_floats(command.settings, command.name):
            self.connection.offended(Endpoint.TASK, f"{path} is a whole number with a fraction")

    def _announce_rendered(self, command: HandedCommand) -> None:
        output = command.settings.get("render_output")
        if command.name in _RENDERS and isinstance(output, str):
            self._announce(f"{output.replace('######', '000001')}.exr")

    def _announce(self, path: str) -> None:
        now, wait = self.clock.seconds(), _OUTPUT_EVERY * self.process.time_scale
        if self._announced is None or now - self._announced >= wait:
            self._announced = now
            self.process.begin(self._tell_output(path))

    async def _tell_output(self, path: str) -> None:
        try:
            _ = await self.connection.post(Endpoint.OUTPUT, "/output-produced", json.dumps({"paths": [path]}).encode())
        except NoAnswer:
            return  # it is never sent again
