"""One Manager to a directory."""

import fcntl
import os
from pathlib import Path

from attrs import frozen

from flamenco_mgr.store.interfaces import StoreRefused


@frozen(eq=False)
class DirectoryLock:
    """The lock on a store's directory; the operating system lets go of it when the process ends, however it ends."""

    _path: Path
    _descriptor: int
    _made: bool

    @classmethod
    def acquire(cls, path: Path) -> "DirectoryLock":
        """Lock, or raise `StoreRefused` with the number of the process that has the lock."""
        while True:
            made = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(descriptor)
                raise StoreRefused(
                    f"another Manager (process {holder}) uses {path.parent}; stop it, or set another database_path"
                ) from None
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return cls(path, descriptor, made)
            os.close(descriptor)  # its last holder removed it in between

    def release(self, *, without_trace: bool = False) -> None:
        """Let go; ``without_trace``: remove the file, if it was not there before."""
        if without_trace and self._made:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
