"""What comes back from the database, and how many keys of its indexes it walks, when a Worker is given a task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from bench.claiming import Claim
from bench.farm import Stock
from bench.mix import a_worker
from bench.mongodb import on_test_server
from bench.processes import run
from bench.results import Row
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

DOCUMENTS = 4
KEYS = 200

_WORKER = a_worker(0)
_USUAL = Stock(family="1", count=500)
_HELD = Stock(family="9", count=1, status="paused")
_BLOCKED = Stock(family="8", count=0, job_priority=90, parent=_HELD.task_id(0))
_FAILED = Stock(family="7", count=0, job_priority=80, failed_by=(_WORKER.id,), flat=True)
_NUMBERS = (50, 500)


def measure(around: Surroundings) -> Sequence[Row]:
    """Look at the choice of a task among few and among many better ones that the Worker cannot have."""
    return on_test_server("MongoDB: what the choice of a task costs", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    cases = {"500 tasks": [_USUAL]}
    for number in _NUMBERS:
        cases[f"+ {number} blocked of higher priority"] = [_USUAL, _HELD, evolve(_BLOCKED, count=number)]
        cases[f"+ {number} that the Worker failed at"] = [_USUAL, evolve(_FAILED, count=number)]
    return [_row(name, _claim(around, server, stocks)) for name, stocks in cases.items()]


def _claim(around: Surroundings, server: "StandIn", stocks: Sequence[Stock]) -> Claim:
    url = server.url("claims_" + "_".join(f"{stock.family}x{stock.count}" for stock in stocks))
    around.home_in(url, *stocks, workers=1)
    return Claim(**run("bench.claiming", url, _WORKER.id, "--by-shape", directory=around.directory))


def _row(name: str, claim: Claim) -> Row:
    values = f" and {claim.values} values of a field" if claim.values else ""
    keys = claim.walked or 0
    return Row(
        figure=f"MongoDB, choosing a task: {name}",
        measured=f"{claim.documents} documents{values} come back; {keys} keys walked, by the queries' shapes",
        target=f"≤ {DOCUMENTS} documents, ≤ {KEYS} keys",
        numbers={"documents": claim.documents, "values": claim.values, "keys": keys},
        met=claim.documents <= DOCUMENTS and keys <= KEYS and claim.task.startswith("a1"),
    )
