"""Texts from elsewhere, fit to be shown on a terminal."""

_LONGEST = 200


def printable(text: str) -> str:
    """Return a text in one line and without anything that a terminal would obey: names come from Workers."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text that is printable, and not longer than a message can bear."""
    return printable(text if len(text) <= longest else f"{text[:longest]}…")


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def lasting(seconds: float) -> str:
    """Return a time span as people say it: its two largest units."""
    left = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def sized(size: int) -> str:
    """Return the size of a file (bytes) as people say it."""
    mebibyte = 1 << 20
    return f"{size / mebibyte:,.1f} MiB" if size >= mebibyte else f"{size / 1024:,.1f} KiB"


def visible(text: str) -> str:
    """Return a text of several lines without anything else that a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
