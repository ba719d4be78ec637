"""The Managers of the demonstration, each with a configuration of its own on what they share."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flamenco_mgr.demo.configuration import manager_yaml
from flamenco_mgr.demo.database import Database
from flamenco_mgr.demo.manager_process import ManagerProcess

HERE = "127.0.0.1"


def configured(
    directory: Path,
    database: Database,
    server_url: str,
    reactor: Any,
    variables: Mapping[str, Mapping[str, str]],
) -> Sequence[ManagerProcess]:
    """Return as many Managers as the database is for, not started yet, each with a run directory in ``directory``."""
    managers = []
    for number in range(1, database.managers + 1):
        home, port = directory / f"manager-{number}", free_port()
        home.mkdir()
        configuration = home / "manager.yaml"
        configuration.touch(mode=0o600)
        configuration.write_text(
            manager_yaml(
                server_url=server_url,
                manager_port=port,
                database=database.settings,
                task_logs=task_logs(directory),
                variables=variables,
            )
        )
        managers.append(
            ManagerProcess(
                name="The Manager" if database.managers == 1 else f"Manager {number}",
                url=f"http://{HERE}:{port}/",
                processes=reactor,
                clock=reactor,
                directory=home,
            )
        )
    return managers


def task_logs(directory: Path) -> Path:
    """Return where all of them write the tasks' logs."""
    return directory / "task-logs"


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.create_server((HERE, 0)) as found:
        port: int = found.getsockname()[1]
        return port
