"""Whose secret is checked, when more of them wait than can be checked soon."""

from collections.abc import Mapping


def gives_way(waiting: Mapping[str, int], newcomer: str, most: int) -> str | None:
    """
    Return the address of which a check is given up for one more, the newcomer's, or None if there is room for ``most``.

    It is the address that has most checks waiting: whoever guesses is in its own way, and in that of others only if
    they come from its address. Among equals it is the newcomer's.
    """
    if sum(waiting.values()) < most:
        return None
    with_it = {**waiting, newcomer: waiting.get(newcomer, 0) + 1}
    return max(with_it, key=lambda address: (with_it[address], address == newcomer))
