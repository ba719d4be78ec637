"""What a Worker's commands ask of their settings, and how long they take."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from attrs import define, field, frozen

from flamenco_mgr.demo.worker.answers import HandedCommand, HandedTask

Duration = Callable[[HandedTask, HandedCommand], float]
"""How many seconds of the Worker's time a command takes."""

_TEXT: tuple[type, ...] = (str,)
_WHOLE: tuple[type, ...] = (int,)
_NUMBER: tuple[type, ...] = (int, float)


@frozen
class _Checks:
    required: Mapping[str, tuple[type, ...]]
    optional: Mapping[str, tuple[type, ...]] = field(factory=dict)


def _texts(*keys: str) -> dict[str, tuple[type, ...]]:
    return dict.fromkeys(keys, _TEXT)


def _wholes(*keys: str) -> dict[str, tuple[type, ...]]:
    return dict.fromkeys(keys, _WHOLE)


_MOVING = _Checks(_texts("src", "dest"))
_REMOVING = _Checks(_texts("path"))
_RENDERING = _texts("blender_cmd", "filepath")
_RENDERING_MORE = _texts("render_output", "format", "frames", "python_expr")
_MERGING = _texts("blender_cmd", "input1", "input2", "output") | _wholes("weight1", "weight2")

_COMMANDS: Mapping[str, _Checks] = {
    "echo": _Checks(_texts("message")),
    "sleep": _Checks({"time_in_seconds": _NUMBER}),
    "log_a_lot": _Checks({}, _wholes("lines")),
    "exec": _Checks(_texts("cmd")),
    "move_out_of_way": _Checks(_texts("src")),
    "move_to_final": _MOVING,
    "copy_file": _MOVING,
    "move_with_counter": _MOVING,
    "remove_tree": _REMOVING,
    "remove_file": _REMOVING,
    "create_python_file": _Checks(_texts("filepath", "contents")),
    "blender_render": _Checks(_RENDERING, _RENDERING_MORE),
    "blender_render_progressive": _Checks(
        _RENDERING | _wholes("cycles_num_chunks", "cycles_chunk_start", "cycles_chunk_end"), _RENDERING_MORE
    ),
    "blender_render_audio": _Checks(
        _RENDERING | _texts("render_output"), _RENDERING_MORE | _wholes("frame_start", "frame_end")
    ),
    "exr_sequence_to_jpeg": _Checks(_RENDERING | _texts("exr_glob"), _RENDERING_MORE | _texts("output_pattern")),
    "merge_progressive_renders": _Checks(_MERGING),
    "merge_progressive_render_sequence": _Checks(_MERGING | _wholes("frame_start", "frame_end")),
    "create_video": _Checks(_texts("input_files", "output_file") | {"fps": _NUMBER}, _texts("ffmpeg_cmd")),
    "concatenate_videos": _Checks(_texts("input_files", "output_file"), _texts("ffmpeg_cmd")),
    "mux_audio": _Checks(_texts("audio_file", "video_file", "output_file"), _texts("ffmpeg_cmd")),
    "encode_audio": _Checks(_texts("input_file", "output_file", "codec", "bitrate"), _texts("ffmpeg_cmd")),
}


def is_known(command: HandedCommand) -> bool:
    """Whether Worker 2.5 has a command of this name."""
    return command.name in _COMMANDS


def why_invalid(command: HandedCommand) -> str:
    """Return why a known command refuses its settings, or the empty text (worker-api.md 4.3)."""
    checks = _COMMANDS[command.name]
    for key, types in (*checks.required.items(), *checks.optional.items()):
        value: Any = command.settings.get(key)
        if value is None and key in checks.optional:
            continue
        if not isinstance(value, types):
            return f"{key} must be {types[-1].__name__}"
    return ""


@define(eq=False)
class UsualDurations:
    """An ``echo`` takes no time, a ``sleep`` its own, every other command 2 to 30 s by chance."""

    random: Random

    def __call__(self, task: HandedTask, command: HandedCommand) -> float:  # noqa: ARG002 a Duration is given both
        """Return the seconds that the command takes."""
        if command.name == "echo":
            return 0.0
        asked = command.settings.get("time_in_seconds")
        if command.name == "sleep" and isinstance(asked, (int, float)):
            return float(asked)
        return self.random.uniform(2.0, 30.0)
