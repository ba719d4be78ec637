"""What is shown of a task's log that is too long to be shown whole (dashboard.md 8)."""

HEAD = 5120
TAIL = 10240
SHORT = HEAD + TAIL
"""Bytes of a log; a shorter one is shown whole."""

_UNIT = 1024.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def abridged(head: bytes, tail: bytes, size: int) -> bytes:
    """Return a log of ``size`` bytes without its middle; the tail begins with a whole line."""
    _, line_end, whole_lines = tail.partition(b"\n")
    note = f"...\n\n... Skipped {readable_size(size - SHORT)}, use WGet or Curl to download the entire log ... \n\n"
    return head + note.encode() + (whole_lines if line_end else tail)


def readable_size(size: float) -> str:
    """Return a number of bytes for people: ``512.0 B``, ``1.5 MiB``."""
    for unit in _UNITS[:-1]:
        if size <= _UNIT:
            return f"{size:.1f} {unit}"
        size /= _UNIT
    return f"{size:.1f} {_UNITS[-1]}"
