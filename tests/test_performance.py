import pkgutil
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

import flamenco_mgr
from bench import document, plots
from bench.__main__ import FIGURES
from bench.layers import HTTP, JSON, LAYERS, PLACES, layer_of
from bench.measuring import measured
from bench.records import KEPT, Machine, Origin, Record, as_json, from_json, keep, kept
from bench.results import Row, latencies, slope
from bench.surroundings import Surroundings

MACHINE = Machine(processor="A processor", cores=2, memory=8 * 2**30, system="Linux 6", fdatasync=0.0005)
ORIGIN = Origin(
    began="2026-01-02 03:04",
    seconds=12.3456789,
    command="python -m bench",
    quick=False,
    commit="abc1234",
    versions={"Python": "3.12.1"},
    machine=MACHINE,
    idle=0.987,
    niceness=0,
)


def a_record(figure: str = "mix", *rows: Row, **changes: Any) -> Record:
    """Return a record of these rows, whose origin is the usual one but for some changes."""
    return Record(figure=figure, origin=evolve(ORIGIN, **changes), rows=list(rows))


class DocumentTests(SynchronousTestCase):
    """docs/performance.md."""

    def test_agrees(self) -> None:
        """Its tables are those that the kept results make."""
        text = document.DOCUMENT.read_text(encoding="utf-8")
        self.assertEqual(document.refreshed(text, kept()), text, "python -m bench.document")

    def test_complete(self) -> None:
        """It has a place for each figure, once, and for nothing else than these and the overviews."""
        names = document.shown(document.DOCUMENT.read_text(encoding="utf-8"))
        self.assertEqual(sorted(names), sorted([*FIGURES, "runs", "targets"]))

    def test_plots(self) -> None:
        """It shows each plot, and each was drawn from the results that are kept now."""
        text, records = document.DOCUMENT.read_text(encoding="utf-8"), kept()
        for name in plots.DRAWN:
            self.assertIn(f"](performance/{name}.svg)", text)
            if name in records:
                drawn = plots.drawn_from(plots.PLOTS / f"{name}.svg")
                self.assertEqual(drawn, plots.fingerprint(records[name]), f"python -m bench.plots: {name}")

    def test_words_stay(self) -> None:
        """What is not between marks stays as it is, and so does everything when it is made anew twice."""
        text = "Before\n<!-- begin mix -->\nold\n<!-- end mix -->\nbetween\n<!-- begin start -->\n<!-- end start -->\n"
        row = Row(figure="a figure", measured="1 ms", target="≤ 2 ms", met=True)
        once = document.refreshed(text, {"mix": a_record("mix", row)})
        self.assertNotIn("old", once)
        self.assertIn("| a figure | 1 ms | ≤ 2 ms |  | yes |\n", once)
        self.assertTrue(once.startswith("Before\n<!-- begin mix -->\n2026-01-02 03:04 UTC, `python -m bench`: 12 s"))
        self.assertIn("<!-- end mix -->\nbetween\n<!-- begin start -->\nNot measured yet.\n<!-- end start -->\n", once)
        self.assertEqual(document.refreshed(once, {"mix": a_record("mix", row)}), once)

    def test_quick(self) -> None:
        """A quick look, and a run that gave way to others, are told as such."""
        table = document.block("mix", {"mix": a_record("mix", quick=True, niceness=19)})
        self.assertIn("quick look", table)
        self.assertIn("niceness 19", table)
        self.assertNotIn("quick look", document.block("mix", {"mix": a_record("mix")}))

    def test_targets(self) -> None:
        """The overview counts the targets, and names those that are not met."""
        rows = [
            Row(figure="good", measured="1", met=True),
            Row(figure="bad", measured="2", target="≤ 1", met=False),
            Row(figure="only looked at", measured="3"),
        ]
        overview = document.block("targets", {"mix": a_record("mix", *rows)})
        self.assertTrue(overview.startswith("1 of 2 targets are met."))
        self.assertIn("| mix | bad | 2 | ≤ 1 |  |", overview)
        self.assertNotIn("good", overview)

    def test_runs(self) -> None:
        """Figures of one machine and the same versions are told together, others apart."""
        records = {"mix": a_record("mix"), "start": a_record("start", machine=evolve(MACHINE, fdatasync=0.002))}
        self.assertIn("All figures: A processor, 2 cores", document.block("runs", records))
        self.assertIn("500 µs to 2.00 ms", document.block("runs", records))
        records["costs"] = a_record("costs", versions={"Python": "3.13.0"})
        apart = document.block("runs", records).splitlines()
        self.assertEqual(len(apart), 2)
        self.assertTrue(apart[0].startswith("- mix, start: ") and apart[1].startswith("- costs: "))

    def test_layers(self) -> None:
        """Layers are told by who was measured, in the order in which a request meets them."""
        rows = [
            Row(figure="a", measured="", at={"who": "bare app"}, numbers={"seconds": 0.0003}),
            Row(figure="b", measured="", at={"who": "bare app", "layer": JSON}, numbers={"seconds": 0.0001}),
            Row(figure="c", measured="", at={"who": "bare app", "layer": HTTP}, numbers={"seconds": 0.0002}),
        ]
        lines = document.block("layers", {"layers": a_record("layers", *rows)}).splitlines()
        at = lines.index("| HTTP | 200 |")
        self.assertEqual(lines[at + 1 : at + 3], ["| JSON | 100 |", "| **all** | **300** |"])


class RecordsTests(SynchronousTestCase):
    """What is kept of a run."""

    def test_kept(self) -> None:
        """Each file that is kept is read, is called as its figure, and belongs to a figure that there is."""
        records = kept()
        self.assertEqual(sorted(records), sorted(path.stem for path in KEPT.glob("*.json")))
        self.assertLessEqual(set(records), set(FIGURES))

    def test_round_trip(self) -> None:
        """What was written is read again, with its numbers to six digits."""
        row = Row(
            figure="a",
            measured="b",
            met=False,
            at={"who": "Manager"},
            numbers={"requests/s": 1234.56789, "connections": 8},
            rounds={"requests/s": (1.0, 2.0)},
            took={"all": latencies([0.001, 0.002])},
        )
        record = a_record("mix", row, Row(figure="c", measured="d"))
        again = from_json(as_json(record))
        self.assertEqual(again.rows[1], record.rows[1])
        self.assertEqual(again.rows[0], evolve(row, numbers={"requests/s": 1234.57, "connections": 8.0}))
        self.assertEqual(again.origin, evolve(ORIGIN, seconds=12.3457))

    def test_one_by_one(self) -> None:
        """A figure that is measured again replaces its own file alone."""
        directory = Path(self.mktemp())
        for figure, command in (("mix", "first"), ("costs", "first"), ("mix", "second")):
            keep(a_record(figure, command=command), directory)
        found = {name: record.origin.command for name, record in kept(directory).items()}
        self.assertEqual(found, {"costs": "first", "mix": "second"})


class MeasuringTests(SynchronousTestCase):
    """A run of several figures."""

    def setUp(self) -> None:
        self.results = Path(self.mktemp())
        self.around = Surroundings(directory=Path(self.mktemp()))
        self.rows = [Row(figure="a", measured="b")]

    def test_failure(self) -> None:
        """A figure that fails is named, and costs the others nothing."""

        def fails(_: Surroundings) -> list[Row]:
            raise ValueError("no figure today")

        figures = {"mix": lambda _: self.rows, "costs": fails, "start": lambda _: self.rows}
        rows, broken = measured(self.around, figures, ORIGIN, self.results)
        self.assertEqual((rows, broken), (self.rows * 2, ["costs"]))
        self.assertEqual(set(kept(self.results)), {"mix", "start"})

    def test_breaking_off(self) -> None:
        """A run that is ended leaves what it had measured, each with its own date."""

        def ended(_: Surroundings) -> list[Row]:
            raise SystemExit(1)

        figures = {"mix": lambda _: self.rows, "costs": ended}
        self.assertRaises(SystemExit, measured, self.around, figures, ORIGIN, self.results)
        self.assertEqual(list(kept(self.results)["mix"].rows), self.rows)
        self.assertNotEqual(kept(self.results)["mix"].origin.began, ORIGIN.began)


class LayersTests(SynchronousTestCase):
    """To which layer a function belongs."""

    def test_layers(self) -> None:
        """The most exact of the names counts; Python's own library counts for its caller, but for JSON."""
        self.assertEqual(layer_of("flamenco_mgr.web.replies", "reply"), HTTP)
        self.assertEqual(layer_of("json.encoder", "encode"), JSON)
        self.assertIsNone(layer_of("functools", "wrapper"))

    def test_names(self) -> None:
        """Every name of ours that is looked for is one, and comes before what would hide it."""
        modules = [module.name for module in pkgutil.walk_packages(flamenco_mgr.__path__, "flamenco_mgr.")]
        for place, (beginning, layer) in enumerate(PLACES):
            self.assertIn(layer, LAYERS)
            self.assertFalse(any(beginning.startswith(earlier) for earlier, _ in PLACES[:place]), beginning)
            if beginning.startswith("flamenco_mgr."):
                self.assertTrue(any(f"{module}.".startswith(beginning) for module in modules), beginning)


class PlotsTests(SynchronousTestCase):
    """What is drawn."""

    def test_lines(self) -> None:
        """Each of whom rows speak has a line, from left to right; rows without the number are left out."""
        rows = [
            Row(figure="", measured="", at={"who": who}, numbers={"connections": x, "requests/s": 10 * x})
            for who, x in (("Manager", 8), ("bare app", 1), ("Manager", 1))
        ]
        found = plots.lines(
            [*rows, Row(figure="", measured="")], "who", "connections", lambda row: row.numbers["requests/s"]
        )
        self.assertEqual(
            [(line.name, line.x, line.y) for line in found], [("Manager", [1, 8], [10, 80]), ("bare app", [1], [10])]
        )

    def test_slope(self) -> None:
        """Growth is the slope of the nearest straight line."""
        self.assertAlmostEqual(slope([0, 10, 20], [100, 150, 200]), 5.0)
