"""The answers of real Servers that are kept as examples (server-api.md 15.1)."""

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from flamenco_mgr.demo.standin.instants import microseconds


class Example(str, Enum):
    """An example by its file's name; each is a complete clean slate."""

    BLENDER_RENDER = "depsgraph-blender-render"
    PROGRESSIVE = "depsgraph-blender-render-progressive"
    EXEC_COMMAND = "depsgraph-exec-command"
    SLEEP = "depsgraph-sleep"
    VIDEO_CHUNKS = "depsgraph-blender-video-chunks"
    EDGE_CASES = "depsgraph-edge-cases"

    __str__ = str.__str__


LAST_UPDATED: Final[Mapping[Example, str]] = {
    Example.BLENDER_RENDER: "2019-11-12T13:57:09.412000+00:00",
    Example.PROGRESSIVE: "2019-11-13T09:12:45.031000+00:00",
    Example.EXEC_COMMAND: "2019-11-14T07:26:42.250000+00:00",
    Example.SLEEP: "2019-11-14T08:07:08+00:00",
    Example.VIDEO_CHUNKS: "2019-11-15T16:40:03.777000+00:00",
    Example.EDGE_CASES: "2019-11-18T19:41:52.900000+00:00",
}
"""The ``X-Flamenco-Last-Updated`` that belongs to each."""


@cache
def documents(example: Example) -> Sequence[Mapping[str, Any]]:
    """Return the tasks of an example, as they are on the wire."""
    file = files("flamenco_mgr.demo") / "examples" / f"{example.value}.json"
    text = file.read_text(encoding="utf-8")
    tasks: Sequence[Mapping[str, Any]] = json.loads(text)["depsgraph"]
    return tasks


def newest(example: Example) -> int:
    """Return the ``_updated`` of the example's latest tasks, to the millisecond."""
    return microseconds(LAST_UPDATED[example]) // 1000
