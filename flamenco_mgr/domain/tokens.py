"""When the token of a registration is good (worker-api.md 3.2)."""

from collections.abc import Mapping

LEEWAY = 60.0
"""Seconds by which the clocks of a Worker and the Manager may differ."""


def untimely(claims: Mapping[str, object], now: float) -> str:
    """Return why the times in a token's claims do not allow it now, or the empty text."""
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name, value in times.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            return f"{name} is not a number"
    expires, issued, begins = (value if isinstance(value, (int, float)) else None for value in times.values())
    if expires is None:
        return "exp is missing"
    if now > expires + LEEWAY:
        return "it has expired"
    if issued is not None and issued > now + LEEWAY:
        return "it was issued in the future; do the clocks differ?"
    if begins is not None and begins > now + LEEWAY:
        return "it is not valid yet"
    return ""
