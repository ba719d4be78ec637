"""The Manager's configuration in the demonstration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from flamenco_mgr.demo.plan import MANAGER_ID, MANAGER_SECRET

_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "blender": ("/opt/blender/blender", "C:/Blender/blender.exe"),
    "ffmpeg": ("/usr/bin/ffmpeg", "C:/ffmpeg/ffmpeg.exe"),
    "job_storage": ("/shared/jobs", "J:"),
    "render": ("/shared/render", "R:"),
}
"""Variables with their values on Linux and on Windows."""


def manager_yaml(*, server_url: str, manager_port: int, database: Mapping[str, str], task_logs: Path) -> str:
    """Return a manager.yaml for a farm on this machine, with intervals as short as its Workers' lives."""
    return yaml.safe_dump(
        {
            "_meta": {"version": 2},
            "manager_name": "Demonstration",
            "mode": "develop",
            "listen": f"127.0.0.1:{manager_port}",
            "flamenco": server_url,
            "manager_id": MANAGER_ID,
            "manager_secret": MANAGER_SECRET,
            **database,
            "task_logs_path": str(task_logs),
            "download_task_sleep": "2s",
            "download_task_recheck_throttle": "500ms",
            "task_update_push_max_interval": "500ms",
            "cancel_task_fetch_max_interval": "500ms",
            "ssdp_discovery": False,
            "shaman": {"enabled": False},
            "variables": {name: _variable(*values) for name, values in _PLACES.items()},
        },
        sort_keys=False,
    )


def _variable(linux: str, windows: str) -> dict[str, Any]:
    values = [{"platform": "linux", "value": linux}, {"platform": "windows", "value": windows}]
    return {"direction": "oneway", "values": values}
