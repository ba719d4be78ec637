"""One run of the demonstration, from its first process to the last."""

from typing import Any

from attrs import define, field
from rich.console import Console
from twisted.internet.defer import CancelledError, Deferred

from flamenco_mgr.demo.agreement import disagreements
from flamenco_mgr.demo.display import display
from flamenco_mgr.demo.farm import DemoFarm
from flamenco_mgr.demo.gathering import gathered
from flamenco_mgr.demo.narrator import Failed, Narrator
from flamenco_mgr.demo.plan import Plan
from flamenco_mgr.demo.story import Story
from flamenco_mgr.demo.summary import print_summary
from flamenco_mgr.store.interfaces import StoreRefused

_LINES_OF_LOG = 10


@define(eq=False, kw_only=True)
class Demonstration:
    """
    One run; ``keep`` leaves the farm running when the books agree.

    ``files_wanted`` tells afterwards whether somebody may want to look at the files of the run.
    """

    plan: Plan
    console: Console
    keep: bool
    files_wanted: bool = field(init=False)
    _closing: bool = field(init=False, default=False)
    _ended: "Deferred[None]" = field(init=False, factory=Deferred)

    @files_wanted.default
    def _kept(self) -> bool:
        return self.keep

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
        farm = DemoFarm.built(self.plan, reactor)
        screen = display(self.console)
        narrator = Narrator(farm=farm, audience=screen)
        try:
            agree = await self._compared(farm, Story(farm=farm, narrator=narrator), narrator)
        except (Failed, StoreRefused) as e:
            screen.close()
            self.console.print(f"\n{e}", style="bold red", soft_wrap=True)
            agree = False
        finally:
            screen.close()
            self._closing = True
            await farm.close()
        if not agree:
            self.files_wanted = True
            self._show_log(farm)
        return 0 if agree else 1

    async def _compared(self, farm: DemoFarm, story: Story, narrator: Narrator) -> bool:
        await story.play()
        await story.end()
        narrator.audience.close()
        books = await gathered(farm)
        found = disagreements(books)
        print_summary(self.console, farm, narrator.events, books, found)
        agree = not any(found.values())
        self.console.print("\nThe books agree." if agree else "\nThe books do not agree.", style="bold")
        if agree and self.keep:
            await story.go_on()
            await self._leave_running(farm)
        return agree

    async def _leave_running(self, farm: DemoFarm) -> None:
        for what, where in (
            ("The Server", farm.server_url),
            ("The Manager", f"{farm.manager_url} (process {farm.manager.pid})"),
            ("Its files", self.plan.directory),
            ("Its log", farm.manager.log),
            ("The logs of tasks", farm.task_logs),
        ):
            self.console.print(f"{what:18} {where}", soft_wrap=True)
        self.console.print("The farm goes on until Ctrl+C.")
        for_ever: Deferred[None] = Deferred()
        try:
            await for_ever
        except CancelledError:
            self.console.print("The farm ends; its files stay.")

    def _show_log(self, farm: DemoFarm) -> None:
        lines = farm.manager.log.read_text(errors="replace").splitlines() if farm.manager.log.exists() else []
        self.console.print(f"The Manager's log: {farm.manager.log}", soft_wrap=True)
        for line in lines[-_LINES_OF_LOG:]:
            self.console.print(f"    {line}", soft_wrap=True, style="dim", markup=False)
