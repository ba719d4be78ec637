"""The scene of test tasks."""

import gzip
import shutil
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

from flamenco_mgr.scenes import TEST_SCENE, test_scene

BLENDER = shutil.which("blender")

LARGEST = 200_000
"""Bytes."""

RENDERING_TIME = 120
"""Seconds, on a busy machine."""


class SceneTests(SynchronousTestCase):
    def test_file(self) -> None:
        """It is small, a file of Blender 3.4, packed in the way that older and newer ones understand."""
        content = test_scene()
        self.assertLessEqual(len(content), LARGEST)
        self.assertEqual(gzip.decompress(content)[:12], b"BLENDER-v304")


class RenderingTests(TestCase):
    timeout = RENDERING_TIME

    async def test_renders(self) -> None:
        """A real Blender opens it and renders a frame of it, on the CPU and without a display."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        (folder / TEST_SCENE).write_bytes(test_scene())
        arguments = ["--background", str(folder / TEST_SCENE), "--render-output", f"{folder}/######"]
        assert BLENDER is not None
        out, err, code = await getProcessOutputAndValue(
            BLENDER, [*arguments, "--render-frame", "1"], env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        )
        self.assertEqual(code, 0, (out + err).decode(errors="replace"))
        self.assertEqual((folder / "000001.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    if BLENDER is None:
        test_renders.skip = "there is no Blender here"  # type: ignore[attr-defined]
