"""How a command ends."""

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """The exit status of ``flamenco-manager``; scripts rely on it."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3

    INTERRUPTED = 130
    NO_READER = 141


class CannotDo(Exception):
    """What was asked for is not done: refused, or damaged. The text says why, for people, mostly in one line."""

    status: ClassVar[ExitStatus] = ExitStatus.REFUSED


class WrongUsage(CannotDo):
    """The command line or the configuration is not one that could be obeyed."""

    status: ClassVar[ExitStatus] = ExitStatus.USAGE


class Unreachable(CannotDo):
    """No Manager answers, or none that has what is asked for here."""

    status: ClassVar[ExitStatus] = ExitStatus.UNREACHABLE
