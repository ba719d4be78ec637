"""``python -m tests.mutations.verdict FILE TEST...``: runs tests here, and writes down which of them failed."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from twisted.python.failure import Failure
from twisted.trial.reporter import TestResult
from twisted.trial.runner import ErrorHolder, TestLoader, TestSuite, TrialRunner

import flamenco_mgr

_LONGEST = 150


class Verdict(TestResult):
    """
    Notes the first failure under each name, and ends when there is one under each.

    ``not_run``: what could not even be loaded, and why.
    """

    names: ClassVar[Sequence[str]] = ()

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()
        self.failed: dict[str, tuple[str, str]] = {}
        self.not_run: list[str] = []

    def addError(self, test: Any, failure: Any) -> None:
        """Note an error."""
        super().addError(test, failure)
        self._note(test, failure)

    def addFailure(self, test: Any, failure: Any) -> None:
        """Note a failure."""
        super().addFailure(test, failure)
        self._note(test, failure)

    def done(self) -> None:
        """Called by the runner at the end."""

    def _note(self, test: Any, failure: Any) -> None:
        told = _told(failure)
        if isinstance(test, ErrorHolder):
            self.not_run.append(f"{test.id()}: {told}")
            return
        for name in self.names:
            if f"{test.id()}.".startswith(f"{name}."):
                self.failed.setdefault(name, (test.id(), told))
        if len(self.failed) == len(self.names):
            self.stop()


def _told(failure: Any) -> str:
    error = failure.value if isinstance(failure, Failure) else failure[1]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:_LONGEST]


def judged(names: Sequence[str], scratch: Path) -> Mapping[str, Any]:
    """Run tests, and return what became of them."""
    # What hypothesis tries is the same each time, so that what is caught once is caught always.
    settings.register_profile("same-again", settings.get_profile("any-machine"), derandomize=True, database=None)
    settings.load_profile("same-again")
    Verdict.names = names
    loader = TestLoader()
    suite = TestSuite([loader.loadByName(name) for name in names])
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        runner = TrialRunner(Verdict, stream=nowhere, workingDirectory=str(scratch))
        result = runner.run(suite)
    assert isinstance(result, Verdict)
    return {
        "package": flamenco_mgr.__file__,
        "ran": result.testsRun,
        "failed": result.failed,
        "not_run": result.not_run,
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]).absolute()
    target.write_text(json.dumps(judged(sys.argv[2:], target.parent / "trial")), encoding="utf-8")
