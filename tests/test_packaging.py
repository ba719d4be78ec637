"""What is installed is what was meant, and twistd finds it."""

import configparser
import os
import re
import shutil
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from flamenco_mgr import __version__

CHECKOUT = Path(__file__).resolve().parents[1]

UNIT = CHECKOUT / "systemd/flamenco-manager.service"

SHARED = (
    "manager.yaml",
    "api.md",
    "backup-format.md",
    "mongodb.md",
    "security.md",
    "steering.md",
    "flamenco-manager.service",
    "flamenco-manager.json",
    "alerts.yaml",
)
"""What an administrator starts from."""


async def run(*command: str | Path, directory: Path) -> str:
    """Run a command elsewhere, without this checkout on the path, and return what it writes; raise if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    first, *rest = map(str, command)
    out, err, status = await getProcessOutputAndValue(first, rest, env=environment, path=str(directory))
    if status != 0:
        raise AssertionError(f"{command}: {status}\n{out.decode()}\n{err.decode()}")
    return str(out.decode())


class WheelTests(TestCase):
    timeout = 300

    async def built(self) -> Path:
        """Build the wheel from a copy of what it is made of, as building leaves things behind."""
        source = Path(self.mktemp()).absolute()
        unwanted = shutil.ignore_patterns("__pycache__", "dropin.cache")
        for name in ("contrib", "docs", "flamenco_mgr", "systemd", "twisted"):
            shutil.copytree(CHECKOUT / name, source / name, ignore=unwanted)
        for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "manager.yaml"):
            shutil.copy(CHECKOUT / name, source / name)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            "dist",
            ".",
        ]
        await run(*command, directory=source)
        (wheel,) = (source / "dist").iterdir()
        return wheel

    async def test_found_by_twistd(self) -> None:
        """The wheel, installed in a virtual environment, is found by twistd in an empty directory, and starts."""
        wheel = await self.built()
        self.check_contents(wheel, wheel.parents[1])
        home = Path(self.mktemp()).absolute()
        await run(sys.executable, "-m", "venv", "--without-pip", home, directory=wheel.parent)
        (packages,) = home.glob("lib/python*/site-packages")
        # Twisted and the others are borrowed from here; this checkout is not, as .pth files are not followed twice.
        (packages / "borrowed.pth").write_text(f"{Path(os.__file__).parent}\n{_site_packages()}\n")
        await run(
            *(sys.executable, "-m", "pip", "--python", home, "install", "--no-deps", "--no-index", wheel),
            directory=wheel.parent,
        )
        empty = home / "empty"
        empty.mkdir()
        twistd = (home / "bin/python", "-c", "from twisted.scripts.twistd import run; run()")
        self.assertRegex(await run(*twistd, "--help", directory=empty), r"\bflamenco-manager +Run a render farm")
        told = await run(*twistd, "flamenco-manager", "--version", directory=empty)
        self.assertEqual(told, f"Flamenco Manager {__version__}\n")
        told = await run(home / "bin/flamenco-manager", "--version", directory=empty)
        self.assertEqual(told, f"Flamenco Manager {__version__}\n")
        where = await run(
            home / "bin/python", "-c", "import flamenco_mgr; print(flamenco_mgr.__file__)", directory=empty
        )
        self.assertTrue(where.startswith(str(packages)), where)

    def check_contents(self, wheel: Path, source: Path) -> None:
        """Compare the names in the wheel with those of what it was built from."""
        names = set(zipfile.ZipFile(wheel).namelist())
        wanted = {
            str(path.relative_to(source))
            for folder in ("flamenco_mgr", "twisted")
            for path in (source / folder).rglob("*")
            if path.suffix in {".py", ".sql", ".json", ".blend", ".typed"}
        }
        self.assertEqual(wanted - names, set())
        foreign = {name.split("/")[0] for name in names} - {"flamenco_mgr", "twisted"}
        made = f"flamenco_manager-{__version__}"
        self.assertEqual(foreign, {f"{made}.dist-info", f"{made}.data"})
        share = f"{made}.data/data/share/flamenco-manager/"
        self.assertEqual(
            {name for name in names if name.startswith(share)},
            {share + name for name in SHARED},
        )


def _site_packages() -> Path:
    import twisted  # noqa: PLC0415 only its place is of interest

    return Path(twisted.__file__).parents[1]


class RequirementsTests(SynchronousTestCase):
    def pins(self) -> dict[str, str]:
        lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
        pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
        return {_normal(name): pinned for name, pinned in pairs}

    def test_lock_is_exact(self) -> None:
        """Everything that setup.py names, for use and for development, is in the lock with one version."""
        text = (CHECKOUT / "setup.py").read_text()
        named = {_normal(name) for name in re.findall(r'^    "([A-Za-z][\w.-]*)(?:\[\w+\])? >=', text, re.MULTILINE)}
        self.assertGreater(len(named), 15)
        self.assertEqual(named - set(self.pins()), set())

    def test_lock_is_complete(self) -> None:
        """What the locked packages need themselves is locked, too, unless only other Pythons or platforms need it."""
        pins = self.pins()
        missing = set()
        for name in pins:
            try:
                needed = requires(name) or []
            except PackageNotFoundError:  # this environment is not made from the lock
                continue
            missing |= {_normal(re.split(r"[^\w.-]", one)[0]) for one in needed if ";" not in one} - set(pins)
        self.assertEqual(missing, set())

    def test_one_version(self) -> None:
        """The version is stated in one place; an installed package agrees with it."""
        try:
            installed = version("flamenco-manager")
        except PackageNotFoundError:
            raise SkipTest("the package is not installed here, only importable") from None
        self.assertEqual(installed, __version__)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class ProjectTests(SynchronousTestCase):
    def test_plugin_folder(self) -> None:
        """The plugin's folders are no packages: with an ``__init__.py`` they would hide Twisted or its plugins."""
        self.assertEqual([path.name for path in (CHECKOUT / "twisted").rglob("__init__.py")], [])

    def test_make_targets(self) -> None:
        """The Makefile has what the README names, and nothing that nobody mentions."""
        makefile = (CHECKOUT / "Makefile").read_text()
        (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
        proof = {"simulate", "torture", "powercut", "mutations", "mutate-domain", "fuzz", "plots"}
        self.assertEqual(set(phony.split()), {"help", "demo", "run", "test", "check", "bench", "lock", "clean"} | proof)
        for target in phony.split():
            self.assertRegex(makefile, rf"(?m)^{target}:")


class UnitTests(TestCase):
    def unit(self) -> configparser.RawConfigParser:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
        parser.read(UNIT)
        return parser

    def test_twistd_in_the_foreground(self) -> None:
        """The unit runs twistd in the foreground, without a pid file, in its state directory."""
        service = self.unit()["Service"]
        self.assertEqual(service["Type"], "simple")
        command = service["ExecStart"].split()
        self.assertEqual(Path(command[0]).name, "twistd")
        self.assertEqual(command[-1], "flamenco-manager")
        self.assertEqual(
            set(command[1:-1]), {"--nodaemon", "--pidfile=", f"--rundir=/var/lib/{service['StateDirectory']}"}
        )

    async def test_verified(self) -> None:
        """``systemd-analyze verify`` finds nothing to object to, where it is present."""
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            raise SkipTest("there is no systemd-analyze")
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        here = str(Path(sys.executable).with_name("twistd"))
        copy = folder / UNIT.name
        copy.write_text(UNIT.read_text().replace("/opt/flamenco-manager/bin/twistd", here))
        await run(analyze, "verify", "--man=no", copy, directory=folder)
