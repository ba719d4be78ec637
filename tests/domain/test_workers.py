"""Workers sign on, wake, acknowledge and sign off."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.workers import Worker, acknowledged, awakened, signed_off, signed_on
from tests.builders import WORKER, a_worker


class WorkerRuleTests(SynchronousTestCase):
    def test_identifier(self) -> None:
        """A worker is named by its address and its nickname, if it has one."""
        self.assertEqual(a_worker(address="10.0.0.7", nickname="render07").identifier, "10.0.0.7 (render07)")
        self.assertEqual(a_worker(address="10.0.0.7", nickname="").identifier, "10.0.0.7")

    def test_sign_on(self) -> None:
        """What a sign-on does not say stays; the current task is forgotten, a pending request is not."""
        worker = a_worker(nickname="old", supported_task_types=("a",), current_task="e" * 24, status_requested="asleep")
        after = signed_on(worker, nickname="", supported_task_types=())
        self.assertEqual((after.nickname, after.supported_task_types, after.status), ("old", ("a",), "starting"))
        self.assertEqual((after.current_task, after.status_requested), (None, "asleep"))
        after = signed_on(worker, nickname="new", supported_task_types=("b", "c"))
        self.assertEqual((after.nickname, after.supported_task_types), ("new", ("b", "c")))

    def test_sick_sign_on(self) -> None:
        """A sick worker is to sleep when it comes, unless it is asked for something else; a sound one is left alone."""
        for sick, requested, expected in (
            ("", None, None),
            ("it failed", None, "asleep"),
            ("it failed", "shutdown", "shutdown"),
            ("", "shutdown", "shutdown"),
        ):
            worker = a_worker(sick=sick, status_requested=requested)
            after = signed_on(worker, nickname="", supported_task_types=())
            self.assertEqual((after.status_requested, after.lazy_status_request), (expected, False))

    def test_new(self) -> None:
        """A worker that has just registered has no status, was asked for nothing, and has not changed yet."""
        worker = Worker(id=WORKER, hashed_secret=b"x")
        self.assertEqual((worker.status, worker.status_requested, worker.lazy_status_request), ("", None, False))
        self.assertEqual(worker.revision, 0)

    def test_awake(self) -> None:
        """Asking for a task wakes a worker in any status, but a tester stays one."""
        for status in ("", "starting", "asleep", "error", "timeout", "offline", "awake"):
            self.assertEqual(awakened(a_worker(status=status)).status, "awake")
        self.assertEqual(awakened(a_worker(status="testing")).status, "testing")

    def test_ack_answers_request(self) -> None:
        """task-lifecycle.md 20, fact 52: an acknowledgement sets the status and clears the request it answers."""
        worker = a_worker(status="awake", status_requested="asleep", lazy_status_request=True)
        after = acknowledged(worker, "asleep")
        assert after is not None
        self.assertEqual((after.status, after.status_requested, after.lazy_status_request), ("asleep", None, False))

    def test_ack_keeps_newer_request(self) -> None:
        """A request that came after the one that is acknowledged stays (worker-api.md 4.8)."""
        after = acknowledged(a_worker(status="awake", status_requested="shutdown"), "asleep")
        assert after is not None
        self.assertEqual((after.status, after.status_requested), ("asleep", "shutdown"))
        for requested, status in (("shutdown", "testing"), ("asleep", "awake"), ("awake", "asleep")):
            after = acknowledged(a_worker(status_requested=requested, lazy_status_request=True), status)
            assert after is not None
            self.assertEqual((after.status_requested, after.lazy_status_request), (requested, True))

    def test_tester_wakes(self) -> None:
        """A tester that was asked to be awake has obeyed when it says that it is testing."""
        after = acknowledged(a_worker(status="asleep", status_requested="awake"), "testing")
        assert after is not None
        self.assertIsNone(after.status_requested)

    def test_ack_of_unrequested(self) -> None:
        """Facts 53 and 59: a known status that nobody requested is stored, ``error`` and ``starting`` too."""
        for status in ("error", "starting", "testing", "offline"):
            after = acknowledged(a_worker(status="awake"), status)
            assert after is not None
            self.assertEqual(after.status, status)

    def test_ack_of_nonsense(self) -> None:
        """``shutdown`` and unknown words are not taken for a status."""
        for status in ("shutdown", "", "on fire"):
            self.assertIsNone(acknowledged(a_worker(), status))

    def test_sign_off(self) -> None:
        """Facts 43 to 49: a sleeper that nobody woke is to sleep again; every other request is gone."""
        for status, requested, expected in (
            ("awake", None, None),
            ("asleep", None, "asleep"),
            ("timeout", None, None),
            ("awake", "shutdown", None),
            ("asleep", "shutdown", "asleep"),
            ("asleep", "awake", None),
            ("timeout", "shutdown", None),
            ("", None, None),
            ("a-odd", "shutdown", None),
        ):
            worker = evolve(a_worker(status=status, status_requested=requested), lazy_status_request=True)
            after = signed_off(worker)
            self.assertEqual((after.status, after.status_requested), ("offline", expected), (status, requested))
            self.assertFalse(after.lazy_status_request)
