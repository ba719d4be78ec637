"""Two ways to make very many inputs: guided by what is covered, or by chance alone. Each is a process of its own."""

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import asdict, frozen

from tests.fuzz import corpus, inputs
from tests.fuzz.target import Finding
from tests.fuzz.targets import ALL

_DONE: Final = re.compile(r"stat::number_of_executed_units:\s+([0-9]+)")
_LONGEST_INPUT: Final = 4096
_MOST_MIB: Final = 2048
_HANGS_AFTER: Final = 60
"""Seconds of an input; processor time is bounded more tightly by the target itself."""

_LONGEST_WORD: Final = 60
_SHOWN: Final = 3000
_LOOK_AT_CLOCK_EVERY: Final = 64


@frozen(kw_only=True)
class Task:
    """
    A run of one target: so many inputs, or as many as fit into the seconds (0: no such bound), from a seed.

    ``guided``: by what is covered, which needs `is_guided`; else by chance.
    """

    target: str
    inputs: int
    seconds: float
    seed: int
    work: Path
    guided: bool


@frozen(kw_only=True)
class Outcome:
    """What a run has come to; ``trouble`` is empty if nothing was found."""

    target: str
    engine: str
    seed: int
    inputs: int
    seconds: float
    trouble: str = ""


def is_guided() -> bool:
    """Whether there is a fuzzer here that is guided by what is covered."""
    return find_spec("atheris") is not None


def run(task: Task) -> Outcome:
    """Run a target in a process of its own."""
    began = time.monotonic()
    done, trouble = _guided(task) if task.guided else _by_chance(task)
    return Outcome(
        target=task.target,
        engine="atheris" if task.guided else "chance",
        seed=task.seed,
        inputs=done,
        seconds=round(time.monotonic() - began, 1),
        trouble=trouble,
    )


def found_so_far(work: Path, target: str) -> Path:
    """Return the directory with the inputs that reached something new, so that the next run begins with them."""
    return work / "corpus" / target


def _guided(task: Task) -> tuple[int, str]:
    found, target = found_so_far(task.work, task.target), ALL[task.target]
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate((*target.seeds, *corpus.kept(task.target))):
        (found / f"seed-{number}").write_bytes(seed)
    findings = task.work / "findings"
    findings.mkdir(exist_ok=True)
    words = task.work / f"{task.target}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if len(word) <= _LONGEST_WORD))
    options: Mapping[str, object] = {
        "seed": task.seed,
        "max_len": _LONGEST_INPUT,
        "rss_limit_mb": _MOST_MIB,
        "timeout": _HANGS_AFTER,
        "print_final_stats": 1,
        "verbosity": 0,
        "dict": words,
        "reload": 0,
        "artifact_prefix": f"{findings}/{task.target}-",
        **({"runs": task.inputs} if task.inputs else {}),
        **({"max_total_time": max(1, round(task.seconds))} if task.seconds else {}),
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    child = _python("tests.fuzz.covered", task.target, *arguments, str(found))
    counted = _DONE.search(child.stderr)
    wrong = child.returncode != 0
    return int(counted[1]) if counted else 0, _said(child)[-_SHOWN:] if wrong else ""


def _by_chance(task: Task) -> tuple[int, str]:
    child = _python("tests.fuzz.engines", task.target, str(task.inputs), str(task.seconds), str(task.seed))
    if child.returncode:
        return 0, _said(child)[-_SHOWN:]
    done, trouble = json.loads(child.stdout)
    return int(done), str(trouble)


def _python(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, errors="replace", check=False
    )


def _said(child: "subprocess.CompletedProcess[str]") -> str:
    """Return what a process said, and not that each module is traced; the error of the Manager's comes last."""
    return "\n".join(line for line in (child.stderr + child.stdout).splitlines() if not line.startswith("INFO"))


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def by_chance(name: str, count: int, seconds: float, seed: int) -> tuple[int, str]:
    """Look at inputs that are made by chance; return how many, and the finding that ended it, empty for none."""
    target, chance = ALL[name], random.Random(seed)
    until = time.monotonic() + seconds
    done = 0
    for data in inputs.random_inputs(target, corpus.kept(name), chance):
        try:
            target.look_at(data)
        except Finding as e:
            return done, f"{e}\n{data!r}"
        done += 1
        if done == count or (seconds and done % _LOOK_AT_CLOCK_EVERY == 0 and time.monotonic() >= until):
            break
    return done, ""


def as_line(outcome: Outcome) -> str:
    """Return an outcome as a line of the log of runs."""
    return json.dumps({name: value for name, value in asdict(outcome).items() if name != "trouble"})


if __name__ == "__main__":
    print(json.dumps(by_chance(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))  # noqa: T201
