"""The doctor finds what is wrong, says what to do, and mends it where that is safe."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest

from flamenco_mgr.settings import ConfigErrors, Settings, load
from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.storekeeping.doctor import Doctor, misconfigured
from flamenco_mgr.storekeeping.findings import Diagnosis, Finding, Topic, Weight
from flamenco_mgr.storekeeping.stores import OnMongoDB
from flamenco_mgr.storekeeping.waiting import result_of
from tests.builders import WORKER
from tests.store.contract.case import TYPES, an_id
from tests.storekeeping.case import NOW, StorekeepingCase


@contextmanager
def serving(now: float) -> Iterator[str]:
    """Let a server answer whose clock stands still, and give its URL."""

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def date_time_string(self, _timestamp: float | None = None) -> str:
            return formatdate(now, usegmt=True)

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class DoctorCase(StorekeepingCase):
    def setUp(self) -> None:
        super().setUp()
        self.config = self.directory / "manager.yaml"
        self.config.touch(mode=0o600)
        self.settings = Settings(
            database_path=self.directory / "db", task_logs_path=self.directory / "logs", manager_id=""
        )
        self.settings.task_logs_path.mkdir()

    def examined(self, *, repair: bool = False) -> Diagnosis:
        return Doctor(config=self.config, settings=self.settings, doubts=(), now=lambda: NOW).diagnosis(repair=repair)

    def found(self, *topics: Topic) -> list[Finding]:
        """Return what is found of some topics; the Server that is not linked, and strays of the farm, do not count."""
        return [one for one in self.examined().left if one.topic in topics]

    def assert_sound(self) -> None:
        """Nothing is wrong with the store."""
        self.assertEqual(self.found(Topic.STORE, Topic.COUNTS, Topic.ORDER, Topic.CLAIMS), [])

    def assert_mended(self, *keys: str) -> None:
        """These things are wrong; a repair mends them, and then all is well."""
        before = self.examined()
        self.assertTrue(before.is_damaged)
        self.assertLessEqual(set(keys), {one.key for one in before.left})
        after = self.examined(repair=True)
        self.assertLessEqual(set(keys), {one.key for one in after.mended})
        self.assertFalse(after.is_damaged, after.left)
        self.assert_sound()


class EmbeddedTests(DoctorCase):
    def setUp(self) -> None:
        super().setUp()
        self.farm = self.embedded_farm()

    def test_sound(self) -> None:
        """In a farm that is in order nothing is found, used or not."""
        self.assert_sound()
        clock = Clock()
        manager = self.open_embedded(self.farm, clock)
        self.assert_sound()
        result_of(clock, manager.close())

    def test_counters(self) -> None:
        """Counters that are wrong are found, each of them, and derived anew."""
        damages: Mapping[str, str] = {
            "UPDATE counts SET tasks = tasks + 1 WHERE status = 'completed'": "tasks",
            "UPDATE totals SET tasks = tasks + 5": "tasks",
            "DELETE FROM failures": "failures",
            "INSERT INTO failures VALUES ('a', 'b', 'c', 'd')": "failures",
            "UPDATE tasks SET open_parents = open_parents + 1 WHERE id > '000000000000000000000015'": "parents",
            "UPDATE tasks SET lane = NULL": "lanes",
            "UPDATE lanes SET head = 'zzz'": "lanes",
        }
        for statement, key in damages.items():
            self.sql(self.farm, statement)
            self.assert_mended(key)

    def test_orphans(self) -> None:
        """A task that is active of no Worker that is here is let be had by others, and the Server hears of it."""
        clock = Clock()
        for worker in (an_id(0xBAD), None):
            self.sql(self.farm, "UPDATE tasks SET status = 'active', worker_id = ? WHERE id = ?", worker, an_id(7))
            self.sql(self.farm, "DELETE FROM counts")
            self.assert_mended("orphans")
        manager = self.open_embedded(self.farm, clock)
        task = result_of(clock, manager.tasks.get(an_id(7)))
        self.assertEqual(task and task.status, "claimed-by-manager")
        self.assertTrue(result_of(clock, manager.tasks.standing([an_id(7)]))[an_id(7)].waiting)
        result_of(clock, manager.close())

    def test_while_manager_runs(self) -> None:
        """While a Manager uses the store nothing is mended in it, and that is said."""
        self.sql(self.farm, "DELETE FROM failures")
        clock = Clock()
        manager = self.open_embedded(self.farm, clock)
        after = self.examined(repair=True)
        self.assertTrue(after.is_damaged)
        self.assertIn("in use", {one.key for one in after.left})
        result_of(clock, manager.close())
        self.assert_mended("failures")

    def test_strays(self) -> None:
        """Updates of tasks that are not here are a warning: the Server is told all the same."""
        (stray,) = self.found(Topic.UPDATES)
        self.assertEqual((stray.weight, stray.mendable), (Weight.WARNING, False))
        self.assertIn(an_id(0xE0000E), stray.text)

    def test_damaged(self) -> None:
        """A database that is damaged, cut, or none is damage that only a backup helps against."""
        (page,) = self.sql(self.farm, "SELECT rootpage FROM sqlite_master WHERE name = 'events'")[0]
        whole = self.farm.path.read_bytes()
        for content in (
            whole[: (page - 1) * 4096] + b"\xff" * 4096 + whole[page * 4096 :],
            whole[:4096],
            b"x" * 5000,
            b"",
        ):
            self.farm.path.write_bytes(content)
            (damage,) = self.found(Topic.STORE)
            self.assertEqual((damage.weight, damage.mendable), (Weight.DAMAGE, False), damage)
            self.assertIn("restore", damage.advice)
            self.assertEqual("is no SQLite database." in damage.text, not content.startswith(b"SQLite"))

    def test_versions(self) -> None:
        """A store of an older Manager's is a warning, of a newer one's damage."""
        self.sql(self.farm, f"PRAGMA user_version = {len(schema.steps()) + 1}")
        self.assertEqual([one.weight for one in self.found(Topic.STORE)], [Weight.DAMAGE])
        self.sql(self.farm, "PRAGMA user_version = 1")
        self.assertEqual([one.weight for one in self.found(Topic.STORE)], [Weight.WARNING])

    def test_no_store(self) -> None:
        """No store yet is a warning."""
        self.farm.path.unlink()
        (warning,) = self.found(Topic.STORE)
        self.assertEqual(warning.weight, Weight.WARNING)


class SurroundingsTests(DoctorCase):
    def test_modes(self) -> None:
        """Files with secrets that others can read are a warning, which a repair takes away."""
        farm = self.embedded_farm()
        for path, mode in ((self.config, 0o644), (farm.path, 0o640), (farm.directory, 0o755)):
            path.chmod(mode)
        self.assertEqual(len(self.found(Topic.MODES)), 3)
        done = self.examined(repair=True)
        self.assertFalse(done.is_damaged)
        self.assertEqual(len(done.mended), 3)
        modes = [path.stat().st_mode & 0o777 for path in (self.config, farm.path, farm.directory)]
        self.assertEqual(modes, [0o600, 0o600, 0o700])

    def test_logs(self) -> None:
        """A directory for logs that is missing is a warning; a file in its place is damage."""
        logs = self.settings.task_logs_path
        logs.rmdir()
        self.assertEqual([one.weight for one in self.found(Topic.LOGS)], [Weight.WARNING])
        logs.touch()
        self.assertEqual([one.weight for one in self.found(Topic.LOGS)], [Weight.DAMAGE])

    def test_foreign_logs(self) -> None:
        """One of another user than the store's is a warning."""
        if os.geteuid():
            raise SkipTest("only root can give directories away")
        self.embedded_farm()
        os.chown(self.settings.task_logs_path, 12345, 12345)
        self.assertIn("belongs to user 12345", self.found(Topic.LOGS)[0].text)

    def test_server(self) -> None:
        """A Server that cannot be reached is a warning, with the operating system's words."""
        self.settings = evolve(self.settings, manager_id=an_id(1), flamenco="http://127.0.0.1:1/")
        (warning,) = self.found(Topic.SERVER)
        self.assertEqual((warning.weight, warning.key), (Weight.WARNING, "unreachable"))
        self.assertIn("cannot be reached: Connection refused.", warning.text)

    def test_clock(self) -> None:
        """The Server's clock is compared with this machine's by the date of its answers."""
        for off, keys in ((0.0, []), (3600.0, ["clock"]), (-3600.0, ["clock"])):
            with serving(NOW + off) as url:
                self.settings = evolve(self.settings, manager_id=an_id(1), flamenco=url)
                self.assertEqual([one.key for one in self.found(Topic.SERVER)], keys)

    def test_configuration(self) -> None:
        """Mistakes in the configuration are damage, each by itself."""
        self.config.write_text("_meta: {version: 3}\nlisten: nowhere\nmode: odd\n")
        error = self.assertRaises(ConfigErrors, load, self.config, Path(self.directory))
        found = misconfigured(error)
        self.assertEqual([one.weight for one in found.left], [Weight.DAMAGE] * len(error.problems))


class MongoTests(DoctorCase):
    farm: OnMongoDB

    def setUp(self) -> None:
        super().setUp()
        self.farm = self.database_farm()
        self.settings = evolve(self.settings, database_url=self.farm.url)
        self.tasks = self.within(self.farm).flamenco_tasks

    def settled(self) -> None:
        """Let a Manager start, put right what it finds due, and stop."""
        self.pumped(self.open_database(self.farm, Clock()).close())

    def test_sound(self) -> None:
        """In a farm that is in order nothing is found."""
        self.assert_sound()

    def test_disorder(self) -> None:
        """What tasks say of what they wait for is compared with the truth, and found out anew by the next start."""
        child = {"parents.0": {"$exists": True}}
        damages: list[Callable[[], object]] = [
            lambda: self.tasks.update_many(child, {"$set": {"mgr.ready": True}}),
            lambda: self.tasks.update_many({}, {"$unset": {"mgr.ready": ""}}),
            lambda: self.tasks.update_many(child, {"$set": {"mgr.open": []}}),
            lambda: self.tasks.update_many({}, {"$set": {"mgr.lane": "x\ny"}}),
            lambda: self.tasks.update_many({"status": "completed"}, {"$set": {"mgr.startable": True}}),
        ]
        candidates = self.candidates()
        for damage in damages:
            damage()
            self.assert_mended("ready")
            self.settled()
            self.assert_sound()
            self.assertEqual(self.candidates(), candidates)

    def candidates(self) -> list[str]:
        """Return the tasks that a worker would be given, in order."""
        store, found = self.open_database(self.farm, Clock()), list[str]()
        while (task := self.pumped(store.tasks.candidate(an_id(5), TYPES, found, 0.0))) is not None:
            found.append(task.id)
        self.pumped(store.close())
        return found

    def test_orphans(self) -> None:
        """A task that is active of no Worker that is here is let be had by others, and the Server hears of it."""
        self.within(self.farm).flamenco_workers.delete_one({"nickname": ""})
        self.assert_mended("orphans")
        store = self.open_database(self.farm, Clock())
        task = self.pumped(store.tasks.get(an_id(7)))
        self.assertEqual((task and task.status, task and task.worker_id), ("claimed-by-manager", WORKER))
        self.assertTrue(self.pumped(store.tasks.standing([an_id(7)]))[an_id(7)].waiting)
        self.pumped(store.close())

    def test_receipts(self) -> None:
        """Receipts that were forgotten are counted on from the greatest that a task has."""
        self.within(self.farm).settings.delete_one({"_id": "receipts"})
        self.assert_mended("receipts")

    def test_indexes(self) -> None:
        """Indexes that are missing are a warning, and made."""
        self.within(self.farm).task_update_queue.drop_index("task_id_1_mgr.order_1")
        (warning,) = self.found(Topic.STORE)
        self.assertEqual((warning.key, warning.weight), ("indexes", Weight.WARNING))
        self.assertIn("indexes", {one.key for one in self.examined(repair=True).mended})
        self.assert_sound()

    def test_older(self) -> None:
        """A database of an older Manager's, or of the original's, is a warning."""
        settings = self.within(self.farm).settings
        settings.update_one({"_id": "schema"}, {"$set": {"version": 1}})
        self.assertEqual([one.key for one in self.found(Topic.STORE)], ["version"])
        settings.delete_one({"_id": "schema"})
        self.assertEqual([one.key for one in self.found(Topic.STORE)], ["version"])

    def test_refused(self) -> None:
        """A database that no Manager would open is damage, with the reason."""
        self.within(self.farm).settings.update_one({"_id": "schema"}, {"$set": {"version": 99}})
        (damage,) = self.found(Topic.STORE)
        self.assertEqual(damage.weight, Weight.DAMAGE)
        self.assertIn("newer Manager", damage.text)

    def test_unreachable(self) -> None:
        """So is a server that is not there."""
        self.settings = evolve(self.settings, database_url="mongodb://127.0.0.1:1/farm")
        (damage,) = self.found(Topic.STORE)
        self.assertEqual(damage.key, "unusable")
