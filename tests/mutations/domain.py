"""``python -m tests.mutations.domain [MODULE...]``: small mistakes of every kind in the rules, made by cosmic-ray."""

import difflib
import importlib
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import IntEnum
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType
from typing import Any

import click
from attrs import frozen
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from hypothesis import Phase, settings
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader

from tests.mutations.tree import CHECKOUT

_RULES = CHECKOUT / "flamenco_mgr" / "domain"
_TESTS = CHECKOUT / "tests" / "domain"
_ENOUGH = 0.9

_LONGEST = 5
"""Seconds of processor time for a mutant; one that needs more goes round and round, which a test has noticed."""

_MEMORY = 4 << 30

_EXAMPLES = 20
"""How many examples each property is tried with: what only a rare one of them notices, is not noticed here."""


class Outcome(IntEnum):
    """What became of a mutant; the number is the status of its process."""

    SURVIVED = 0
    KILLED = 1
    NOT_LOADED = 2


@frozen
class Mutant:
    """A module with one small mistake; ``source`` is all of it."""

    operator: str
    source: str


@frozen
class _Finder(MetaPathFinder):
    """Finds a mutant where its module is looked for."""

    name: str
    source: str

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        file = str(_RULES / f"{fullname.rpartition('.')[2]}.py")
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, file, self.source))


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self.source = source

    def get_code(self, _: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


@click.command()
@click.argument("modules", nargs=-1)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="as many as cores")
def main(modules: tuple[str, ...], jobs: int) -> None:
    """Mutate modules of the rules, all if none is named, and see how many mutants the tests of the rules notice."""
    settings.register_profile(
        "same-again",
        settings.get_profile("any-machine"),
        derandomize=True,
        database=None,
        max_examples=_EXAMPLES,
        phases=[Phase.explicit, Phase.generate],  # that a test fails is enough
    )
    if not _is_successful(_tests()):
        raise click.ClickException("the tests of the rules fail without any mistake")
    total: Counter[Outcome] = Counter()
    for module in modules or sorted(path.stem for path in _RULES.glob("*.py") if path.stem != "__init__"):
        original = (_RULES / f"{module}.py").read_text(encoding="utf-8")
        found: Counter[Outcome] = Counter()
        survivors = []
        for mutant, outcome in _tried(module, list(mutants(original)), jobs):
            found[outcome] += 1
            if outcome is Outcome.SURVIVED:
                survivors.append(mutant)
        click.echo(f"{module:<16} {_told(found)}")
        for mutant in survivors:
            click.echo("\n".join(_changed(original, mutant)))
        total += found
    click.echo(f"{'altogether':<16} {_told(total)}")
    killed, survived = total[Outcome.KILLED], total[Outcome.SURVIVED]
    sys.exit(0 if killed >= _ENOUGH * (killed + survived) else 1)


def mutants(original: str) -> Iterator[Mutant]:
    """
    Yield a module with each small mistake that cosmic-ray knows, none twice.

    ``== None`` for ``is None`` is none: here nothing but None equals it.
    """
    seen = {original}
    nodes = list(ast_nodes(get_ast(original)))
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        for occurrence in range(sum(len(list(operator.mutation_positions(node))) for node in nodes)):
            source = mutate_code(original, operator, occurrence)
            known = source.replace(" == None", " is None").replace(" != None", " is not None")
            if known not in seen:
                seen.add(known)
                yield Mutant(name, source)


def _tried(module: str, waiting: list[Mutant], jobs: int) -> Iterator[tuple[Mutant, Outcome]]:
    """Try mutants in processes of their own, which have everything but the program and its tests loaded."""
    _forget_program()
    running: dict[int, Mutant] = {}
    while waiting or running:
        if waiting and len(running) < jobs:
            mutant = waiting.pop()
            pid = os.fork()
            if not pid:
                _be(module, mutant)
            running[pid] = mutant
            continue
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        yield running.pop(pid), Outcome(code) if code >= 0 else Outcome.KILLED


def _be(module: str, mutant: Mutant) -> None:
    """Run the tests of the rules with a mutant, and end with what became of it."""
    outcome = Outcome.KILLED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST, _LONGEST))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        outcome = _judged(module, mutant)
    finally:
        os._exit(outcome)


def _judged(module: str, mutant: Mutant) -> Outcome:
    name = f"flamenco_mgr.domain.{module}"
    sys.meta_path.insert(0, _Finder(name, mutant.source))
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001  # whatever it is, the program does not start with it
        return Outcome.NOT_LOADED
    settings.load_profile("same-again")
    return Outcome.SURVIVED if _is_successful(_tests(f"test_{module}")) else Outcome.KILLED


def _tests(nearest: str = "") -> Sequence[str]:
    """Return the modules of tests of the rules, the nearest one first."""
    stems = sorted((path.stem for path in _TESTS.glob("test_*.py")), key=lambda stem: (stem != nearest, stem))
    return [f"tests.domain.{stem}" for stem in stems]


def _is_successful(names: Sequence[str]) -> bool:
    """Run modules of tests until one has failed, and return whether none did."""
    loader = TestLoader()
    for name in names:
        suite, result = loader.loadByName(name), TestResult()
        suite.run(result)
        if not result.wasSuccessful():
            return False
    return True


def _forget_program() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in {"flamenco_mgr", "tests"}:
            del sys.modules[name]


def _told(found: Counter[Outcome]) -> str:
    counted = found[Outcome.KILLED] + found[Outcome.SURVIVED]
    return f"{found[Outcome.KILLED]:>4} of {counted:>4} mutants killed, {found[Outcome.NOT_LOADED]} not loadable"


def _changed(original: str, mutant: Mutant) -> Iterator[str]:
    yield f"    {mutant.operator}"
    for line in difflib.unified_diff(original.splitlines(), mutant.source.splitlines(), lineterm="", n=0):
        if not line.startswith(("---", "+++")):
            yield f"      {line}"


if __name__ == "__main__":
    main()
