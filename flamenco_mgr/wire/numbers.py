"""Numbers on their way into JSON."""

import math
from collections.abc import Mapping

_EXACT = 1e21
"""From here on a whole number is written with an exponent, and so without a fraction anyway."""


def without_fractions(value: object) -> object:
    """
    Return a JSON value whose whole numbers are integers, at any depth.

    Workers check the types of settings: ``8.0`` is no integer to them (worker-api.md 4.3). What is no number at all
    becomes null, since JSON has no word for it.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: without_fractions(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_fractions(item) for item in value]
    return value
