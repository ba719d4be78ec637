"""Ids: 24 hexadecimal digits."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.ids import ZERO_ID, made_at, normal_id


class IdTests(SynchronousTestCase):
    def test_ids(self) -> None:
        """24 hexadecimal digits are an id, in lower case; anything else is none."""
        self.assertEqual(normal_id("5E6A1F2C9D3B4A0017C0FFEE"), "5e6a1f2c9d3b4a0017c0ffee")
        for wrong in (
            "",
            "5e6a",
            "5e6a1f2c9d3b4a0017c0ffeg",
            "5e6a1f2c9d3b4a0017c0ffee\n",
            "0" * 25,
            None,
            5,
            "０" * 24,
        ):
            self.assertIsNone(normal_id(wrong))

    def test_made_at(self) -> None:
        """The first eight digits of an id are the second in which it was made, as MongoDB counts them."""
        self.assertEqual(made_at("5E6A1F2C9D3B4A0017C0FFEE"), 0x5E6A1F2C)
        self.assertEqual(made_at("ffffffff0000000000000000"), 0xFFFFFFFF)
        self.assertIsNone(made_at("render07"))

    def test_no_job(self) -> None:
        """The id of no job is an id as well, and the same in every store."""
        self.assertEqual(ZERO_ID, "000000000000000000000000")
