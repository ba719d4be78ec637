"""``python -m tests.mutations``: whether the tests find the mistakes that they are there for."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from tests.mutations.planted import Incomplete, Mistake, mistakes
from tests.mutations.tree import copied
from tests.mutations.trying import Tried, Unjudged, failures, tried, violation

_SOUND_WITHIN = 600.0
"""Seconds for the tests in a tree without a mistake."""


@click.command()
@click.option("--only", metavar="NAME", multiple=True, help="Try this one; may be repeated.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="as many as cores")
def main(only: tuple[str, ...], jobs: int) -> None:
    """Make each planted mistake in a copy of the tree, and see that the tests it names catch it."""
    began = time.monotonic()
    try:
        chosen = _chosen(only)
    except Incomplete as e:
        raise click.ClickException(str(e)) from e
    click.echo(f"{len(chosen)} planted mistakes, {jobs} at a time")
    with ThreadPoolExecutor(jobs) as pool:
        suspects = [name for names in pool.map(_unsound, _shared_out(chosen, jobs)) for name in names]
        unsound = _unsound(suspects) if suspects else {}  # once more, with nothing beside it
        if unsound:
            raise click.ClickException("\n".join(["without any mistake these fail", *map(": ".join, unsound.items())]))
        click.echo(f"without any mistake all tests pass, after {time.monotonic() - began:.0f} s")
        results = []
        for result in pool.map(tried, chosen):
            results.append(result)
            click.echo("\n".join(_told(result)))
    click.echo(_summary(results, time.monotonic() - began))
    sys.exit(0 if all(result.is_caught for result in results) else 1)


def _chosen(only: Sequence[str]) -> Sequence[Mistake]:
    known = mistakes()
    unknown = set(only) - {one.name for one in known}
    if unknown:
        raise click.BadParameter(f"there is no mistake named {min(unknown)}", param_hint="--only")
    return [one for one in known if not only or one.name in only]


def _shared_out(chosen: Iterable[Mistake], parts: int) -> Sequence[Sequence[str]]:
    """Share the catchers of mistakes out, those of one module together, and none twice."""
    names = sorted({catcher for one in chosen for catcher in one.catchers})
    size = -(-len(names) // parts)
    return [names[start : start + size] for start in range(0, len(names), size)]


def _unsound(catchers: Sequence[str]) -> Mapping[str, str]:
    """Return which of these fail in a tree that has no mistake, and how."""
    seeds = [catcher.rpartition(" ")[2] for catcher in catchers if " " in catcher]
    tests = [catcher for catcher in catchers if " " not in catcher]
    try:
        with copied() as tree:
            found = dict(failures(tree, tests, _SOUND_WITHIN)) if tests else {}
            for seed in seeds:
                found.update(violation(tree, seed, _SOUND_WITHIN))
    except Unjudged as e:
        raise click.ClickException(f"without any mistake: {e}") from e
    return found


def _told(result: Tried) -> Iterator[str]:
    word = "caught" if result.is_caught else "NOT CAUGHT"
    yield f"{word:<10} {result.mistake.name} ({result.seconds:.1f} s): {result.mistake.what}"
    for how in result.caught_by.values():
        yield f"             by {how}"
    if result.trouble:
        yield f"             {result.trouble}"
        return
    for name in result.missed_by:
        yield f"             {name} does not notice it"


def _summary(results: Sequence[Tried], seconds: float) -> str:
    caught = [one for one in results if one.is_caught]
    alone = [one for one in caught if one.mistake.is_for_contract_or_simulation]
    return (
        f"{len(caught)} of {len(results)} planted mistakes were caught, {len(alone)} of them by the contract suite or"
        f" the simulation alone; {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
