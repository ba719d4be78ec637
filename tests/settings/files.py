"""Configuration files for tests."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.settings import ConfigErrors, Loaded, Settings, load

V2 = "_meta: {version: 2}\n"


class FileTestCase(SynchronousTestCase):
    """Tests that read files in a run directory of their own."""

    def setUp(self) -> None:
        """Make the run directory."""
        self.rundir = Path(self.mktemp()).absolute()
        self.rundir.mkdir()
        self.file = self.rundir / "manager.yaml"

    def write(self, content: str | bytes) -> Path:
        """Write a file that only its owner may read, and return its path."""
        self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.file.chmod(0o600)
        return self.file

    def load(self, content: str | bytes) -> Loaded:
        """Return what a file with this content says."""
        return load(self.write(content), self.rundir)

    def settings(self, content: str) -> Settings:
        """Return the settings of a file of version 2."""
        return self.load(V2 + content).settings

    def warnings(self, content: str) -> tuple[str, ...]:
        """Return the warnings about a file of version 2."""
        return self.load(V2 + content).warnings

    def mistakes(self, content: str | bytes) -> list[str]:
        """Return the mistakes in a file, as they are shown."""
        errors = self.assertRaises(ConfigErrors, self.load, content)
        self.assertEqual(str(errors).splitlines()[1:], [f"  {problem}" for problem in errors.problems])
        return [str(problem) for problem in errors.problems]

    def assert_mistake(self, content: str | bytes, *parts: str) -> None:
        """Check that a file has one mistake, and that what is said of it has these parts."""
        (mistake,) = self.mistakes(content)
        for part in parts:
            self.assertIn(part, mistake)
