"""Connections beyond the limits: whose go, and that Workers' stay."""

from hypothesis import given, settings, strategies
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource

from flamenco_mgr.web.places import MOST_OF_WORKER, ConnectionLimits, Places, neighbourhood
from flamenco_mgr.web.site import WorkersSite
from tests.builders import TASK, WORKER
from tests.web import fakes
from tests.web.wires import AS_WORKER, WireTestCase, a_request

MIB = 1024 * 1024


def at(number: int) -> IPv4Address:
    """Return an address of the network."""
    return IPv4Address("TCP", f"10.0.1.{number}", 50000)


class PlacesTests(SynchronousTestCase):
    """The rule by itself; connections are texts here."""

    def setUp(self) -> None:
        self.places = Places(ConnectionLimits(most=4, most_of_address=3))

    def arrive(self, *names: str) -> list[object]:
        """Let connections arrive, each from the address that its name begins with."""
        return [self.places.arrive(name, name[0]) for name in names]

    def test_room(self) -> None:
        """As long as there is room nobody goes."""
        self.assertEqual(self.arrive("a1", "a2", "b1", "c1"), [None] * 4)

    def test_of_address(self) -> None:
        """Of an address with too many the oldest goes."""
        self.assertEqual(self.arrive("a1", "a2", "a3", "a4", "a5"), [None, None, None, "a1", "a2"])

    def test_in_all(self) -> None:
        """When there are too many in all, the oldest goes of the address that has most: not a lonely older one."""
        self.assertEqual(self.arrive("b1", "a1", "a2", "c1", "d1"), [None, None, None, None, "a1"])

    def test_workers_stay(self) -> None:
        """Of Workers' connections none goes, whatever comes: in the end it is the newcomer that does."""
        for name in ("a1", "a2", "a3", "a4"):
            self.assertEqual(self.arrive(name), [None])
            self.assertTrue(self.places.vouch(name, name))
        self.assertEqual(self.arrive("a5", "b1"), ["a5", "b1"])

    def test_place_is_free_again(self) -> None:
        """A connection that was closed, a Worker's or another, leaves room for a new one."""
        self.arrive("a1", "b1", "c1", "d1")
        self.places.vouch("a1", WORKER)
        for name in ("a1", "b1", "b1"):
            self.places.leave(name)
        self.assertEqual(self.arrive("e1", "f1"), [None, None])

    def test_of_worker(self) -> None:
        """One Worker's credentials vouch for some connections and no more; when one ends, for another one."""
        places = Places(ConnectionLimits())
        names = [f"a{number}" for number in range(MOST_OF_WORKER + 1)]
        for name in names:
            places.arrive(name, "a")
        self.assertEqual([places.vouch(name, WORKER) for name in names], [True] * MOST_OF_WORKER + [False])
        places.leave(names[0])
        self.assertTrue(places.vouch(names[-1], WORKER))

    def test_without_limits(self) -> None:
        """0 is no limit."""
        self.places = Places(ConnectionLimits(most=0, most_of_address=0))
        self.assertEqual(self.arrive(*(f"a{number}" for number in range(50))), [None] * 50)

    def test_neighbourhood(self) -> None:
        """An IPv4 address counts by itself, also as a socket of both families names it; an IPv6 one by its network."""
        for host, counted in (
            ("10.0.0.7", "10.0.0.7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("", ""),
            ("/run/socket", "/run/socket"),
        ):
            self.assertEqual(neighbourhood(host), counted)

    @settings(max_examples=50, deadline=None)
    @given(strategies.lists(strategies.tuples(strategies.sampled_from("avl"), strategies.integers(0, 9)), max_size=60))
    def test_books(self, steps: list[tuple[str, int]]) -> None:
        """Whatever comes, is vouched for and goes: no limit is passed, no Worker's is cut, no place is lost."""
        limits = ConnectionLimits(most=6, most_of_address=3)
        places = Places(limits)
        open_ones: dict[str, bool] = {}
        for number, (step, address) in enumerate(steps):
            of_address = [name for name in open_ones if name.startswith(f"{address}:")]
            if step == "a":
                name = f"{address}:{number}"
                open_ones[name] = False
                gone = places.arrive(name, str(address))
                if gone is not None:
                    self.assertFalse(open_ones.pop(gone))
            elif of_address and step == "v":
                open_ones[of_address[-1]] |= places.vouch(of_address[-1], str(number))
            elif of_address:
                places.leave(of_address[0])
                del open_ones[of_address[0]]
            self.assertEqual(places.taken, len(open_ones))
            self.assertLessEqual(len(open_ones), limits.most)
        for name in open_ones:
            places.leave(name)
        self.assertEqual(places, Places(limits))


class LimitedSiteTests(WireTestCase):
    """The site with such limits; the Worker of these tests is known."""

    def resource(self) -> IResource:
        return fakes.FarmOfFakes().resource()

    def setUp(self) -> None:
        super().setUp()
        limits = ConnectionLimits(most=4, most_of_address=3, head=10, request=60)
        self.site = WorkersSite(self.site.resource, self.clock, limits)
        self.site.vouches = lambda header: WORKER if header == AS_WORKER["Authorization"].encode() else None

    def test_flood(self) -> None:
        """A Worker is served on its old connection and on a new one while others open connections without an end."""
        worker = self.connect()
        self.assertEqual(worker.ask("POST", "/task", headers=AS_WORKER).status, 204)
        for number in range(50):
            self.connect(at(number % 7))
            self.assertEqual(worker.ask("POST", "/task", headers=AS_WORKER).status, 204)
            self.assertEqual(self.ask("POST", "/task").status, 204)
        self.assertLessEqual(self.site.places.taken, 4)
        self.assertEqual(sum(wire.is_open for wire in self.wires), self.site.places.taken)

    def test_from_the_same_address(self) -> None:
        """So it is when the flood comes from the Worker's own address."""
        worker = self.connect()
        self.assertEqual(worker.ask("POST", "/task", headers=AS_WORKER).status, 204)
        for _ in range(20):
            self.connect()
        self.assertEqual(worker.ask("POST", "/task", headers=AS_WORKER).status, 204)
        self.assertEqual(self.ask("POST", "/task").status, 204)

    def test_wrong_credentials(self) -> None:
        """Wrong credentials vouch for nobody."""
        wire = self.connect(at(1))
        wire.ask("POST", "/task", headers={"Authorization": "Basic bm9ib2R5OnNlY3JldA=="})
        for _ in range(3):
            self.connect(at(1))
        self.assertFalse(wire.is_open)

    def test_slow_head(self) -> None:
        """A head that does not end is waited for for as long as the limit says, however often a byte comes."""
        for beginning in (b"P", b"POST /task HTTP/1.1\r\n"):
            wire = self.connect()
            wire.send(beginning)
            for _ in range(9):
                self.clock.advance(1)
                wire.send(b"X")
            self.assertTrue(wire.is_open)
            self.clock.advance(1)
            self.assertFalse(wire.is_open)

    def test_slow_head_later(self) -> None:
        """So it is on a connection that was idle for a while, after a request that was served."""
        wire = self.connect()
        wire.ask("POST", "/task", headers=AS_WORKER)
        self.clock.advance(40)
        wire.send(b"P")
        self.clock.advance(9)
        self.assertTrue(wire.is_open)
        self.clock.advance(1)
        self.assertFalse(wire.is_open)

    def test_body_after_a_slow_head(self) -> None:
        """A request whose head was in time has the rest of its minute for its body."""
        wire = self.connect()
        request = a_request("POST", "/sign-on", headers=AS_WORKER, body=b'{"nickname": "n"}')
        wire.send(request[:20])
        self.clock.advance(9)
        wire.send(request[20:-1])
        self.clock.advance(50)
        wire.send(request[-1:])
        self.assertEqual([answer.status for answer in wire.answers()], [204])

    def test_room_for_workers(self) -> None:
        """Strangers' bodies do not take all the room for bodies: a Worker's update has its own."""
        self.site.room.most, self.site.room.strangers = 4 * MIB, 2 * MIB
        update = f"/tasks/{TASK}/update"
        for number in range(3):
            wire = self.connect(at(number))
            wire.send(a_request("POST", update).replace(b"Length: 0", b"Length: %d" % (2 * MIB)) + b"x" * MIB)
        self.assertEqual(self.site.room.taken, 2 * MIB)
        self.assertEqual(self.ask("POST", update, body=b" " * (MIB + MIB // 2) + b"{}").status, 204)
        for wire in self.wires:
            if wire.is_open:
                wire.hang_up()
        self.assertEqual((self.site.room.taken, self.site.room.taken_by_strangers), (0, 0))
