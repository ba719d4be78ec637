"""The command lines by which Workers render and encode (server-api.md 15.3, worker-api.md 4.3)."""

import shlex
from collections.abc import Mapping

Settings = Mapping[str, object]


def command_line(name: str, settings: Settings) -> list[str] | None:
    """Return the program and its arguments for a command, None for one that needs no program."""
    if name == "blender_render":
        return _blender(settings)
    if name == "create_video":
        return _ffmpeg(settings)
    return None


def _blender(settings: Settings) -> list[str]:
    line = [*shlex.split(str(settings["blender_cmd"])), "--background", str(settings["filepath"])]
    # Blender does what its arguments say one after the other: frames come last.
    for option, key in (
        ("--python-expr", "python_expr"),
        ("--render-output", "render_output"),
        ("--render-format", "format"),
        ("--render-frame", "frames"),
    ):
        if settings.get(key):
            line += [option, str(settings[key])]
    return line


def _ffmpeg(settings: Settings) -> list[str]:
    return [
        *shlex.split(str(settings["ffmpeg_cmd"])),
        *("-hide_banner", "-nostdin", "-nostats", "-y"),
        *("-framerate", str(settings["fps"]), "-pattern_type", "glob", "-i", str(settings["input_files"])),
        # This format has no odd sizes.
        *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        str(settings["output_file"]),
    ]
