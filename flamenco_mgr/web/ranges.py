"""Which part of a file a client asks for."""

import re

_ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*\Z")

_LONGEST = 100
"""Characters of a header that is looked at; of one that is all blanks the search would take seconds."""


class Unsatisfiable(Exception):
    """The part that is asked for lies behind the end of the file."""


def asked_for(header: str | None, size: int) -> tuple[int, int] | None:
    """
    Return the first byte and the number of bytes that a ``Range`` header asks for, of a file of ``size`` bytes.

    None means all of it: there is no header, or one that need not be obeyed (several parts, other units, nonsense).
    """
    match = _ONE_RANGE.match(header) if header and len(header) <= _LONGEST else None
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    else:
        start, stop = max(0, size - int(match[2])), size
    if start >= size or start >= stop:
        raise Unsatisfiable
    return start, stop - start
