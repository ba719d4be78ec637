"""A store's file takes the place of the one before, which is kept."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping.embedded import give_to_owner
from flamenco_mgr.storekeeping.new_file import sync
from flamenco_mgr.storekeeping.trouble import NotDone


def put_in_place(draft: Path, directory: Path, now: float) -> Path | None:
    """
    Let a file, which is on the disk as a whole, be the store of a directory that no Manager uses.

    Return where the store before is kept, None if there was none. At every instant there is one or the other under the
    store's name. Raises OSError, and `NotDone` if another program has the store open.
    """
    path = directory / FILE
    kept = _keep(path, now) if os.path.lexists(path) else None
    give_to_owner(draft, directory)
    draft.replace(path)
    sync(directory)
    return kept


def _keep(path: Path, now: float) -> Path:
    when = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    kept = _unused(path.with_name(f"{path.name}.before-{when}"))
    log, kept_log = path.with_name(f"{path.name}-wal"), kept.with_name(f"{kept.name}-wal")
    if log.exists():  # to open a store that cannot be read may remove its log
        shutil.copyfile(log, kept_log)
    if _empty_log(path):
        kept_log.unlink(missing_ok=True)
    for beside in (log, path.with_name(f"{path.name}-shm")):
        beside.unlink(missing_ok=True)
    os.link(path, kept)
    sync(path.parent)
    return kept


def _unused(path: Path) -> Path:
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _empty_log(path: Path) -> bool:
    """
    Let the store be whole in its one file: what is in its log would be taken for the new store's.

    False if it is damaged, and can only be kept as it is.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.DatabaseError:
        return False
    if busy:
        raise NotDone(f"another program has {path} open; close it, and try again")
    return True
