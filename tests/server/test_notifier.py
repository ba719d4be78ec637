"""The Manager introduces itself to the Server, until it is heard (server-api.md 6)."""

from typing import Any

from zope.interface.verify import verifyObject

from flamenco_mgr.demo.standin.behaviour import Refuse, Silent, Slow
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.server.notifier import Notifier, Profile
from tests.builders import a_worker
from tests.server.linked import NOW, LinkedTestCase

VARIABLES = {"blender": {"direction": "oneway", "values": [{"audience": "all", "platform": "linux", "value": "/b"}]}}


class NotifierTests(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.profile = Profile(manager_url="http://render-manager.local:8080/", variables=VARIABLES)
        self.notifier = Notifier(
            client=self.client,
            workers=self.store.workers,
            lease=self.store.lease,
            profile=lambda: self.profile,
            clock=self.clock,
        )
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.notifier.running:
            self.notifier.stopService()

    def start(self) -> None:
        """Start, and let the notice of it be over."""
        self.notifier.startService()
        self.until(0.125)
        self.server.record.notifications.clear()

    def until(self, instant: float) -> None:
        """Let time pass until so many seconds after the start."""
        self.pump(NOW + instant - self.clock.seconds(), step=0.125)  # exact in binary

    def add_worker(self, number: int, *types: str) -> None:
        self.result_of(self.store.workers.add(a_worker(id=f"{number:024x}", supported_task_types=types)))

    def heard(self, endpoint: Endpoint) -> list[tuple[float, Any]]:
        """Return when the Server heard a notice, in seconds after the start, and what."""
        return [
            (round(notice.at / 1000 - NOW, 1), notice.document)
            for notice in self.server.record.notifications
            if notice.endpoint is endpoint
        ]

    def test_interface(self) -> None:
        """The notifier provides its interface."""
        verifyObject(INotifier, self.notifier)

    def test_startup(self) -> None:
        """task-lifecycle.md 20, fact 109: one POST to ``startup`` within 0.35 s, and not again."""
        self.add_worker(1, "blender-render", "file-management")
        self.add_worker(2, "video-encoding", "blender-render")
        self.notifier.startService()
        self.until(0.35)
        self.assertEqual(
            self.heard(Endpoint.STARTUP),
            [
                (
                    0.1,
                    {
                        "_meta": {"version": 2},
                        "manager_url": "http://render-manager.local:8080/",
                        "variables": VARIABLES,
                        "nr_of_workers": 2,
                        "worker_task_types": ["blender-render", "file-management", "video-encoding"],
                    },
                )
            ],
        )
        self.until(100.0)
        self.assertEqual(self.server.record.requests, {Endpoint.STARTUP: 1})

    def test_startup_again(self) -> None:
        """Every 30 seconds until the Server has heard it; each time as things are then."""
        self.server.behave(Refuse(500), endpoint=Endpoint.STARTUP, times=2)
        self.notifier.startService()
        self.until(59.0)
        self.add_worker(1, "sleep")
        self.until(200.0)
        self.assertEqual(self.server.record.requests[Endpoint.STARTUP], 3)
        self.assertEqual(
            [(at, document["worker_task_types"]) for at, document in self.heard(Endpoint.STARTUP)], [(60.1, ["sleep"])]
        )

    def test_task_types(self) -> None:
        """Fact 110: one POST to ``update`` within 0.25 s, with the number of workers and the types of all."""
        self.start()
        self.add_worker(1, "sleeping")
        self.add_worker(2, "testing", "sleeping")
        self.notifier.task_types_changed()
        self.until(0.25)
        ((at, document),) = self.heard(Endpoint.UPDATE)
        self.assertEqual(at, 0.1)
        self.assertEqual((document["nr_of_workers"], document["worker_task_types"]), (2, ["sleeping", "testing"]))

    def test_task_types_again(self) -> None:
        """Every ten seconds until it is heard; changes meanwhile are told by the next attempt."""
        self.start()
        self.server.behave(Refuse(503), endpoint=Endpoint.UPDATE, times=2)
        self.notifier.task_types_changed()
        self.until(15.0)
        self.add_worker(1, "sleep")
        self.notifier.task_types_changed()
        self.until(60.0)
        self.assertEqual(self.server.record.requests[Endpoint.UPDATE], 3)
        self.assertEqual(
            [(at, document["worker_task_types"]) for at, document in self.heard(Endpoint.UPDATE)], [(20.1, ["sleep"])]
        )

    def test_changed_on_the_way(self) -> None:
        """What changes while a notice is on its way is told in another one at once."""
        self.start()
        self.server.behave(Slow(2.0), endpoint=Endpoint.UPDATE, times=1)
        self.notifier.task_types_changed()
        self.until(1.0)
        self.add_worker(1, "sleep")
        self.notifier.task_types_changed()
        self.notifier.task_types_changed()
        self.until(3.0)
        self.assertEqual(
            [document["worker_task_types"] for _, document in self.heard(Endpoint.UPDATE)], [[], ["sleep"]]
        )

    def test_credentials_refused(self) -> None:
        """server-api.md 2: a Server that refuses us is asked once a minute."""
        self.server.behave(Refuse(403), endpoint=Endpoint.STARTUP)
        self.notifier.startService()
        self.until(60.0)
        self.assertEqual(self.server.record.requests[Endpoint.STARTUP], 1)
        self.until(60.125)
        self.assertEqual(self.server.record.requests[Endpoint.STARTUP], 2)

    def test_strange_names(self) -> None:
        """Variables whose names the Server's database may refuse are not sent."""
        self.profile = Profile(manager_url="http://m/", variables=VARIABLES | {"a.b": {}, "$c": {}})
        self.notifier.startService()
        self.until(0.125)
        self.assertEqual(list(self.heard(Endpoint.STARTUP)[0][1]["variables"]), ["blender"])

    def test_stop(self) -> None:
        """Stopping ends waiting and asking, and leaves no timer; afterwards nothing is told."""
        self.server.behave(Silent())
        self.notifier.startService()
        self.notifier.task_types_changed()
        self.until(0.5)
        self.stop()
        self.turns()
        self.notifier.task_types_changed()
        self.assertEqual(self.timers(), [])
