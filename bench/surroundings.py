"""What a figure needs around it: stores that are filled once, fresh copies of them, a Server, a bare app, a load."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from attrs import define, evolve, field

from bench.databases import Databases
from bench.farm import Stock
from bench.load import Plan, Round
from bench.manager import Home, Manager, running_manager
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
    ``databases`` is where the stores are, None for the embedded one; none has more than ``most`` tasks of a kind.
    """

    directory: Path
    quick: bool = False
    profile: Path | None = None
    databases: Databases | None = None
    most: int | None = None
    _made: int = field(init=False, default=0)

    def pick(self, usual: float, quick: float) -> float:
        """Return the number for this kind of run."""
        return quick if self.quick else usual

    def count(self, usual: int, quick: int) -> int:
        """Return the number of tasks for this kind of run."""
        wanted = quick if self.quick else usual
        return wanted if self.most is None else min(wanted, self.most)

    def stock(self, usual: int, quick: int) -> Stock:
        """Return the usual stock, of so many tasks."""
        return evolve(SERVED, count=self.count(usual, quick))

    def hot(self, stock: Stock) -> Stock:
        """Return the part of a stock that is given out first, and no more is: all that a Server needs to have."""
        return evolve(stock, count=min(stock.count, 5_000 if self.quick else 30_000))

    def home_with(self, *stocks: Stock, workers: int = WORKERS) -> Home:
        """Return a new home for a Manager, whose store has these tasks and so many registered Workers."""
        if self.databases is not None:
            return self.home_in(self.databases.new(), *stocks, workers=workers)
        directory = self._new_directory()
        shutil.copytree(self._store(stocks, workers), directory / "db")
        return Home(directory=directory)

    def empty_home(self) -> Home:
        """Return a new home for a Manager without a store."""
        return Home(directory=self._new_directory()) if self.databases is None else self.home_on(self.databases.new())

    def home_in(self, url: str, *stocks: Stock, workers: int = WORKERS) -> Home:
        """Fill the database of a URL, and return a new home for a Manager on it."""
        self._fill(url, stocks, workers)
        return self.home_on(url)

    def home_on(self, url: str, **settings: object) -> Home:
        """Return a new home for a Manager on a database, with further settings."""
        return Home(directory=self._new_directory(), settings={"database_url": url, **settings})

    def tidy(self) -> None:
        """
        Remove the stores of Managers, which are large, but not their many small files; and the databases of a run.

        For minutes after many files were removed some file systems (ext4) take ten times as long to make new ones.
        """
        for store in self.directory.glob("manager-*/db"):
            shutil.rmtree(store)
        if self.databases is not None:
            self.databases.remove()

    def _new_directory(self) -> Path:
        self._made += 1
        while (directory := self.directory / f"manager-{self._made}").exists():  # of a run before
            self._made += 1
        directory.mkdir(parents=True)
        return directory

    def _store(self, stocks: Sequence[Stock], workers: int) -> Path:
        name = "-".join(f"{stock.family}x{stock.count}" for stock in stocks) + f"-w{workers}"
        store = self.directory / "stores" / name
        if not store.exists():
            filled = store.with_suffix(".new")
            shutil.rmtree(filled, ignore_errors=True)
            self._fill(str(filled), stocks, workers)
            filled.rename(store)
        return store

    def _fill(self, place: str, stocks: Sequence[Stock], workers: int) -> None:
        described = json.dumps({"stocks": [attrs.asdict(stock) for stock in stocks], "workers": workers})
        run("bench.filling", place, described, directory=self.directory)

    @contextmanager
    def server(self, *farms: Sequence[Stock]) -> Iterator[Child]:
        """Run stand-in Servers in one process, each with the tasks of some stocks, on consecutive ports."""
        described = json.dumps([[attrs.asdict(stock) for stock in stocks] for stocks in farms])
        with module("bench.server", described, directory=self.directory) as server:
            yield server

    @contextmanager
    def bare(self, server_port: int, stock: Stock, samples: Path | None = None) -> Iterator[Child]:
        """Run the bare app, whose questions to the Server are about the last task of a stock."""
        last = stock.count - 1
        program = ["bench.bare"] if samples is None else ["bench.sampled", str(samples), "bench.bare"]
        arguments = (str(server_port), stock.task_id(last), stock.etag(last), str(self.directory / "bare"))
        with module(*program, *arguments, directory=self.directory) as bare:
            yield bare

    @contextmanager
    def manager(self, home: Home, server_port: int, name: str, **options: object) -> Iterator[Manager]:
        """Run a Manager, and wait until it has fetched from the Server what there is."""
        profile = None
        if self.profile is not None:
            self.profile.mkdir(parents=True, exist_ok=True)
            profile = self.profile.resolve() / f"{name}.prof"
        with running_manager(home, server_port, profile=profile, **options) as manager:  # type: ignore[arg-type]
            manager.settle()
            yield manager

    def load(self, plan: Plan) -> Round:
        """Let Workers work for one round, in a process of their own."""
        return Round(**run("bench.load", json.dumps(attrs.asdict(plan)), directory=self.directory))
