"""A status of a farm as ``GET /api/v1/status`` tells it (docs/api.md)."""

from typing import Any


def a_status(**changed: Any) -> dict[str, Any]:
    """Return the status of a farm in which all is well, with some of its parts changed."""
    status: dict[str, Any] = {
        "version": "3.0.0",
        "name": "Flamenco Manager",
        "mode": "production",
        "now": "2026-11-24T13:57:12Z",
        "started": "2026-11-20T08:00:03Z",
        "server": {
            "linked": True,
            "name": "flamenco.example",
            "url": "https://flamenco.example/flamenco/",
            "reachable": True,
            "since": "2026-11-24T13:57:02Z",
            "reason": "",
            "refusal": "",
            "is_asked": True,
            "last_push": "2026-11-24T13:57:09Z",
            "clock_offset": 0.4,
        },
        "duties": {"here": True, "holder": "manager1, process 4711", "managers": ["manager1, process 4711"]},
        "workers": {"total": 11, "by_status": {"asleep": 2, "awake": 9}, "sick": 0},
        "tasks": {"total": 10423, "by_status": {"active": 9, "claimed-by-manager": 10414}, "age": 0.0},
        "updates": {"waiting": 3, "oldest_age": 2.1, "parked": 0},
    }
    for name, part in changed.items():
        status[name] = {**status[name], **part} if isinstance(part, dict) else part
    return status
