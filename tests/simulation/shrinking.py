"""Finding the shortest schedule of faults with which a seed still fails."""

from collections.abc import Callable, Sequence


def shortest(faults: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> Sequence[int]:
    """
    Return as few of these faults as still make the seed fail: none of them can be left out alone.

    Half of what is left is left out at a time, then a quarter, and so on (delta debugging).
    """
    left, pieces = list(faults), 2
    while len(left) > 0:
        size = max(1, len(left) // pieces)
        for start in range(0, len(left), size):
            shorter = left[:start] + left[start + size :]
            if fails(shorter):
                left, pieces = shorter, max(2, pieces - 1)
                break
        else:
            if size == 1:
                break
            pieces *= 2
    return left
