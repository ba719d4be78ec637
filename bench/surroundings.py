"""What a figure needs around it: stores that are filled once, fresh copies of them, a Server, a bare app, a load."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from attrs import define, field

from bench.farm import Stock
from bench.load import Plan, Round
from bench.manager import Manager, running_manager
from bench.processes import Child, module, run

WORKERS = 1000
"""Registered Workers in every store."""

SERVED = Stock(family="1", count=100_000)
"""The tasks of the usual store of 100,000; the Server has them as well."""


@define(eq=False, kw_only=True)
class Surroundings:
    """
    Where a run of the benchmarks happens.

    ``quick`` makes everything shorter and smaller; ``profile`` is where profiles of Managers go, None for no profiling.
    """

    directory: Path
    quick: bool = False
    profile: Path | None = None
    _made: int = field(init=False, default=0)

    def pick(self, usual: float, quick: float) -> float:
        """Return the number for this kind of run."""
        return quick if self.quick else usual

    def stock(self, usual: int, quick: int) -> Stock:
        """Return the usual stock, of so many tasks."""
        return attrs.evolve(SERVED, count=quick if self.quick else usual)

    def hot(self, stock: Stock) -> Stock:
        """Return the part of a stock that is given out first, and no more is: all that a Server needs to have."""
        return attrs.evolve(stock, count=min(stock.count, 5_000 if self.quick else 30_000))

    def directory_with(self, *stocks: Stock, workers: int = WORKERS) -> Path:
        """Return a new directory for a Manager, whose store has these tasks and so many registered Workers."""
        self._made += 1
        directory = self.directory / f"manager-{self._made}"
        shutil.copytree(self._store(stocks, workers), directory / "db")
        return directory

    def empty_directory(self) -> Path:
        """Return a new directory for a Manager without a store."""
        self._made += 1
        directory = self.directory / f"manager-{self._made}"
        directory.mkdir(parents=True)
        return directory

    def tidy(self) -> None:
        """
        Remove the stores of Managers, which are large, but not their many small files.

        For minutes after many files were removed some file systems (ext4) take ten times as long to make new ones.
        """
        for store in self.directory.glob("manager-*/db"):
            shutil.rmtree(store)

    def _store(self, stocks: Sequence[Stock], workers: int) -> Path:
        described = json.dumps({"stocks": [attrs.asdict(stock) for stock in stocks], "workers": workers})
        name = "-".join(f"{stock.family}x{stock.count}" for stock in stocks) + f"-w{workers}"
        store = self.directory / "stores" / name
        if not store.exists():
            filled = store.with_suffix(".new")
            shutil.rmtree(filled, ignore_errors=True)
            run("bench.filling", str(filled), described, directory=self.directory)
            filled.rename(store)
        return store

    @contextmanager
    def server(self, *farms: Sequence[Stock]) -> Iterator[Child]:
        """Run stand-in Servers in one process, each with the tasks of some stocks, on consecutive ports."""
        described = json.dumps([[attrs.asdict(stock) for stock in stocks] for stocks in farms])
        with module("bench.server", described, directory=self.directory) as server:
            yield server

    @contextmanager
    def bare(self, server_port: int, stock: Stock) -> Iterator[Child]:
        """Run the bare app, whose questions to the Server are about the last task of a stock."""
        last = stock.count - 1
        arguments = (str(server_port), stock.task_id(last), stock.etag(last), str(self.directory / "bare"))
        with module("bench.bare", *arguments, directory=self.directory) as bare:
            yield bare

    @contextmanager
    def manager(self, directory: Path, server_port: int, name: str, **options: object) -> Iterator[Manager]:
        """Run a Manager, and wait until it has fetched from the Server what there is."""
        profile = None
        if self.profile is not None:
            self.profile.mkdir(parents=True, exist_ok=True)
            profile = self.profile.resolve() / f"{name}.prof"
        with running_manager(directory, server_port, profile=profile, **options) as manager:  # type: ignore[arg-type]
            manager.settle()
            yield manager

    def load(self, plan: Plan) -> Round:
        """Let Workers work for one round, in a process of their own."""
        return Round(**run("bench.load", json.dumps(attrs.asdict(plan)), directory=self.directory))
