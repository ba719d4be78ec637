"""Tasks that wait for each other would wait for ever."""

from collections.abc import Collection, Mapping


def waiting_in_rings(parents: Mapping[str, Collection[str]]) -> frozenset[str]:
    """
    Return the ids of tasks that can never run, since they wait for themselves through their parents.

    ``parents`` maps a task's id to the ids of its parents; ids that are no key have no parents. Tasks that wait for
    one in a ring are named, too.
    """
    open_parents = {task: {parent for parent in wanted if parent in parents} for task, wanted in parents.items()}
    children: dict[str, list[str]] = {}
    for task, wanted in open_parents.items():
        for parent in wanted:
            children.setdefault(parent, []).append(task)
    free = [task for task, wanted in open_parents.items() if not wanted]
    for task in free:  # grows while it is walked
        for child in children.get(task, ()):
            open_parents[child].discard(task)
            if not open_parents[child]:
                free.append(child)
    return frozenset(parents).difference(free)
