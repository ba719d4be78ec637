"""Measuring figure by figure; each is kept as soon as it is there."""

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from attrs import evolve

from bench.machine import commit, idle, machine, niceness, versions
from bench.records import Origin, Record, keep
from bench.results import Row
from bench.surroundings import Surroundings

Figures = Mapping[str, Callable[[Surroundings], Sequence[Row]]]

QUIET = 0.9
"""The share of processor time that has to be unused for figures to be worth keeping."""


def measured(around: Surroundings, figures: Figures, origin: Origin, results: Path) -> tuple[list[Row], list[str]]:
    """
    Measure, and keep each figure with its own date; return the rows of all, and the names of those that failed.

    A figure that fails is told on the terminal, and the others are measured all the same.
    """
    rows: list[Row] = []
    broken: list[str] = []
    try:
        for name, measure in figures.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            around.tidy()  # also what a run left that broke off
            now, began = datetime.now(timezone.utc), time.monotonic()
            try:
                found = measure(around)
            except Exception:  # noqa: BLE001 whatever it is, it is this figure's
                traceback.print_exc()
                broken.append(name)
                continue
            origin = evolve(origin, began=f"{now:%Y-%m-%d %H:%M}", seconds=time.monotonic() - began)
            keep(Record(figure=name, origin=origin, rows=found), results)
            rows += found
    finally:
        around.tidy()
    return rows, broken


def origin_of(around: Surroundings, command: str) -> Origin:
    """Look at what the figures of a run have in common: the machine, the versions, how much else is going on."""
    idle_before = idle()
    if idle_before < QUIET:
        print(f"the machine is only {idle_before:.0%} idle: what is measured will be too slow", file=sys.stderr)
    return Origin(
        began="",
        seconds=0.0,
        command=command,
        quick=around.quick,
        commit=commit(),
        versions=versions(),
        machine=machine(around.directory),
        idle=idle_before,
        niceness=niceness(),
    )
