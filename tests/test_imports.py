"""Imports go one way, and the global reactor stays where it belongs."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import flamenco_mgr

PACKAGE = Path(flamenco_mgr.__file__).parent

ROOT = "flamenco_mgr"

# What each part may import of ours: whole parts, or single modules of them.
ALLOWED: Mapping[str, frozenset[str]] = {
    "domain": frozenset({"domain"}),
    "wire": frozenset({"wire", "domain"}),
    "store": frozenset({"store", "domain", "durations", "threads", "deadline", "periodic", "folders"}),
    "server": frozenset({"server", "domain", "wire", "store.interfaces", "periodic", "threads"}),
    "farm": frozenset({"farm", "domain", "store.interfaces", "server.interfaces", "periodic", "threads", "folders"}),
    "web": frozenset({"web", "deadline", "durations", "farm", "domain", "wire", "store.interfaces", "threads"}),
    "settings": frozenset({"settings", "domain"}),
    "demo": frozenset({"demo", "domain", "scenes", "wire", "store", "threads"}),
    "scenes": frozenset(),
    "storekeeping": frozenset({"storekeeping", "store", "domain", "settings"}),
    "periodic": frozenset(),
    "deadline": frozenset(),
    "threads": frozenset(),
    "folders": frozenset(),
    "clock_watch": frozenset(),
    "durations": frozenset(),
    "own_url": frozenset(),
    "surroundings": frozenset({"domain", "store.interfaces", "threads"}),
    "exit_status": frozenset(),
    "log_output": frozenset(),
    "under_twistd": frozenset({"exit_status", "log_output"}),
    "options": frozenset(
        {"log_output", "settings", "store.interfaces", "store.mongo.bundled", "store.mongo.survey", "store.mongo.uri"}
    ),
    "one_shots": frozenset({"options", "periodic", "exit_status", "store.interfaces", "domain", "wire"}),
    "service": frozenset({"store.interfaces", "web"}),
    "cli": frozenset({"cli", "settings", "storekeeping"}),
}

# These wire the others together.
EVERYTHING = frozenset({"tap", "wiring", "upkeep", "steering", "watching"})

# What would make a rule of the farm depend on more than its arguments.
IMPURE = (
    *("twisted", "zope", "klein", "treq", "txmongo", "pymongo", "bson", "sqlite3"),
    *("time", "random", "secrets", "uuid", "os", "io", "pathlib.Path", "socket", "subprocess", "threading", "logging"),
)

# Calls that read a clock, by name; datetime itself is a value and allowed.
CLOCKS = frozenset({"now", "utcnow", "today", "time", "monotonic"})

WITH_REACTOR = frozenset({"tap", "exit_status", "log_output"})


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the name within the package, and the syntax tree, of every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names of all that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports of the package, named within it."""
    for name in imported(tree):
        if name.startswith(f"{ROOT}."):
            yield name.removeprefix(f"{ROOT}.")


def within(name: str, part: str) -> bool:
    """Whether a dotted name is of this part."""
    return name == part or name.startswith(f"{part}.")


class ImportsTests(SynchronousTestCase):
    def test_one_way(self) -> None:
        """Each part imports of ours what its place in the design lets it, and nothing else."""
        wrong = [
            f"{module} imports {name}"
            for module, tree in modules()
            if (part := module.split(".")[0]) not in EVERYTHING
            for name in ours(tree)
            if name != "__version__" and not any(within(name, allowed) for allowed in ALLOWED.get(part, frozenset()))
        ]
        self.assertEqual(wrong, [])

    def test_known_parts(self) -> None:
        """Every module is of a part that has its place in the design."""
        parts = {module.split(".")[0] for module, _ in modules()}
        self.assertEqual(parts - set(ALLOWED) - EVERYTHING, {"__init__"})

    def test_pure_domain(self) -> None:
        """The rules know neither Twisted nor databases, clocks, files, chance or the network."""
        wrong = [
            f"{module} imports {name}"
            for module, tree in modules()
            if within(module, "domain")
            for name in imported(tree)
            if any(within(name, impure) for impure in IMPURE)
        ]
        self.assertEqual(wrong, [])

    def test_no_clock_in_domain(self) -> None:
        """The rules read no clock: the time is an argument."""
        wrong = [
            f"{module} calls {node.func.attr}"
            for module, tree in modules()
            if within(module, "domain")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
        ]
        self.assertEqual(wrong, [])

    def test_global_reactor(self) -> None:
        """The global reactor is imported where a process is wired or ends, and in the demonstration, nowhere else."""
        wrong = [
            module
            for module, tree in modules()
            if "twisted.internet.reactor" in imported(tree)
            and not within(module, "demo")
            and not module.endswith("__main__")
            and module not in WITH_REACTOR
        ]
        self.assertEqual(wrong, [])
