"""A copy of the tree, in which a mistake is made."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]

_LEFT_OUT = shutil.ignore_patterns(".*", "_trial_temp*", "*-run", "*.egg-info", "build", "dist", "db", "task-logs")


class DoesNotApply(Exception):
    """The place of a mistake is no longer as its patch knows it; the text is what ``patch`` says."""


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of the checkout that goes afterwards."""
    with TemporaryDirectory(prefix="flamenco-mutation-", ignore_cleanup_errors=True) as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(CHECKOUT, tree, ignore=_LEFT_OUT)
        yield tree


def apply(patch: Path, tree: Path, *, dry: bool = False) -> None:
    """Make a mistake in a tree, or only see whether that can be done; raises `DoesNotApply`."""
    command = ["patch", "--strip=1", "--fuzz=0", "--batch", "--forward", "--reject-file=-", "--no-backup-if-mismatch"]
    if dry:
        command.append("--dry-run")
    done = subprocess.run(
        [*command, f"--directory={tree}", f"--input={patch.resolve()}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DoesNotApply(f"{patch.name}: {done.stdout.strip() or done.stderr.strip()}")
