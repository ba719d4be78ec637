"""Paths of images that workers say they wrote."""

import string

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.outputs import is_plain_image_path


class ImagePathTests(SynchronousTestCase):
    def test_images(self) -> None:
        """Absolute paths of images, as Linux and Windows write them, are taken."""
        for path in (
            "/render/a/frame-000001.exr",
            "R:/render/1.PNG",
            "R:\\render\\1.jpg",
            "//server/share/1.jpeg",
            "/zoë/1.png",
        ):
            self.assertTrue(is_plain_image_path(path), path)

    def test_traps(self) -> None:
        """Whatever an image converter might take for something else is not (worker-api.md 4.9)."""
        for path in (
            "https://example.com/a.png", "@/etc/a.png", "relative.png", "png:/a.png", "/a.txt", "/a", "", "/../a.png",
            "/a\n.png", "/a\0.png", "/" + "a" * 5000 + ".png", "-size /a.png", "C:a.png",
        ):  # fmt: skip
            self.assertFalse(is_plain_image_path(path), path)

    @given(strategies.text(alphabet=string.printable))
    def test_never_fails(self, path: str) -> None:
        """Any text is judged, and what is taken begins like an absolute path."""
        if is_plain_image_path(path):
            self.assertTrue(path[0] in "/\\" or path[1] == ":")

    def test_longest(self) -> None:
        """A path may have 4096 characters, and no more."""
        for length, is_taken in ((4096, True), (4097, False)):
            self.assertEqual(is_plain_image_path("/" + "a" * (length - 5) + ".png"), is_taken)
