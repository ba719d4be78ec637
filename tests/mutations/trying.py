"""Mistakes are made, one at a time, and the tests that must catch them are run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.mutations.planted import Mistake, places
from tests.mutations.tree import DoesNotApply, apply, copied

LONGEST = 60.0
"""Seconds for one mistake."""


class Unjudged(Exception):
    """Tests did not come to a verdict; the text says why."""


@frozen(kw_only=True)
class Tried:
    """
    What became of a mistake, after so many seconds.

    ``caught_by``: by each of its catchers that failed, where and how that was; ``trouble``: why the rest is not known.
    """

    mistake: Mistake
    seconds: float
    caught_by: Mapping[str, str]
    trouble: str = ""

    @property
    def missed_by(self) -> Sequence[str]:
        """The catchers that did not fail."""
        return [catcher for catcher in self.mistake.catchers if catcher not in self.caught_by]

    @property
    def is_caught(self) -> bool:
        """Whether each of its catchers has failed."""
        return not self.trouble and not self.missed_by


def tried(mistake: Mistake) -> Tried:
    """Make a mistake in a copy of the tree, and run what must catch it."""
    began = time.monotonic()
    caught: dict[str, str] = {}
    trouble = ""
    try:
        with copied() as tree:
            apply(mistake.patch, tree)
            _compile(mistake, tree)
            ends = began + LONGEST
            if mistake.tests:
                caught.update(failures(tree, mistake.tests, ends - time.monotonic()))
            for seed in mistake.seeds:
                caught.update(violation(tree, seed, ends - time.monotonic()))
    except (DoesNotApply, Unjudged) as e:
        trouble = str(e)
    return Tried(mistake=mistake, seconds=time.monotonic() - began, caught_by=caught, trouble=trouble)


def failures(tree: Path, tests: Sequence[str], seconds: float) -> Mapping[str, str]:
    """Run tests in a tree, and return where and how those of them failed that did; raises `Unjudged`."""
    written = tree.parent / "verdict.json"
    written.unlink(missing_ok=True)
    status, said = _run(
        [sys.executable, "-W", "error", "-m", "tests.mutations.verdict", written, *tests], tree, seconds
    )
    if not written.exists():
        raise Unjudged(f"the tests ended with {status}: {_last_line(said)}")
    verdict: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    if Path(verdict["package"]).parent != tree / "flamenco_mgr":
        raise Unjudged(f"the package is not the one of the copy: {verdict['package']}")
    if verdict["not_run"]:
        raise Unjudged(f"not even loaded: {verdict['not_run'][0]}")
    return {name: f"{test}: {words}" for name, (test, words) in verdict["failed"].items()}


def violation(tree: Path, seed: str, seconds: float) -> Mapping[str, str]:
    """Run one seed of the simulation in a tree, and return what it found wrong, if anything; raises `Unjudged`."""
    status, said = _run([sys.executable, "-W", "error", "-m", "tests.simulation", "--seed", seed], tree, seconds)
    if status not in {0, 1}:
        raise Unjudged(f"the simulation ended with {status}: {_last_line(said)}")
    return {f"simulation --seed {seed}": _last_line(said)} if status else {}


def _compile(mistake: Mistake, tree: Path) -> None:
    """See that what was changed is a program still: what nobody could start needs no test."""
    try:
        for path in {place.path for place in places(mistake.patch) if place.path.endswith(".py")}:
            compile((tree / path).read_text(encoding="utf-8"), path, "exec")
    except SyntaxError as e:
        raise Unjudged(f"{e.filename} is no program any more: {e}") from e


def _run(command: Sequence[str | Path], tree: Path, seconds: float) -> tuple[int, str]:
    """Run something in a tree, with all processes that it begins, and return its status and what it said."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONWARNINGS": "error"}
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=max(seconds, 1.0))
    except subprocess.TimeoutExpired:
        raise Unjudged(f"nothing failed within {LONGEST:.0f} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return process.returncode, said


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
