"""The Manager as an operator starts it: a twistd process with a configuration file and a directory of its own."""

import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from bench.farm import MANAGER_ID, MANAGER_SECRET
from bench.processes import Broken, Child, free_port, start

_PATIENCE = 60.0
_POLL = 0.005


@frozen(kw_only=True)
class Home:
    """Where a Manager is to live: its run directory, and what its configuration says of its store."""

    directory: Path
    settings: Mapping[str, object] = field(factory=dict)


@define(eq=False, kw_only=True)
class Manager(Child):
    """
    A Manager that serves.

    ``listening`` and ``serving`` are the seconds from the start of its process until it took connections, and until it
    answered other than 503; ``served_at`` is when that was, in seconds of the machine's steady clock.
    """

    home: Home
    listening: float = 0.0
    serving: float = 0.0
    served_at: float = 0.0

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.home.directory / "twistd.log"


@contextmanager
def running_manager(
    home: Home,
    server_port: int,
    *,
    environment: Mapping[str, str] | None = None,
    profile: Path | None = None,
    samples: Path | None = None,
) -> Iterator[Manager]:
    """
    Run a Manager at its home.

    With ``profile`` it runs under cProfile, which writes its statistics there; with ``samples`` as `bench.sampled` has
    it, which writes its samples there.
    """
    port, directory = free_port(), home.directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "manager.yaml").write_text(json.dumps(_settings(port, server_port) | dict(home.settings), indent=1))
    (directory / "manager.yaml").chmod(0o600)
    command = [str(Path(sys.executable).with_name("twistd"))]
    if samples is not None:
        command = [sys.executable, "-m", "bench.sampled", str(samples), "twistd"]
    command += ["--nodaemon", "--pidfile="]
    if profile is not None:
        command += [f"--profile={profile}", "--profiler=cprofile", "--savestats"]
    command += ["--logfile=twistd.log", "flamenco-manager"]
    began = time.monotonic()
    child = start("twistd", command, directory=directory, environment=environment)
    manager = Manager(name="Manager", process=child.process, port=port, home=home)
    try:
        manager.listening = _when(manager, began, serving=False)
        manager.serving = _when(manager, began, serving=True)
        manager.served_at = time.perf_counter()
        yield manager
    finally:
        manager.stop()


def _settings(port: int, server_port: int) -> dict[str, object]:
    return {
        "_meta": {"version": "2"},
        "listen": f"127.0.0.1:{port}",
        "own_url": f"http://127.0.0.1:{port}/",
        "flamenco": f"http://127.0.0.1:{server_port}/",
        "manager_id": MANAGER_ID,
        "manager_secret": MANAGER_SECRET,
        "database_path": "db",
        "task_logs_path": "task-logs",
        "ssdp_discovery": "false",
        "active_worker_timeout_interval": "24h",  # most of the registered Workers are never heard of
        "variables": {
            "blender": {"direction": "oneway", "values": [{"platform": "linux", "value": "/opt/blender/blender"}]},
            "render": {"direction": "twoway", "values": [{"platform": "linux", "value": "/shared/render"}]},
            "job_storage": {"direction": "twoway", "values": [{"platform": "linux", "value": "/shared/jobs"}]},
        },
    }


def _when(manager: Manager, began: float, *, serving: bool) -> float:
    end = began + _PATIENCE
    while time.monotonic() < end and manager.process.poll() is None:
        status = _status(manager.port)
        if status is not None and (status != http.HTTPStatus.SERVICE_UNAVAILABLE or not serving):
            return time.monotonic() - began
        time.sleep(_POLL)
    raise Broken(f"the Manager does not start: see its logs in {manager.home.directory}")


def _status(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/status-change")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
