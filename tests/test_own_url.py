"""This Manager's own URL."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.own_url import derived_own_url, own_address


class OwnURLTests(SynchronousTestCase):
    def test_all_interfaces(self) -> None:
        """A Manager that listens everywhere is reached at this machine's address."""
        for host in ("", "::", "::0"):
            self.assertEqual(
                derived_own_url(host, 8080, tls=False, address=lambda: "10.0.0.2"), "http://10.0.0.2:8080/"
            )

    def test_one_interface(self) -> None:
        """One that listens on an address is reached there, IPv6 in brackets, with TLS by https."""
        self.assertEqual(derived_own_url("10.0.0.3", 80, tls=False), "http://10.0.0.3:80/")
        self.assertEqual(derived_own_url("fd00::1", 8443, tls=True), "https://[fd00::1]:8443/")

    def test_this_machine(self) -> None:
        """This machine has an address or a name, connected to a network or not."""
        self.assertTrue(own_address())
