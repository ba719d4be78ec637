"""The Manager's configuration in the demonstration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from flamenco_mgr.demo.plan import FAILURES_OF_A_TASK, FAILURES_OF_A_WORKER, MANAGER_ID, MANAGER_SECRET

VARIABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "blender": {"linux": "/opt/blender/blender", "windows": "C:/Blender/blender.exe"},
    "ffmpeg": {"linux": "/usr/bin/ffmpeg", "windows": "C:/ffmpeg/ffmpeg.exe"},
    "job_storage": {"linux": "/shared/jobs", "windows": "J:"},
    "render": {"linux": "/shared/render", "windows": "R:"},
}
"""Variables with their values by platform, where nothing is rendered."""


def manager_yaml(
    *,
    server_url: str,
    manager_port: int,
    database: Mapping[str, str],
    task_logs: Path,
    variables: Mapping[str, Mapping[str, str]],
) -> str:
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
            "blacklist_threshold": FAILURES_OF_A_WORKER,
            "task_fail_after_softfail_count": FAILURES_OF_A_TASK,
            "ssdp_discovery": False,
            "shaman": {"enabled": False},
            "variables": {name: _variable(values) for name, values in variables.items()},
        },
        sort_keys=False,
    )


def _variable(values: Mapping[str, str]) -> dict[str, Any]:
    listed = [{"platform": platform, "value": value} for platform, value in values.items()]
    return {"direction": "oneway", "values": listed}
