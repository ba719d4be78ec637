"""Single facts that a farm keeps."""

from collections.abc import Awaitable

from zope.interface import Interface


class IDownloadMark(Interface):
    """Up to where the Server's tasks are known: a text of the Server's, or None after a clean slate."""

    def get() -> Awaitable[str | None]:
        """Return the mark."""

    def set(mark: str | None) -> Awaitable[None]:
        """Store the mark."""


class IFarmMark(Interface):
    """A value that all Managers of a farm share, by which they tell whether they share a directory as well."""

    def value(proposal: str | None) -> Awaitable[str | None]:
        """Return the value; if there is none yet, the proposal becomes it."""
