"""A number in memory that follows a transaction."""

from attrs import define, field


@define(eq=False)
class Tally:
    """Counts what operations add and remove: ``value`` is with the open transaction."""

    value: int = 0
    _committed: int = field(init=False, default=0)

    def begin(self, value: int) -> None:
        """Begin with what a database holds."""
        self.value = self._committed = value

    def settle(self) -> None:
        """Keep what the transaction counted: it was committed."""
        self._committed = self.value

    def rewind(self) -> None:
        """Forget what the transaction counted: it was lost."""
        self.value = self._committed
