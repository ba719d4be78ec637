import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from attrs import evolve
from bson import ObjectId
from twisted.trial.unittest import SynchronousTestCase

from bench.__main__ import FIGURES, OF_ANY_STORE
from bench.databases import Databases
from bench.farm import Stock
from bench.http_client import Unexpected, cut
from bench.index_walks import keys_walked, leaps
from bench.load import Round
from bench.log_lines import LogLines
from bench.mix import LOG_EVERY, LOG_LINES, Kind, Requests, a_worker, steps
from bench.processes import Broken
from bench.results import Row, all_met, as_markdown, as_text, in_time, latencies, percentile
from bench.steady import Steady, Window
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.store.mongo.collection import Query
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.indexes import INDEXES, Index
from flamenco_mgr.store.mongo.queries import LANES, best, on_it
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.wire.server_task import described


class ResultsTests(SynchronousTestCase):
    """What was measured becomes a table."""

    def test_percentiles(self) -> None:
        """A percentile is one of the numbers: the least that so many percent of them do not exceed."""
        numbers = [float(number) for number in range(1, 101)]
        self.assertEqual([percentile(numbers, percent) for percent in (1, 50, 99, 100)], [1.0, 50.0, 99.0, 100.0])
        self.assertEqual(percentile([7.0], 50), 7.0)

    def test_latencies(self) -> None:
        """The order of the answers does not matter, and the worst one is not lost."""
        summary = latencies([0.002] * 99 + [1.5] + [0.001] * 100)
        self.assertEqual((summary.count, summary.p50, summary.p99, summary.worst), (200, 0.001, 0.002, 1.5))
        self.assertEqual(latencies([]).count, 0)

    def test_times(self) -> None:
        """Times are written in the unit in which they are read easily."""
        self.assertEqual(
            [in_time(0.00025), in_time(0.0021), in_time(0.25), in_time(1.5)], ["250 µs", "2.10 ms", "250 ms", "1.50 s"]
        )

    def test_verdicts(self) -> None:
        """A row that misses its target makes the run miss, one without a target does not."""
        met, missed, none = (
            Row(figure="a", measured="1", met=True),
            Row(figure="b", measured="2", met=False),
            Row(figure="c", measured="3"),
        )
        self.assertTrue(all_met([met, none]))
        self.assertFalse(all_met([met, missed, none]))

    def test_tables(self) -> None:
        """Both tables have every cell of every row; a bar in a cell does not break the file's."""
        rows = [Row(figure="a|b", measured="1 ms", target="≤ 2 ms", ratio="0.5×", met=True)]
        self.assertIn("| a\\|b | 1 ms | ≤ 2 ms | 0.5× | yes |\n", as_markdown(rows))
        for cell in rows[0].cells:
            self.assertIn(cell, as_text(rows))


class MixTests(SynchronousTestCase):
    """What the simulated load sends."""

    def test_shares(self) -> None:
        """Of all requests 8 % ask for a task, 8 % complete one, 38 % report progress and 46 % ask whether to go on."""
        shares = Counter(islice(steps(1), 5000))
        self.assertEqual(shares, {Kind.TASK: 400, Kind.COMPLETION: 400, Kind.PROGRESS: 1900, Kind.MAY_I_RUN: 2300})

    def test_order(self) -> None:
        """A Worker asks for a task first, completes it last, and then asks for the next one."""
        kinds = list(islice(steps(2), 200))
        begins = [place for place, kind in enumerate(kinds) if kind is Kind.TASK]
        self.assertEqual(begins[0], 0)
        for begin in begins[1:]:
            self.assertIs(kinds[begin - 1], Kind.COMPLETION)

    def test_no_repetition(self) -> None:
        """No two reports of a Worker are the same, so that none passes for a repeated one; each states its length."""
        requests = Requests(a_worker(3))
        bodies = set()
        for _ in range(20):
            head, _, body = requests.of(Kind.PROGRESS, b"a" * 24).partition(b"\r\n\r\n")
            self.assertIn(b"Content-Length: %d" % len(body), head)
            bodies.add(body)
        self.assertEqual(len(bodies), 20)

    def test_logs(self) -> None:
        """Every so-manieth report and every completion brings lines of a log, marked with the report's token."""
        requests = Requests(a_worker(3))
        for number in range(1, 2 * LOG_EVERY + 1):
            kind = Kind.COMPLETION if number == 1 else Kind.PROGRESS
            report = json.loads(requests.of(kind, b"a" * 24).partition(b"\r\n\r\n")[2])
            self.assertEqual("log" in report, requests.has_log(kind))
            self.assertEqual(requests.has_log(kind), number == 1 or number % LOG_EVERY == 0)
            if "log" in report:
                self.assertEqual(report["log"].count(requests.token()), LOG_LINES)

    def test_unexpected(self) -> None:
        """A round tells of every answer that a Worker at work should not get."""
        good = {"task 200": 1, "may-i-run 200": 3, "progress 204": 2, "completion 204": 1}
        self.assertEqual(Round(statuses=good).unexpected(), "")
        self.assertIn("2 × task 204", Round(statuses={**good, "task 204": 2}).unexpected())
        self.assertIn("1 connections dropped", Round(statuses=good, dropped=1).unexpected())


class ClientTests(SynchronousTestCase):
    """Answers are cut from what arrives."""

    def test_pieces(self) -> None:
        """An answer is there when its last byte is, and the next one is left in the buffer."""
        whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-LENGTH: 2\r\n\r\n{}"
        buffer = bytearray()
        for byte in whole[:-1]:
            buffer.append(byte)
            self.assertIsNone(cut(buffer))
        buffer += whole[-1:] + b"HTTP/1.1 204 No Content\r\n\r\n"
        answer = cut(buffer)
        assert answer is not None
        self.assertEqual((answer.status, answer.body), (200, b"{}"))
        answer = cut(buffer)
        assert answer is not None
        self.assertEqual((answer.status, answer.body, buffer), (204, b"", bytearray()))

    def test_chunked(self) -> None:
        """A chunked answer is an error: it would cost the client more than the Manager."""
        with self.assertRaises(Unexpected):
            cut(bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))


class StockTests(SynchronousTestCase):
    """Server, store and checks speak of the same tasks."""

    def test_documents(self) -> None:
        """Every document is a task that the Manager understands, with the stock's ids and etags."""
        stock = Stock(family="1", count=1100)
        for number, document in enumerate(stock.documents()):
            task = described(document).task
            self.assertEqual(
                (task.id, task.job, task.etag), (stock.task_id(number), stock.job_id(number), stock.etag(number))
            )
            self.assertEqual(stock.job_of(task.id), task.job)
        self.assertTrue("/task-a1" in log_path(stock.job_id(0), stock.task_id(0)))

    def test_parents(self) -> None:
        """Every tenth task waits for the nine before it; in a flat stock none waits, in a blocked one all do."""
        waiting = [described(document).task.parents for document in Stock(family="1", count=20).documents()]
        self.assertEqual([number for number, parents in enumerate(waiting) if parents], [9, 19])
        self.assertEqual(len(waiting[9]), 9)
        flat = Stock(family="1", count=20, flat=True).documents()
        self.assertFalse(any(described(document).task.parents for document in flat))
        blocked = Stock(family="1", count=20, parent="a" * 24).documents()
        self.assertTrue(all(described(document).task.parents == ("a" * 24,) for document in blocked))

    def test_failed(self) -> None:
        """At a stock that Workers failed at, these and one more failed at every task."""
        stock = Stock(family="7", count=60, failed_by=(a_worker(0).id,), flat=True)
        failed = [described(document).task.failed_by for document in stock.documents()]
        self.assertTrue(all(a_worker(0).id in {one.id for one in task} for task in failed))
        self.assertEqual(len(set(failed)), 50)

    def test_kinds(self) -> None:
        """A stock may be of one type, in one job of any size; its last task may be of a type of its own."""
        stock = Stock(family="4", count=1500, task_type="fluid-simulation", job_size=1500, last_type="alone")
        tasks = [described(document).task for document in stock.documents()]
        self.assertEqual({task.job for task in tasks}, {stock.job_id(0)})
        self.assertEqual(Counter(task.task_type for task in tasks), {"fluid-simulation": 1499, "alone": 1})

    def test_holders(self) -> None:
        """The tasks of a stock that is being worked on are one Worker's each."""
        stock = Stock(family="6", count=3, status="active", first_holder=8)
        self.assertEqual([stock.holder(number) for number in range(3)], [a_worker(number) for number in (8, 9, 10)])
        self.assertIsNone(Stock(family="1", count=3).holder(0))


class SteadyTests(SynchronousTestCase):
    """What Workers feel while something is done."""

    def setUp(self) -> None:
        sent = {"task": [1.0, 5.0], "progress": [2.0, 3.9]}
        took = {"task": [0.01, 0.02], "progress": [1.5, 0.2]}
        self.steady = Steady(Round(sent=sent, took=took, statuses={"task 200": 2, "progress 204": 2}))

    def test_window(self) -> None:
        """A request counts that was on its way at some time of the window, not only one that was sent in it."""
        felt = self.steady.felt(Window(begin=3.0, end=4.0))
        self.assertEqual((felt.count, felt.p50, felt.worst), (2, 0.2, 1.5))

    def test_targets(self) -> None:
        """Nearly all have to be answered in time, or all, if that is the target; no answer at all is no success."""
        quick, slow, nothing = Window(begin=4.5, end=6.0), Window(begin=1.0, end=6.0), Window(begin=7.0, end=8.0)
        self.assertTrue(self.steady.row("a duty", quick, slow).met)
        self.assertFalse(self.steady.row("a duty", slow, quick).met)
        self.assertFalse(self.steady.row("a duty", nothing, quick).met)
        self.assertTrue(self.steady.row("a duty", slow, quick, worst=1.5).met)
        self.assertFalse(self.steady.row("a duty", slow, quick, worst=1.4).met)

    def test_wrong(self) -> None:
        """An answer that a Worker at work should not get is told, and misses the target."""
        self.steady.round.statuses["task 204"] = 1
        quick = Window(begin=4.5, end=6.0)
        row = self.steady.row("a duty", quick, quick)
        self.assertEqual(("1 × task 204" in row.measured, row.met), (True, False))


class LogLinesTests(SynchronousTestCase):
    """What a Manager logs tells when something is done."""

    def test_lines(self) -> None:
        """Only whole lines count that came since, with all the words."""
        path = Path(self.mktemp())
        path.write_text("Worker a timed out\n")
        lines = LogLines(path)
        with path.open("a") as log:
            log.write("Worker b timed out\nTask c timed out\nWorker d timed out\nWorker e tim")
        first, last = lines.wait_for("Worker", "timed out", count=2, patience=1.0)
        self.assertLessEqual(first, last)
        self.assertRaises(Broken, lines.wait_for, "Worker e", patience=0.0)
        with path.open("a") as log:
            log.write("ed out\n")
        lines.wait_for("Worker e timed out", patience=1.0)


class IndexWalkTests(SynchronousTestCase):
    """The keys that a query walks are told by its shape and the documents."""

    def setUp(self) -> None:
        self.by_type, self.by_lane = INDEXES[TASKS][:2]
        self.busy = next(index for index in INDEXES[TASKS] if "mgr.busy" in index.keys)
        self.documents: list[dict[str, Any]] = [
            {
                "_id": ObjectId(f"{number:024x}"),
                "job_priority": number % 3,
                "priority": 50,
                "task_type": f"type-{number % 2}",
                "mgr": {"lane": f"lane-{number % 5}"} | ({"ready": True} if number % 4 else {}),
            }
            for number in range(1, 101)
        ]

    def walked(self, query: Query, index: Index) -> int:
        return keys_walked(query, index, self.documents)

    def test_best(self) -> None:
        """The best task takes one key for each type that is named, however many tasks there are."""
        self.assertEqual(self.walked(best("task_type", ["type-1"], ()), self.by_type), 1)
        self.assertEqual(self.walked(best("task_type", ["type-0", "type-1"], ()), self.by_type), 2)
        self.assertEqual(self.walked(best("mgr.lane", [f"lane-{number}" for number in range(5)], ()), self.by_lane), 5)

    def test_passed_over(self) -> None:
        """Tasks that are named as not wanted are walked past, one key each."""
        in_hand = [
            str(one["_id"]) for one in self.documents if one["job_priority"] == 2 and one["task_type"] == "type-1"
        ]
        ready = sum(1 for one in self.documents if str(one["_id"]) in in_hand and "ready" in one["mgr"])
        self.assertEqual(self.walked(best("task_type", ["type-1"], in_hand), self.by_type), ready + 1)

    def test_to_the_end(self) -> None:
        """Who wants all that fits finds its end at the first key that does not."""
        query = evolve(best("task_type", ["type-1"], ()), limit=0)
        ready = sum(1 for one in self.documents if "ready" in one["mgr"] and one["task_type"] == "type-1")
        self.assertEqual(self.walked(query, self.by_type), ready + 1)
        self.assertEqual(self.walked(on_it("b" * 24), self.busy), 1)

    def test_leaps(self) -> None:
        """Different values are found by one key each, and the end."""
        self.assertEqual(leaps("mgr.lane", LANES, self.by_lane, self.documents), 6)

    def test_unknown_conditions(self) -> None:
        """A condition that this does not know is an error, and not a wrong number."""
        query = Query(filter={"mgr.ready": True, "task_type": {"$gt": "a"}}, limit=1)
        self.assertRaises(ValueError, self.walked, query, self.by_type)


class DatabaseTests(SynchronousTestCase):
    """The databases of a run on somebody's MongoDB."""

    def test_names(self) -> None:
        """Each is new, and begins with the name in the URL; hosts and options stay."""
        databases = Databases("mongodb://db1,db2:27018/farm?replicaSet=rs")
        found = [MongoAddress.from_text(databases.new()) for _ in range(2)]
        self.assertNotEqual(found[0].database, found[1].database)
        for address in found:
            self.assertTrue(address.database.startswith("farm_bench_"))
            self.assertEqual((address.hosts, address.replica_set), ([("db1", 27017), ("db2", 27018)], "rs"))

    def test_login(self) -> None:
        """Who logs in is looked for where the URL says, which is its own database if it says nothing."""
        for options, source in (("", "farm"), ("?authSource=admin", "admin")):
            address = MongoAddress.from_text(Databases(f"mongodb://me:s3cret@db1/farm{options}").new())
            assert address.login is not None
            self.assertEqual((address.login.user, address.login.source), ("me", source))

    def test_figures(self) -> None:
        """What can be measured on any store is a figure of its own name."""
        self.assertLessEqual(set(OF_ANY_STORE), set(FIGURES))
