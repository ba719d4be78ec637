"""A file that is there as a whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flamenco_mgr.storekeeping.trouble import NotDone


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """
    Give an empty file beside ``path``, for its owner alone, which becomes ``path`` at the end if nothing fails.

    It is on the disk by then, and nothing is left of it if something fails. `NotDone` if ``path`` is there, unless it
    is to be overwritten, or if the file cannot be written: the disk is full, the directory is missing.
    """
    if not overwrite and os.path.lexists(path):
        raise there(path)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    except OSError as e:
        raise NotDone(f"cannot write to the directory {path.parent}: {e.strerror}") from e
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        sync(draft)
        _named(draft, path, overwrite=overwrite)
        sync(path.parent)
    except OSError as e:
        raise unwritten(path, e) from e
    finally:
        draft.unlink(missing_ok=True)


def there(path: Path) -> NotDone:
    """Return the refusal to overwrite."""
    return NotDone(f"{path} is there already, and is not overwritten; name another file, or say --force")


def unwritten(path: Path | str, error: OSError) -> NotDone:
    """Return why a file could not be written, for people."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    why = "there is no space left for it" if full else error.strerror or str(error)
    return NotDone(f"{path} could not be written: {why}; nothing is left of it")


def _named(draft: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        draft.replace(path)
        return
    try:
        os.link(draft, path)  # unlike renaming, this finds out if somebody was faster
    except FileExistsError:
        raise there(path) from None
    except PermissionError:  # file systems without links
        draft.rename(path)


def sync(path: Path) -> None:
    """Have what was written to a file, or made in a directory, on the disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
