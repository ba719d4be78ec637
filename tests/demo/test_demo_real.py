"""The demonstration whose Workers render, where Blender and ffmpeg are installed."""

import os
import shutil
import sys

from twisted.internet.utils import getProcessOutputAndValue

from flamenco_mgr.demo.real.studio import PROGRAMS
from tests.demo.demonstrated import DemonstrationTestCase
from tests.process.twistd import CHECKOUT

MISSING = [program for program in PROGRAMS if shutil.which(program) is None]

ONE_CHUNK = ("--real", "--tasks", "3")


class RealDemonstrationTests(DemonstrationTestCase):
    timeout = 240

    async def test_real(self) -> None:
        """Blender renders, ffmpeg makes a video, the books agree; what was made stays, and nothing else."""
        out, err, code = await self.output(*ONE_CHUNK)
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn("Blender has rendered 3 frames, and ffmpeg has made a video of ", out)
        self.assertIn("The books agree.", out)
        (directory,) = self.temporary.iterdir()
        self.assertEqual([path.name for path in directory.iterdir()], ["render"])
        made = sorted(path.name for path in (directory / "render" / "flamingo").iterdir())
        self.assertEqual(made, ["000001.png", "000002.png", "000003.png", "flamingo.mkv"])
        self.assertIn(str(directory / "render" / "flamingo" / "flamingo.mkv"), out)

    if MISSING:
        test_real.skip = f"there is no {' and no '.join(MISSING)} here"  # type: ignore[attr-defined]

    async def test_not_installed(self) -> None:
        """Where a program is missing a line says which, and how to get it; nothing is begun."""
        out, err, code = await self.output(*ONE_CHUNK, path=str(self.temporary))
        self.assertEqual((code, out, len(err.splitlines())), (1, "", 1))
        self.assertIn("apt install --no-install-recommends blender ffmpeg", err)
        self.assertEqual(list(self.temporary.iterdir()), [])

    async def output(self, *options: str, path: str | None = None) -> tuple[str, str, int]:
        """Return what a demonstration prints and how it ends; programs are looked for in ``path``."""
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(self.temporary)}
        if path is not None:
            environment["PATH"] = path
        out, err, code = await getProcessOutputAndValue(
            sys.executable,
            ["-W", "error", "-m", "flamenco_mgr.demo", *options],
            env=environment,
            path=str(self.temporary),
        )
        return out.decode(), err.decode(), code
