"""When an answer of the Server may have been kept from the Manager, which then tells again what it has told."""

from collections.abc import Callable

from attrs import define, field


@define(eq=False, repr=False)
class Disturbances:
    """Notes what happens, and when it does."""

    now: Callable[[], float]
    _times: list[tuple[float, float]] = field(init=False, factory=list)

    def note(self, seconds: float) -> None:
        """Note one that begins now, and lasts so long."""
        self._times.append((self.now(), self.now() + seconds))

    def were_there(self, instant: float, tolerance: float) -> bool:
        """Whether there was one within so many seconds of an instant."""
        return any(began - tolerance <= instant <= ended + tolerance for began, ended in self._times)
