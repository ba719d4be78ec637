"""The job that is rendered for real: some small frames of a flamingo, and a video of them."""

from collections.abc import Mapping
from typing import Any, Final

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft

FRAMES: Final = 24
"""How many the scene has."""

FRAMES_PER_SECOND: Final = 12
SCENE: Final = "flamingo.blend"
VIDEO: Final = "flamingo.mkv"

CHUNK: Final = 3
"""Frames of a task."""

_HALF_SIZE: Final = "import bpy; bpy.context.scene.render.resolution_percentage = 50"
_UNFINISHED: Final = "{render}/flamingo__intermediate"
_FINISHED: Final = "{render}/flamingo"


def flamingo_job(tasks: int) -> JobDraft:
    """Return a job of about so many tasks: they render all frames of the scene, or as many as they get to."""
    frames = min(FRAMES, CHUNK * max(1, tasks - 2))
    renders = [_render(first, min(first + CHUNK - 1, frames)) for first in range(1, frames + 1, CHUNK)]
    video = _task(
        "create-video",
        "video-encoding",
        "create_video",
        {
            "input_files": f"{_UNFINISHED}/*.png",
            "output_file": f"{_UNFINISHED}/{VIDEO}",
            "fps": FRAMES_PER_SECOND,
            "ffmpeg_cmd": "{ffmpeg}",
        },
        parents=tuple(range(len(renders))),
    )
    move = _task(
        "move-to-final",
        "file-management",
        "move_to_final",
        {"src": _UNFINISHED, "dest": _FINISHED},
        parents=(len(renders),),
    )
    return JobDraft(
        name=f"render {frames} frames of a flamingo", job_type="blender-render", tasks=[*renders, video, move]
    )


def _render(first: int, last: int) -> TaskDraft:
    settings = {
        "blender_cmd": "{blender}",
        "filepath": f"{{job_storage}}/{SCENE}",
        "python_expr": _HALF_SIZE,
        "format": "PNG",
        "render_output": f"{_UNFINISHED}/######",
        "frames": f"{first}..{last}",
    }
    return _task(f"blender-render-{first}-{last}", "blender-render", "blender_render", settings)


def _task(
    name: str, task_type: str, command: str, settings: Mapping[str, Any], parents: tuple[int, ...] = ()
) -> TaskDraft:
    return TaskDraft(
        name=name, task_type=task_type, commands=[{"name": command, "settings": settings}], parents=parents
    )
