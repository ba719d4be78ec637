"""One run of the demonstration, from its first process to the last."""

from typing import Any

from attrs import define, field
from rich.console import Console
from twisted.internet.defer import CancelledError, Deferred

from flamenco_mgr.demo.agreement import disagreements
from flamenco_mgr.demo.display import display
from flamenco_mgr.demo.farm import DemoFarm
from flamenco_mgr.demo.gathering import gathered
from flamenco_mgr.demo.manager_process import ManagerIsSilent
from flamenco_mgr.demo.narrator import Failed, Narrator
from flamenco_mgr.demo.plan import Plan
from flamenco_mgr.demo.story import Story
from flamenco_mgr.demo.summary import print_summary
from flamenco_mgr.store.interfaces import StoreRefused, StoreUnavailable

_LINES_OF_LOG = 10


@define(eq=False, kw_only=True)
class Demonstration:
    """
    One run; ``keep`` leaves the farm running when the books agree.

    ``files_wanted`` tells whether somebody may want to look at the files of the run, and at its database: from the
    beginning, or because of what has happened.
    """

    plan: Plan
    console: Console
    keep: bool
    files_wanted: bool
    _closing: bool = field(init=False, default=False)
    _ended: "Deferred[None]" = field(init=False, factory=Deferred)

    async def run(self, reactor: Any) -> int:
        """Run to the end, or until the reactor is asked to stop, and return the exit status."""
        playing = Deferred.fromCoroutine(self._play(reactor))
        reactor.addSystemEventTrigger("before", "shutdown", self._interrupt, playing)
        try:
            return await playing
        except CancelledError:
            self.console.print("Interrupted; everything that was started has ended.")
            return 1
        finally:
            self._ended.callback(None)

    def _interrupt(self, playing: "Deferred[int]") -> "Deferred[None]":
        if not self._closing:
            playing.cancel()
        return self._ended

    async def _play(self, reactor: Any) -> int:
        try:
            farm = DemoFarm.built(self.plan, reactor)
        except StoreRefused as e:
            self._complain(e)
            return 1
        try:
            agree = await self._played(farm)
        finally:
            self._closing = True
            await farm.close()
            await self._let_go(farm)
        return 0 if agree else 1

    async def _played(self, farm: DemoFarm) -> bool:
        screen = display(self.console)
        agree = False
        try:
            await farm.database.prepare()
            narrator = Narrator(farm=farm, audience=screen)
            agree = await self._compared(farm, Story(farm=farm, narrator=narrator), narrator)
        except (Failed, ManagerIsSilent, StoreRefused, StoreUnavailable) as e:
            screen.close()
            self._complain(e)
        finally:
            screen.close()
        if not agree:
            self._show_logs(farm)
        return agree

    def _complain(self, error: Exception) -> None:
        self.console.print(f"\n{error}", style="bold red", soft_wrap=True, markup=False)

    async def _compared(self, farm: DemoFarm, story: Story, narrator: Narrator) -> bool:
        await story.play()
        status = await farm.managers[0].tell("status")
        await story.end()
        narrator.audience.close()
        books = await gathered(farm)
        found = disagreements(books)
        print_summary(self.console, farm, narrator.events, books, found)
        self.console.print(f"\nflamenco-manager status, before the end\n{status}", soft_wrap=True, markup=False, end="")
        agree = not any(found.values())
        self.console.print("\nThe books agree." if agree else "\nThe books do not agree.", style="bold")
        if self.plan.studio is not None:
            self.console.print(f"The video is {self.plan.studio.video}", soft_wrap=True, markup=False)
        if agree and self.keep:
            await story.go_on()
            await self._leave_running(farm)
        return agree

    async def _leave_running(self, farm: DemoFarm) -> None:
        managers = [
            (manager.name, f"{manager.url} (process {manager.pid}; its log is {manager.log})")
            for manager in farm.managers
        ]
        for what, where in (
            ("The Server", farm.server_url),
            *managers,
            ("The tasks", farm.database.name),
            ("The logs of tasks", farm.task_logs),
            ("All files", self.plan.directory),
        ):
            self.console.print(f"{what:18} {where}", soft_wrap=True)
        self.console.print("The farm goes on until Ctrl+C.")
        for_ever: Deferred[None] = Deferred()
        try:
            await for_ever
        except CancelledError:
            self.console.print("The farm ends; what it has made stays.")

    def _show_logs(self, farm: DemoFarm) -> None:
        if not any(manager.starts for manager in farm.managers):
            return
        self.files_wanted = True
        self.console.print(f"The tasks are in {farm.database.name}, all files in {self.plan.directory}", soft_wrap=True)
        for manager in farm.managers:
            self.console.print(f"{manager.name} has written {manager.log}", soft_wrap=True)
            for line in manager.log.read_text(errors="replace").splitlines()[-_LINES_OF_LOG:]:
                self.console.print(f"    {line}", soft_wrap=True, style="dim", markup=False)

    async def _let_go(self, farm: DemoFarm) -> None:
        try:
            await farm.database.close(remove=not self.files_wanted)
        except StoreUnavailable as e:
            self.console.print(f"The tasks are still in {farm.database.name}: {e}", soft_wrap=True)
